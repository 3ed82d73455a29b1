"""The async API."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import NoReturn, Self, TypeVar

import redis.asyncio

from cryptoorders_redis.observing import Observer
from cryptoorders_redis.operations import Operation
from cryptoorders_redis.operations.bulk import change_many, place_many, place_many_of
from cryptoorders_redis.operations.count import count
from cryptoorders_redis.operations.drop import drop
from cryptoorders_redis.operations.pages import LiveOrders
from cryptoorders_redis.operations.queries import query
from cryptoorders_redis.operations.standalone import Standalone
from cryptoorders_redis.operations.stats import Stats, stats
from cryptoorders_redis.operations.summary import Summary, summary
from cryptoorders_redis.operations.verify import Inconsistency, verify
from cryptoorders_redis.order import (
    Metadata,
    NewOrder,
    Number,
    Order,
    OrderFields,
    StatusName,
    UsersOrderFields,
)
from cryptoorders_redis.transport.aio_connections import AsyncConnections
from cryptoorders_redis.transport.endpoint import make_endpoint
from cryptoorders_redis.transport.executor import Executor
from cryptoorders_redis.transport.sessions import Sessions
from cryptoorders_redis.validation import validate_text

T = TypeVar("T")


class AsyncCryptoOrderSystem:
    """`CryptoOrderSystem`, awaited: each call promises, raises and costs what it does there.

    One object serves any number of tasks of one event loop; a thousand calls at a time share at most
    50 connections. The namespace is joined, or created, by `async with` or else by the first call:
    what the constructor of `CryptoOrderSystem` raises comes from there, except for `ValueError` and
    `TypeError`. A call that is cancelled may have taken effect or not; it never takes, or hands on,
    the answer to another.

    Example:
        >>> async def main():
        ...     async with AsyncCryptoOrderSystem(num_streams=3, url="memory://") as system:
        ...         await system.place("order1", "alice", "BTC", "0.5", 60_000)
        ...         await system.pause("order1")
        ...         return await system.display_all_live_orders()
        >>> asyncio.run(main())
        ['order1(paused)']
    """

    def __init__(
        self,
        num_streams: int | None = None,
        *,
        url: str | None = None,
        client: redis.asyncio.Redis | None = None,
        namespace: str = "cryptoorders",
        create: bool = True,
        deadline_seconds: float = 10.0,
        observer: Observer | None = None,
    ) -> None:
        """Prepare to join a namespace of orders; the parameters are those of `CryptoOrderSystem`.

        Raises:
            TypeError, ValueError: an argument is not legal.
        """
        self._node = Standalone(namespace)
        self._node.open(num_streams, create=create)  # refuses what is not legal, and sends nothing yet
        self._num_streams = num_streams
        self._create = create
        self._opening = asyncio.Lock()
        self._opened = False
        self._sessions = Sessions(self._node.keys)
        self._executor = Executor(self._sessions, deadline_seconds, observer)
        source = make_endpoint(url, client, redis.asyncio)
        self._where = source.where
        self._connections = AsyncConnections(source)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def place(
        self,
        order_id: str,
        user_id: str,
        currency: str,
        amount: Number,
        price: Number,
        *,
        metadata: Metadata | None = None,
    ) -> bool:
        """Place an order; see `CryptoOrderSystem.place`."""
        return await self._run(
            self._node.place(NewOrder(order_id, user_id, currency, amount, price, metadata))
        )

    async def pause(self, order_id: str) -> bool:
        """Pause an order; see `CryptoOrderSystem.pause`."""
        return await self._run(self._node.pause(order_id))

    async def resume(self, order_id: str) -> bool:
        """Resume an order; see `CryptoOrderSystem.resume`."""
        return await self._run(self._node.resume(order_id))

    async def cancel(self, order_id: str) -> bool:
        """Cancel an order; see `CryptoOrderSystem.cancel`."""
        return await self._run(self._node.cancel(order_id))

    async def amend(
        self,
        order_id: str,
        *,
        amount: Number | None = None,
        price: Number | None = None,
        expected_amount: Number | None = None,
        expected_price: Number | None = None,
    ) -> bool:
        """Change a live order's amount, its price, or both; see `CryptoOrderSystem.amend`."""
        return await self._run(
            self._node.amend(
                order_id,
                amount=amount,
                price=price,
                expected_amount=expected_amount,
                expected_price=expected_price,
            )
        )

    async def reduce(self, order_id: str, by: Number) -> Decimal | None:
        """Take `by` off a live order's amount, and return what is left."""
        return await self._run(self._node.reduce(order_id, by))

    async def cancel_all_by_user(self, user_id: str) -> int:
        """Cancel all of a user's orders; see `CryptoOrderSystem.cancel_all_by_user`."""
        return await self._run(self._node.cancel_all_by_user(user_id))

    async def place_many(self, orders: Iterable[NewOrder | OrderFields]) -> list[bool]:
        """Place orders in turn; see `CryptoOrderSystem.place_many`."""
        return await self._run(place_many(self._node, orders))

    async def pause_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Pause orders in turn; see `CryptoOrderSystem.pause_many`."""
        return await self._run(change_many(self._node, "pause", order_ids))

    async def resume_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Resume orders in turn; see `CryptoOrderSystem.resume_many`."""
        return await self._run(change_many(self._node, "resume", order_ids))

    async def cancel_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Cancel orders in turn; see `CryptoOrderSystem.cancel_many`."""
        return await self._run(change_many(self._node, "cancel", order_ids))

    async def display_all_live_orders(self) -> list[str]:
        """Return the listing; see `CryptoOrderSystem.display_all_live_orders`."""
        return await self._run(self._node.display_all_live_orders())

    async def get(self, order_id: str) -> Order | None:
        """Return an order, or None; see `CryptoOrderSystem.get`."""
        return await self._run(self._node.get(order_id))

    def live_orders(
        self,
        *,
        user_id: str | None = None,
        currency: str | None = None,
        status: StatusName | None = None,
        placed_after: datetime | None = None,
        placed_before: datetime | None = None,
        limit: int | None = None,
        after: int | None = None,
    ) -> AsyncGenerator[Order]:
        """Iterate over live orders with `async for`; see `CryptoOrderSystem.live_orders`."""
        wanted = query(
            user_id=user_id,
            currency=currency,
            status=status,
            placed_after=placed_after,
            placed_before=placed_before,
            limit=limit,
            after=after,
        )
        pages = LiveOrders(self._node, wanted)

        async def orders() -> AsyncGenerator[Order]:
            while page := await self._run(pages.next_page()):
                for order in page:
                    yield order

        return orders()

    async def count(self, *, user_id: str | None = None, status: StatusName | None = None) -> int:
        """Return how many orders are live; see `CryptoOrderSystem.count`."""
        return await self._run(count(self._node, user_id, status))

    async def stats(self) -> Stats:
        """Return what the streams hold; see `CryptoOrderSystem.stats`."""
        return await self._run(stats(self._node))

    async def summary(self, *, newest: int = 10, after: int = 0) -> Summary:
        """Return counts and the newest orders; see `CryptoOrderSystem.summary`."""
        return await self._run(summary(self._node, newest, after))

    async def verify(self) -> list[Inconsistency]:
        """Return what keys disagree on; see `CryptoOrderSystem.verify`."""
        return await self._run(verify(self._node))

    async def drop(self) -> None:
        """Remove the namespace with all its orders; see `CryptoOrderSystem.drop`."""
        await self._run(drop(self._node))

    def user(self, user_id: str) -> "AsyncUserOrders":
        """Return the orders of one user. Nothing is sent, and nothing to await."""
        return AsyncUserOrders(self, user_id)

    async def close(self) -> None:
        """Close the connections that were opened here. Every call after it raises `StoreClosed`."""
        await self._connections.close()

    def __repr__(self) -> str:
        namespace = self._node.keys.namespace
        num_streams = self._node.num_streams or self._num_streams
        return f"{type(self).__name__}({num_streams}, url={self._where!r}, namespace={namespace!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled or copied: hand over its url and namespace, and open "
            "one in the other process"
        )

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _be_in_one_loop(self) -> None:
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if loop is not self._loop:
            raise RuntimeError(
                "this AsyncCryptoOrderSystem belongs to another event loop, where it was used first: "
                "open one in each event loop"
            )

    async def _open(self) -> None:
        self._be_in_one_loop()
        async with self._opening:
            if not self._opened:
                await self._converse(self._node.open(self._num_streams, create=self._create))
                self._opened = True

    async def _run(self, operation: Operation[T]) -> T:
        self._be_in_one_loop()
        if not self._opened:
            await self._open()
        return await self._converse(operation)

    async def _converse(self, operation: Operation[T]) -> T:
        conversation = self._executor.execute(operation)
        try:
            request = next(conversation)
            while True:
                if request.wait_seconds:
                    await asyncio.sleep(request.wait_seconds)
                try:
                    replies = await self._connections.exchange(
                        request.data, request.num_replies, request.give_up_at
                    )
                except Exception as error:  # noqa: BLE001 - the conversation decides what it means
                    request = conversation.throw(error)
                else:
                    request = conversation.send(replies)
        except StopIteration as done:
            return done.value


class AsyncUserOrders:
    """`UserOrders`, awaited."""

    def __init__(self, system: AsyncCryptoOrderSystem, user_id: str) -> None:
        """Use `AsyncCryptoOrderSystem.user`."""
        self._system = system
        self._node = system._node  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._run = system._run  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self.user_id: str = validate_text(user_id, "user_id")

    def __repr__(self) -> str:
        return f"{self._system!r}.user({self.user_id!r})"

    async def place(
        self, order_id: str, currency: str, amount: Number, price: Number, *, metadata: Metadata | None = None
    ) -> bool:
        """Place an order of this user's; see `UserOrders.place`."""
        new = NewOrder(order_id, self.user_id, currency, amount, price, metadata)
        return await self._run(self._node.place(new))

    async def pause(self, order_id: str) -> bool:
        """Pause an order of this user's; see `UserOrders.pause`."""
        return await self._run(self._node.pause(order_id, self.user_id))

    async def resume(self, order_id: str) -> bool:
        """Resume an order of this user's; see `UserOrders.resume`."""
        return await self._run(self._node.resume(order_id, self.user_id))

    async def cancel(self, order_id: str) -> bool:
        """Cancel an order of this user's; see `UserOrders.cancel`."""
        return await self._run(self._node.cancel(order_id, self.user_id))

    async def amend(
        self,
        order_id: str,
        *,
        amount: Number | None = None,
        price: Number | None = None,
        expected_amount: Number | None = None,
        expected_price: Number | None = None,
    ) -> bool:
        """Amend an order of this user's; see `UserOrders.amend`."""
        return await self._run(
            self._node.amend(
                order_id,
                self.user_id,
                amount=amount,
                price=price,
                expected_amount=expected_amount,
                expected_price=expected_price,
            )
        )

    async def reduce(self, order_id: str, by: Number) -> Decimal | None:
        """Take `by` off a live order's amount, and return what is left."""
        return await self._run(self._node.reduce(order_id, by, self.user_id))

    async def place_many(self, orders: Iterable[UsersOrderFields]) -> list[bool]:
        """Place orders of this user's: tuples of order id, currency, amount and price."""
        return await self._run(place_many_of(self._node, self.user_id, orders))

    async def pause_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Pause those of the orders that are this user's and ACTIVE."""
        return await self._run(change_many(self._node, "pause", order_ids, self.user_id))

    async def resume_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Resume those of the orders that are this user's and PAUSED."""
        return await self._run(change_many(self._node, "resume", order_ids, self.user_id))

    async def cancel_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Cancel those of the orders that are this user's and live."""
        return await self._run(change_many(self._node, "cancel", order_ids, self.user_id))

    async def get(self, order_id: str) -> Order | None:
        """Return an order of this user's as it is now; None if it is not theirs, or not live."""
        return await self._run(self._node.get(order_id, self.user_id))

    def live_orders(
        self,
        *,
        currency: str | None = None,
        status: StatusName | None = None,
        placed_after: datetime | None = None,
        placed_before: datetime | None = None,
        limit: int | None = None,
        after: int | None = None,
    ) -> AsyncGenerator[Order]:
        """Iterate over this user's live orders that match all given filters, in placement order."""
        return self._system.live_orders(
            user_id=self.user_id,
            currency=currency,
            status=status,
            placed_after=placed_after,
            placed_before=placed_before,
            limit=limit,
            after=after,
        )

    async def count(self, *, status: StatusName | None = None) -> int:
        """Return how many live orders this user has, or how many of a status."""
        return await self._system.count(user_id=self.user_id, status=status)

    async def cancel_all(self) -> int:
        """Cancel all of this user's orders; see `UserOrders.cancel_all`."""
        return await self._run(self._node.cancel_all_by_user(self.user_id))

    async def display_all_live_orders(self) -> list[str]:
        """Return this user's listing; see `UserOrders.display_all_live_orders`."""
        return await self._run(self._node.display_live_orders_of(self.user_id))
