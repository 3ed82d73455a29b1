"""The sync API."""

import time
from collections.abc import Generator, Iterable
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import NoReturn, Self, TypeVar

import redis

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
from cryptoorders_redis.transport.connections import Connections
from cryptoorders_redis.transport.endpoint import make_endpoint
from cryptoorders_redis.transport.executor import Executor
from cryptoorders_redis.transport.sessions import Sessions
from cryptoorders_redis.validation import validate_text

T = TypeVar("T")


class CryptoOrderSystem:
    """A store of live orders that any number of processes share.

    What a call returned is what the server holds: nothing is kept or queued here, and nothing is
    loaded at the start. One object serves any number of threads, and a child process after a fork.

    Every call raises, besides what it names itself:
        StoreUnavailable: the server cannot be reached or does not serve; nothing was changed.
        OutcomeUnknown: the reply to a change was lost, so that it may have taken effect or not.
        AccessDenied, StoreReadOnly, StoreFull, ServerError: the server refused; nothing was changed.
        StoreClosed: after `close`.

    Example:
        >>> system = CryptoOrderSystem(num_streams=3, url="memory://")
        >>> system.place("order1", "alice", "BTC", "0.5", 60_000)
        True
        >>> system.pause("order1")
        True
        >>> system.display_all_live_orders()
        ['order1(paused)']
    """

    def __init__(
        self,
        num_streams: int | None = None,
        *,
        url: str | None = None,
        client: redis.Redis | None = None,
        namespace: str = "cryptoorders",
        create: bool = True,
        deadline_seconds: float = 10.0,
        observer: Observer | None = None,
    ) -> None:
        """Join a namespace of orders: one round trip; or create it: three more.

        Args:
            num_streams: how many streams the orders are sharded over by user, 1 to 16384; None
                takes what the namespace has, and 1 for a new one.
            url: `redis://`, `rediss://`, `unix://`, `file:DIR` or `memory://[name]`; None for
                `$CRYPTOORDERS_URL`, and without that `redis://localhost:6379/0`.
            client: a client to use in place of a url. Its connections are used, it is never closed,
                and neither its retries nor its decoding touch what is sent here.
            namespace: which orders, of all that the server holds: 1 to 100 of `A-Za-z0-9._-`.
            create: whether to create the namespace where there is none. Pass False to look: a name with a
                typing error is then an error, and not a new and empty namespace.
            deadline_seconds: how long a call waits for a free connection and goes on trying, 0 to 600, while
                a server that answered before does not. The last attempt may take as long again as its
                connection's time-out.

        Raises:
            NoSuchNamespace: there is no such namespace, and `create` is False.
            ConfigurationMismatch: the namespace has another num_streams.
            SchemaVersionMismatch: its data is of a version that this release does not know.
            TypeError, ValueError: an argument is not legal; nothing was sent.
        """
        self._node = Standalone(namespace)
        opening = self._node.open(num_streams, create=create)
        self._sessions = Sessions(self._node.keys)
        self._executor = Executor(self._sessions, deadline_seconds, observer)
        source = make_endpoint(url, client, redis)
        self._where = source.where
        self._connections = Connections(source)
        try:
            self._run(opening)
        except BaseException:
            self.close()
            raise

    def place(
        self,
        order_id: str,
        user_id: str,
        currency: str,
        amount: Number,
        price: Number,
        *,
        metadata: Metadata | None = None,
    ) -> bool:
        """Place an order, ACTIVE, behind all that are live. Atomic; O(log n) in its stream's orders.

        Args:
            order_id, user_id, currency: any text of 1 to 256 bytes of UTF-8.
            amount: above zero. Kept exactly; a float is taken by its shortest text, 0.1 as 0.1.
            price: zero or more; kept exactly.

        Returns:
            True: placed. False: the id is live already, whoever's order it is; nothing was changed.

        Raises:
            TypeError, ValueError: naming the field that is not legal; nothing was sent.
            StoreFull: the server's memory is full.
        """
        return self._run(self._node.place(NewOrder(order_id, user_id, currency, amount, price, metadata)))

    def pause(self, order_id: str) -> bool:
        """Pause an order, which keeps its place. Atomic; O(1).

        Returns:
            True: it was ACTIVE and is PAUSED now. False: it was not; nothing was changed.
        """
        return self._run(self._node.pause(order_id))

    def resume(self, order_id: str) -> bool:
        """Resume an order. Atomic; O(1).

        Returns:
            True: it was PAUSED and is ACTIVE now. False: it was not; nothing was changed.
        """
        return self._run(self._node.resume(order_id))

    def cancel(self, order_id: str) -> bool:
        """Cancel an order, ACTIVE or PAUSED: it is gone from every key, and its id is free again.

        Atomic; O(log n) in its stream's orders. Works when the server's memory is full.

        Returns:
            True: it was live. False: it was not; nothing was changed.
        """
        return self._run(self._node.cancel(order_id))

    def amend(
        self,
        order_id: str,
        *,
        amount: Number | None = None,
        price: Number | None = None,
        expected_amount: Number | None = None,
        expected_price: Number | None = None,
    ) -> bool:
        """Change a live order's amount, its price, or both. It keeps its place and its status. Atomic; O(1).

        Returns:
            True: amended, if only to what it was. False: it is not live; nothing was changed.

        Raises:
            TypeError, ValueError: neither is given, or one is not legal; nothing was sent.
            StoreFull: the server's memory is full.
        """
        return self._run(
            self._node.amend(
                order_id,
                amount=amount,
                price=price,
                expected_amount=expected_amount,
                expected_price=expected_price,
            )
        )

    def reduce(self, order_id: str, by: Number) -> Decimal | None:
        """Take `by` off a live order's amount, and return what is left."""
        return self._run(self._node.reduce(order_id, by))

    def cancel_all_by_user(self, user_id: str) -> int:
        """Cancel all of a user's orders, and return how many there were.

        Atomic; touches the user's stream alone; O(k log n) for k orders of the user's among n of the
        stream's. The server does nothing else meanwhile: about 5 µs an order.
        """
        return self._run(self._node.cancel_all_by_user(user_id))

    def place_many(self, orders: Iterable[NewOrder | OrderFields]) -> list[bool]:
        """Place orders in turn, each as `place` would: many times as fast as one by one.

        Args:
            orders: any number of `NewOrder`, or of tuples of what `place` takes.

        Returns:
            For each order whether it was placed, in their order.

        Sent 1,000 at a time, one round trip each. Each order is atomic, and so is each of these batches, in
        which the server does nothing else: about 5 ms.

        Raises:
            ValueError: naming the index of the first order that is not legal; nothing was sent.
            BulkInterrupted: stopped on the way; says which are done, which may be, and which are not.
        """
        return self._run(place_many(self._node, orders))

    def pause_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Pause orders in turn, each as `pause` would; as to all else like `place_many`."""
        return self._run(change_many(self._node, "pause", order_ids))

    def resume_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Resume orders in turn, each as `resume` would; as to all else like `place_many`."""
        return self._run(change_many(self._node, "resume", order_ids))

    def cancel_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Cancel orders in turn, each as `cancel` would; as to all else like `place_many`."""
        return self._run(change_many(self._node, "cancel", order_ids))

    def display_all_live_orders(self) -> list[str]:
        """Return all live orders in placement order, as `["order1", "order2(paused)"]`.

        What all streams held at one moment. O(n) for n live orders, and the server does nothing else
        while it reads them; `live_orders` reads by the page.
        """
        return self._run(self._node.display_all_live_orders())

    def get(self, order_id: str) -> Order | None:
        """Return an order as it is now, or None if it is not live. Atomic; O(1)."""
        return self._run(self._node.get(order_id))

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
    ) -> Generator[Order]:
        """Iterate over the live orders of which all that is given holds, in placement order.

        Read by pages of up to a thousand, so that memory stays flat and the server is never held up.
        A page is read at one moment; an order that is live throughout is given exactly once.

        Args:
            user_id: reads the ids of the user's k orders, O(k log n), and of the orders only those asked for.
            currency, status: no key is sorted by them, so all orders in the range are read.
            placed_after, placed_before: with a time zone. An order placed at the very microsecond is
                not given. O(log n) to find: what is before and behind is not read.
            limit: how many to give at most. Reading ends there.
            after: the `sequence` of the last order that was given, to go on behind it, in any process
                and at any time. O(log n) to find. An order placed later always has a higher one.

        Raises:
            TypeError, ValueError: an argument is not legal; at the call, not at the first order.

        Example:
            >>> system = CryptoOrderSystem(url="memory://")
            >>> for number in range(5):
            ...     _ = system.place(f"order{number}", "alice", "BTC", "0.5", 60_000)
            >>> page = list(system.live_orders(limit=2))
            >>> [order.order_id for order in system.live_orders(limit=2, after=page[-1].sequence)]
            ['order2', 'order3']
        """
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

        def orders() -> Generator[Order]:
            while page := self._run(pages.next_page()):
                yield from page

        return orders()

    def count(self, *, user_id: str | None = None, status: StatusName | None = None) -> int:
        """Return how many orders are live of which all that is given holds. At one moment.

        O(num_streams); of a user O(1), and with a status O(k) for the user's k orders or, if those
        are fewer, the paused ones of their stream. No order is read.

        Raises:
            TypeError, ValueError: an argument is not legal; nothing was sent.
        """
        return self._run(count(self._node, user_id, status))

    def stats(self) -> Stats:
        """Return what each stream holds and all of them do, and which streams and users hold most.

        By a scan of all keys of the database, in pages of about a thousand, so that the server is
        never held up: O(keys), which is about a key a user, three a stream, one a client. Orders are
        not read. How many are active and paused is of one moment, at the end of the scan; users,
        clients and bytes are as the scan finds them while others go on. Bytes are the server's estimate
        (MEMORY USAGE) from five elements of each key. A set of the keys is kept meanwhile.
        """
        return self._run(stats(self._node))

    def summary(self, *, newest: int = 10, after: int = 0) -> Summary:
        """Return counts and the newest orders, without a scan: cheap enough to call every second.

        Two round trips. O(num_streams log n) for n live orders, and the newest orders of as many
        streams as are asked for. The counts are of one moment, the orders of one just after it.

        Args:
            newest: how many of the newest orders to read, 0 to 1000.
            after: a sequence number; how many live orders were placed after it is counted.

        Raises:
            TypeError, ValueError: an argument is not legal; nothing was sent.
        """
        return self._run(summary(self._node, newest, after))

    def verify(self) -> list[Inconsistency]:
        """Hold all keys of the namespace against each other; return what disagrees, nothing if all is well.

        Reads by the page, and may be called while others go on: what all keys say of an order is read
        at one moment. O(n) for n live orders, plus a scan of all keys of the database. Changes nothing.
        """
        return self._run(verify(self._node))

    def drop(self) -> None:
        """Remove the namespace with all its orders. This cannot be undone.

        In steps of about 500 keys, so that the server is never held up: O(keys of the database). From the
        first step on placing, listing and counting raise `NoSuchNamespace`; other calls reach an order until
        it is removed. Afterwards the namespace does not exist, and a client that may create it
        (`create=True`) creates it again when it places an order. Keys of other clients' sessions, which
        hold no orders, may be left, for an hour at most. Several clients may drop at the same time.

        Raises:
            NoSuchNamespace: there is none.
            OutcomeUnknown: it may be half dropped, and the message says what came in between; call it again.
        """
        self._run(drop(self._node))

    def user(self, user_id: str) -> "UserOrders":
        """Return the orders of one user. Nothing is sent."""
        return UserOrders(self, user_id)

    def close(self) -> None:
        """Close the connections that were opened here. Every call after it raises `StoreClosed`."""
        self._connections.close()

    def __repr__(self) -> str:
        namespace, num_streams = self._node.keys.namespace, self._node.num_streams
        return f"{type(self).__name__}({num_streams}, url={self._where!r}, namespace={namespace!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled or copied: hand over its url and namespace, and open "
            "one in the other process"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, operation: Operation[T]) -> T:
        conversation = self._executor.execute(operation)
        try:
            request = next(conversation)
            while True:
                if request.wait_seconds:
                    time.sleep(request.wait_seconds)
                try:
                    replies = self._connections.exchange(
                        request.data, request.num_replies, request.give_up_at
                    )
                except Exception as error:  # noqa: BLE001 - the conversation decides what it means
                    request = conversation.throw(error)
                else:
                    request = conversation.send(replies)
        except StopIteration as done:
            return done.value


class UserOrders:
    """One user's orders. Another user's are as if they did not exist: False, nothing changed.

    What each call promises, raises and costs is what the call of the same name on
    `CryptoOrderSystem` does. An id that is live for another user cannot be placed.

    Example:
        >>> alice = CryptoOrderSystem(url="memory://").user("alice")
        >>> alice.place("order1", "BTC", "0.5", 60_000)
        True
        >>> alice.cancel_all()
        1
    """

    def __init__(self, system: CryptoOrderSystem, user_id: str) -> None:
        """Use `CryptoOrderSystem.user`."""
        self._system = system
        self._node = system._node  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._run = system._run  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self.user_id: str = validate_text(user_id, "user_id")

    def __repr__(self) -> str:
        return f"{self._system!r}.user({self.user_id!r})"

    def place(
        self, order_id: str, currency: str, amount: Number, price: Number, *, metadata: Metadata | None = None
    ) -> bool:
        """Place an order of this user's; False: the id is live already, whoever's it is."""
        new = NewOrder(order_id, self.user_id, currency, amount, price, metadata)
        return self._run(self._node.place(new))

    def pause(self, order_id: str) -> bool:
        """Pause an order of this user's; False: it is not theirs, not live, or not ACTIVE."""
        return self._run(self._node.pause(order_id, self.user_id))

    def resume(self, order_id: str) -> bool:
        """Resume an order of this user's; False: it is not theirs, not live, or not PAUSED."""
        return self._run(self._node.resume(order_id, self.user_id))

    def cancel(self, order_id: str) -> bool:
        """Cancel an order of this user's; False: it is not theirs, or not live."""
        return self._run(self._node.cancel(order_id, self.user_id))

    def amend(
        self,
        order_id: str,
        *,
        amount: Number | None = None,
        price: Number | None = None,
        expected_amount: Number | None = None,
        expected_price: Number | None = None,
    ) -> bool:
        """Amend an order of this user's; False: it is not theirs, or not live."""
        return self._run(
            self._node.amend(
                order_id,
                self.user_id,
                amount=amount,
                price=price,
                expected_amount=expected_amount,
                expected_price=expected_price,
            )
        )

    def reduce(self, order_id: str, by: Number) -> Decimal | None:
        """Take `by` off a live order's amount, and return what is left."""
        return self._run(self._node.reduce(order_id, by, self.user_id))

    def place_many(self, orders: Iterable[UsersOrderFields]) -> list[bool]:
        """Place orders of this user's: tuples of order id, currency, amount and price."""
        return self._run(place_many_of(self._node, self.user_id, orders))

    def pause_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Pause those of the orders that are this user's and ACTIVE."""
        return self._run(change_many(self._node, "pause", order_ids, self.user_id))

    def resume_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Resume those of the orders that are this user's and PAUSED."""
        return self._run(change_many(self._node, "resume", order_ids, self.user_id))

    def cancel_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Cancel those of the orders that are this user's and live."""
        return self._run(change_many(self._node, "cancel", order_ids, self.user_id))

    def get(self, order_id: str) -> Order | None:
        """Return an order of this user's as it is now; None if it is not theirs, or not live."""
        return self._run(self._node.get(order_id, self.user_id))

    def live_orders(
        self,
        *,
        currency: str | None = None,
        status: StatusName | None = None,
        placed_after: datetime | None = None,
        placed_before: datetime | None = None,
        limit: int | None = None,
        after: int | None = None,
    ) -> Generator[Order]:
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

    def count(self, *, status: StatusName | None = None) -> int:
        """Return how many live orders this user has, or how many of a status."""
        return self._system.count(user_id=self.user_id, status=status)

    def cancel_all(self) -> int:
        """Cancel all of this user's orders, and return how many there were."""
        return self._run(self._node.cancel_all_by_user(self.user_id))

    def display_all_live_orders(self) -> list[str]:
        """Return this user's live orders in placement order, as they were at one moment.

        O(k log n) for the user's k orders among n of their stream.
        """
        return self._run(self._node.display_live_orders_of(self.user_id))
