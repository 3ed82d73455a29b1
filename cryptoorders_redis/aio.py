"""The async API. `make generate` writes the sync API, system.py, from this file."""

from collections.abc import AsyncGenerator, Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import NoReturn, Self

import redis.asyncio

from cryptoorders_redis.aio_intake import AsyncIntake
from cryptoorders_redis.event import Event, Outcome, Submission
from cryptoorders_redis.observing import Observer
from cryptoorders_redis.operations.bulk import change_many, place_many, place_many_of
from cryptoorders_redis.operations.configure import configure
from cryptoorders_redis.operations.count import count
from cryptoorders_redis.operations.deadlines import (
    cancel_all_after,
    cancel_all_deadline,
)
from cryptoorders_redis.operations.drop import drop
from cryptoorders_redis.operations.feed import Change, Feed, position
from cryptoorders_redis.operations.findings import Inconsistency
from cryptoorders_redis.operations.history import History, history
from cryptoorders_redis.operations.intake.outcomes import outcome, outcomes
from cryptoorders_redis.operations.intake.submissions import submit, submit_many
from cryptoorders_redis.operations.metrics import StoreMetrics, metrics
from cryptoorders_redis.operations.pages import LiveOrders
from cryptoorders_redis.operations.queries import query
from cryptoorders_redis.operations.repair import repair
from cryptoorders_redis.operations.resize import Progress, resize
from cryptoorders_redis.operations.stats import Stats, stats
from cryptoorders_redis.operations.summary import Summary, summary
from cryptoorders_redis.operations.verify import verify
from cryptoorders_redis.order import (
    Expiry,
    Metadata,
    NewOrder,
    Number,
    Order,
    OrderFields,
    StatusName,
    UsersOrderFields,
)
from cryptoorders_redis.schema.placement import Placement
from cryptoorders_redis.transport.aio_cluster_connections import AsyncClusterConnections
from cryptoorders_redis.transport.aio_connections import AsyncConnections
from cryptoorders_redis.transport.aio_driver import AsyncDriver
from cryptoorders_redis.transport.composition import Options, compose
from cryptoorders_redis.transport.endpoint import make_endpoint
from cryptoorders_redis.validation import validate_text


class AsyncCryptoOrderSystem:
    """A store of live orders that any number of processes share.

    What a call returned is what the server holds. Nothing is kept or queued in the process, and nothing
    is loaded at the start.

    One object serves any number of tasks of one event loop. All calls share two connections: one for short
    replies and one for long ones. `async with`, or else the first call, joins the namespace or creates it.
    A call that is cancelled may have taken effect or not. It never receives the reply to another call.

    Every call can raise these errors. Its own text names only the others.

    - `StoreUnavailable`: the server cannot be reached, or does not serve. Nothing was changed.
    - `OutcomeUnknown`: the reply to a change was lost. The change may have taken effect or not.
    - `AccessDenied`, `StoreReadOnly`, `StoreFull`, `ServerError`: the server refused. Nothing was changed.
    - `StoreClosed`: the call came after `close`.

    Examples:
        >>> import asyncio
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
        client: redis.asyncio.Redis | redis.asyncio.RedisCluster | None = None,
        namespace: str = "cryptoorders",
        create: bool = True,
        deadline_seconds: float = 10.0,
        observer: Observer | None = None,
        wait_replicas: int = 0,
        placement: Placement | None = None,
    ) -> None:
        """Check the arguments. `async with` or the first call joins the namespace, or creates it.

        To join takes one round trip, to create three more.

        Args:
            num_streams: How many streams the orders are sharded over by user, 1 to 16384. None takes the
                number that the namespace has, and 1 for a new namespace.
            url: `redis://`, `rediss://`, `unix://`, `redis+cluster://host:port,host:port`,
                `rediss+cluster://`, `redis+sentinel://`, `file:DIR` or `memory://[name]`. None takes
                `$CRYPTOORDERS_URL`, or `redis://localhost:6379/0` where that is not set.
            client: A client to use instead of a URL, a `Redis` or a `RedisCluster`. Its connection settings
                are used, but not its retries, its decoding and its protocol, which is RESP2 here. It is
                never closed here.
            namespace: The name of this set of orders on the server, 1 to 100 of `A-Za-z0-9._-`.
            create: Whether to create the namespace if it does not exist. With False a misspelled name
                is an error instead of a new and empty namespace.
            deadline_seconds: How long a call waits for a free connection and retries while the server does
                not answer, in seconds, 0 to 600. The last attempt can exceed it by the time-out
                of the connection, 5 seconds by default. A server that never answered is not retried.
            observer: Any object with a method `call(info)`. It is told of each call once, after its end, by a
                `CallInfo`. What it raises is logged, and does not change the call.
            wait_replicas: How many replicas must have a change before its call returns, 0 or more. If they do
                not have it in time, the call ends like one whose reply was lost. This makes it unlikely that
                a failover loses the change. It costs a round trip between the servers.
            placement: How users are spread over the streams. With `"modulo"` most of them change their
                stream in a `resize`. With `"jump"`, jump consistent hash, as few as possible do. None takes
                what the namespace has, and `"modulo"` for a new one. It cannot be changed later.

        Raises:
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal. Nothing was sent.
            NoSuchNamespace: From `async with` or the first call: the namespace does not exist, and `create`
                is False.
            ConfigurationMismatch: From `async with` or the first call: the namespace has another
                num_streams or placement.
            SchemaVersionMismatch: From `async with` or the first call: this release does not know the
                schema version of the data.
        """
        endpoint = make_endpoint(url, client, redis.asyncio)
        options = Options(deadline_seconds, observer, wait_replicas)
        self._store, self._sessions, executor = compose(endpoint, namespace, options)
        self._num_streams = num_streams
        self._where = endpoint.where
        connect = AsyncClusterConnections if endpoint.startup else AsyncConnections
        self._connections = connect(endpoint, f"cryptoorders_redis:{namespace}")
        opening = partial(self._store.open, num_streams, placement, create=create)
        self._driver = AsyncDriver(executor, self._connections, opening)
        self._run = self._driver.run
        self._intake = AsyncIntake(self)

    async def place(
        self,
        order_id: str,
        user_id: str,
        currency: str,
        amount: Number,
        price: Number,
        *,
        metadata: Metadata | None = None,
        expires_at: Expiry | None = None,
    ) -> bool:
        """Place an order. It is ACTIVE, and comes last in the placement order.

        Atomic. O(log n) for n orders in the user's stream. The server's clock decides the order between
        clients; on Redis Cluster the clocks of its nodes do.

        Args:
            order_id: The id, unique among the live orders of the namespace: 1 to 256 bytes of UTF-8.
            user_id: The user whose order it is: 1 to 256 bytes of UTF-8.
            currency: What is traded: 1 to 256 bytes of UTF-8.
            amount: How much is traded, above zero. It is kept exactly. A float counts as its shortest
                text: 0.1 is 0.1.
            price: The price of one unit, zero or more. It is kept exactly.
            metadata: What to keep with the order: a flat mapping of text to text, int, float, bool or None,
                at most 2 KiB as JSON. The library does not use it.
            expires_at: When the order expires: a `datetime` with a time zone, before the year 2255, or a
                `timedelta` from now on. The server's clock decides, on Redis Cluster that of the order's
                node. From that moment on no call shows or changes the order. None is never.

        Returns:
            Whether the order was placed. False means that the id is live already, for any user. Nothing
                was changed then.

        Raises:
            TypeError: A field has a wrong type. Nothing was sent.
            ValueError: A field is not legal. Nothing was sent.
            AlreadyExpired: `expires_at` is not in the future. Nothing was placed.
            StoreFull: The server's memory is full, and the id may be live already or not. Nothing was
                changed.
        """
        return await self._run(
            self._store.place(NewOrder(order_id, user_id, currency, amount, price, metadata, expires_at))
        )

    async def pause(self, order_id: str) -> bool:
        """Pause an order. It keeps its position in the placement order.

        Atomic. O(1).

        Args:
            order_id: The id of the order.

        Returns:
            Whether the order was ACTIVE and is PAUSED now. False means that nothing was changed.

        Raises:
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
        """
        return await self._run(self._store.pause(order_id))

    async def resume(self, order_id: str) -> bool:
        """Resume a paused order. It keeps its position in the placement order.

        Atomic. O(1).

        Args:
            order_id: The id of the order.

        Returns:
            Whether the order was PAUSED and is ACTIVE now. False means that nothing was changed.

        Raises:
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
        """
        return await self._run(self._store.resume(order_id))

    async def cancel(self, order_id: str) -> bool:
        """Cancel an order, ACTIVE or PAUSED. It is removed from every key, and its id is free again.

        Atomic. O(log n) for n orders in its stream. Works also when the server's memory is full.

        Args:
            order_id: The id of the order.

        Returns:
            Whether the order was live and is cancelled now. False means that nothing was changed.

        Raises:
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
        """
        return await self._run(self._store.cancel(order_id))

    async def amend(
        self,
        order_id: str,
        *,
        amount: Number | None = None,
        price: Number | None = None,
        expected_amount: Number | None = None,
        expected_price: Number | None = None,
    ) -> bool:
        """Change the amount of a live order, its price, or both.

        The order keeps its status and its position in the placement order. Atomic. O(1).

        Args:
            order_id: The id of the order.
            amount: The new amount, above zero. None keeps the old one.
            price: The new price of one unit, zero or more. None keeps the old one.
            expected_amount: Change the order only if it still has this amount. Numbers are compared by value.
            expected_price: Change the order only if it still has this price.

        Returns:
            Whether the order is live and has these values now. False means that it is not live, or not as
                expected. Nothing was changed then.

        Raises:
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal, or neither amount nor price is given. Nothing was sent.
            StoreFull: The server's memory is full. Nothing was changed.
        """
        return await self._run(
            self._store.amend(
                order_id,
                amount=amount,
                price=price,
                expected_amount=expected_amount,
                expected_price=expected_price,
            )
        )

    async def reduce(self, order_id: str, by: Number) -> Decimal | None:
        """Take a part off the amount of a live order, for example because it was filled.

        Exact: no digit is lost. Atomic. O(1), or O(log n) for n orders in the user's stream where the order
        ends. Two processes that reduce an order at the same time lose nothing, unlike two that read and
        amend it. Where nothing is left, the order is filled and gone, and its id is free again.

        Args:
            order_id: The id of the order.
            by: How much to take off, above zero.

        Returns:
            The amount that is left. Zero means that the order is gone. None means that it was not live.
                Nothing was changed then.

        Raises:
            AmountExceeded: The order has less than `by`. Nothing was changed.
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal, or the rest would have more than 100 digits. Nothing was
                changed.
            StoreFull: The server's memory is full. Nothing was changed.
        """
        return await self._run(self._store.reduce(order_id, by))

    async def cancel_all_by_user(self, user_id: str) -> int:
        """Cancel all orders of a user.

        Atomic. Only the user's stream is touched. O(k log n) for the user's k orders among the n of that
        stream. The server does nothing else during that time: about 2 µs an order.

        Args:
            user_id: The user.

        Returns:
            How many orders were cancelled.

        Raises:
            TypeError: The user id is not a `str`. Nothing was sent.
            ValueError: The user id is not legal. Nothing was sent.
        """
        return await self._run(self._store.cancel_all_by_user(user_id))

    async def cancel_all_after(self, user_id: str, seconds: int) -> datetime | None:
        """Arm the dead man's switch of a user: all of the user's orders are cancelled after so many seconds.

        Each call replaces the one before. A trading program calls it every 15 to 30 seconds with 60 seconds:
        if the program dies, its orders do not outlive it by more than a minute. When the switch fires, it
        cancels what is live then in one step, and is disarmed. Orders that are placed afterwards stay.
        Atomic. O(log n) for n deadlines in the user's stream.

        Args:
            user_id: The user.
            seconds: From now on by the server's clock, 1 to 86,400. 0 disarms the switch.

        Returns:
            When the switch will fire, by the server's clock, in UTC. None if it was disarmed.

        Raises:
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal. Nothing was sent.
            StoreFull: The server's memory is full. Nothing was changed.
        """
        return await self._run(cancel_all_after(self._store, user_id, seconds))

    async def cancel_all_deadline(self, user_id: str) -> datetime | None:
        """Read when the dead man's switch of a user will fire. O(1).

        Args:
            user_id: The user.

        Returns:
            The moment, by the server's clock, in UTC. None if the switch is not armed.

        Raises:
            TypeError: The user id is not a `str`. Nothing was sent.
            ValueError: The user id is not legal. Nothing was sent.
        """
        return await self._run(cancel_all_deadline(self._store, user_id))

    async def place_many(self, orders: Iterable[NewOrder | OrderFields]) -> list[bool]:
        """Place many orders, one after the other, each as `place` does. Many times faster than `place`.

        The orders are sent in batches of 1,000, one round trip each. Each batch is atomic. The server does
        nothing else during a batch: about 1 ms. On Redis Cluster a batch is atomic for each stream, but not
        over several streams.

        Args:
            orders: Any number of `NewOrder`, or of tuples of the arguments of `place`.

        Returns:
            For each order, in the order given, whether it was placed.

        Raises:
            TypeError: `orders` cannot be iterated over. Nothing was sent.
            ValueError: An order is not legal. The message names the index of the first one. Nothing was
                sent.
            BulkInterrupted: An error stopped the call. It says which orders are done, which may be done and
                which are not. Its cause is `AlreadyExpired` if the deadline of an order is not in the future:
                then nothing of its batch was placed, on Redis Cluster nothing of its stream's part.
        """
        return await self._run(place_many(self._store, orders))

    async def pause_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Pause many orders, one after the other, each as `pause` does.

        Batches, atomicity and speed are those of `place_many`.

        Args:
            order_ids: The ids of the orders.

        Returns:
            For each id, in the order given, whether the order was paused.

        Raises:
            TypeError: `order_ids` is one `str`, or cannot be iterated over. Nothing was sent.
            ValueError: An id is not legal. The message names the index of the first one. Nothing was sent.
            BulkInterrupted: An error stopped the call. It says which ids are done, which may be done and
                which are not.
        """
        return await self._run(change_many(self._store, "pause", order_ids))

    async def resume_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Resume many orders, one after the other, each as `resume` does.

        Batches, atomicity and speed are those of `place_many`.

        Args:
            order_ids: The ids of the orders.

        Returns:
            For each id, in the order given, whether the order was resumed.

        Raises:
            TypeError: `order_ids` is one `str`, or cannot be iterated over. Nothing was sent.
            ValueError: An id is not legal. The message names the index of the first one. Nothing was sent.
            BulkInterrupted: An error stopped the call. It says which ids are done, which may be done and
                which are not.
        """
        return await self._run(change_many(self._store, "resume", order_ids))

    async def cancel_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Cancel many orders, one after the other, each as `cancel` does.

        Batches, atomicity and speed are those of `place_many`.

        Args:
            order_ids: The ids of the orders.

        Returns:
            For each id, in the order given, whether the order was cancelled.

        Raises:
            TypeError: `order_ids` is one `str`, or cannot be iterated over. Nothing was sent.
            ValueError: An id is not legal. The message names the index of the first one. Nothing was sent.
            BulkInterrupted: An error stopped the call. It says which ids are done, which may be done and
                which are not.
        """
        return await self._run(change_many(self._store, "cancel", order_ids))

    async def display_all_live_orders(self) -> list[str]:
        """List all live orders in placement order.

        All streams are read at one moment. On Redis Cluster each stream is read at a moment of its own.
        O(n log n) for n live orders. The server does nothing else for about 100 ms for a million orders.
        Where there are more than 20,000 orders, the sequence numbers are read before that moment, in several
        round trips. `live_orders` reads everything in pages instead.

        Returns:
            The ids of the orders. A paused order has `(paused)` behind its id: `["order1",
                "order2(paused)"]`.
        """
        return await self._run(self._store.display_all_live_orders())

    async def get(self, order_id: str) -> Order | None:
        """Read an order.

        Atomic. O(1).

        Args:
            order_id: The id of the order.

        Returns:
            The order as it is now, or None if it is not live.

        Raises:
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
            InconsistentData: The order's data cannot be read. `verify` says what is wrong.
        """
        return await self._run(self._store.get(order_id))

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
        """Iterate over the live orders that match all given filters, in placement order.

        The orders are read in pages of about 1,000. So memory stays flat, and the server is never blocked
        for long. Each page is read at one moment, on Redis Cluster at one moment of each stream. An order
        that is live from the first page to the last is returned exactly once. An order that is placed or
        cancelled in between may be returned or not.

        O(n) for the n orders in the range of `placed_after`, `placed_before` and `after`. To find the range
        takes O(log n). Orders outside it are not read.

        Args:
            user_id: Only orders of this user. Reads the ids of the user's k orders, O(k log n), and then
                only the orders in the range.
            currency: Only orders of this currency. All orders in the range are read to find them.
            status: Only orders with this status. All orders in the range are read to find them.
            placed_after: Only orders placed after this moment, which needs a time zone. An order placed at
                exactly this microsecond is left out.
            placed_before: Only orders placed before this moment, which needs a time zone. An order placed
                at exactly this microsecond is left out.
            limit: The maximum number of orders, 1 or more. Reading ends there. On Redis Cluster orders of
                several streams can have one sequence number: those that have the last one's come too.
            after: The `sequence` of an order. Only orders placed after it. With the `sequence` of the
                last order returned, any process can continue at any time.

        Returns:
            An iterator over the orders. Nothing is read before its first use.

        Raises:
            TypeError: An argument has a wrong type. Raised by the call, before any order is read.
            ValueError: An argument is not legal. Raised by the call, before any order is read.
            InconsistentData: An order's data cannot be read. Raised while iterating.

        Examples:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncCryptoOrderSystem(url="memory://") as system:
            ...         for number in range(5):
            ...             await system.place(f"order{number}", "alice", "BTC", "0.5", 60_000)
            ...         page = [order async for order in system.live_orders(limit=2)]
            ...         following = system.live_orders(limit=2, after=page[-1].sequence)
            ...         return [order.order_id async for order in following]
            >>> asyncio.run(main())
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
        pages = LiveOrders(self._store, wanted)

        async def orders() -> AsyncGenerator[Order]:
            while page := await self._run(pages.next_page()):
                for order in page:
                    yield order

        return orders()

    async def position(self) -> str:
        """Read the position in the change feed behind all that has happened so far.

        Read it first, and the state after it: then `changes` gives all that may be missing from the state.
        All streams are read at one moment, on Redis Cluster each at a moment of its own. O(num_streams).

        Returns:
            A cursor for `changes`, which may be kept anywhere and for as long as the feed reaches back.

        Raises:
            ConfigurationMismatch: The namespace has no change feed. `configure` begins one.
        """
        return await self._run(position(self._store))

    def changes(
        self,
        after: str | None = None,
        *,
        user_id: str | None = None,
        stream: int | None = None,
        wait: bool = True,
    ) -> AsyncGenerator[Change]:
        """Iterate over what happened to orders, by the change feed, and wait for more.

        The changes of one stream come in the order in which they were made, each exactly once. Those of
        different streams come as they are read. Every change says what is true afterwards. So it does no harm
        to apply one to a state that has it already.

        It reads pages of about 1,000 changes, on a connection of its own while it waits. O(num_streams) for
        each page, also with `user_id`: to serve many users, read all changes once.

        Args:
            after: The cursor of a `position` or of a change. `"start"` begins with the oldest change that is
                kept. None begins behind all that has happened when the iterator is first used.
            user_id: Only changes of this user's orders.
            stream: Only changes of this stream.
            wait: Whether to wait for changes to come. With False the iterator ends behind the last change.

        Returns:
            An iterator over the changes. Nothing is read before its first use.

        Raises:
            ChangesMissed: Changes behind the cursor are missing. Raised while iterating.
            ConfigurationMismatch: The namespace has no change feed. Raised while iterating.
            TypeError: An argument has a wrong type. Raised by the call.
            ValueError: An argument is not legal. Raised by the call.
            InconsistentData: An entry's data cannot be read. Raised while iterating.
        """
        feed = Feed(self._store, after, user_id, stream, wait=wait)

        async def changes() -> AsyncGenerator[Change]:
            while (page := await self._run(feed.next_page())) is not None:
                for change in page:
                    yield change

        return changes()

    async def history(self, order_id: str) -> History:
        """Read what happened to the orders of one id, as far as the change feed reaches back.

        Reads the feeds of all streams in pages: O(entries that are kept), about a second for 100,000. It
        is for looking into single cases.

        Args:
            order_id: The id.

        Returns:
            The changes, and whether they are all.

        Raises:
            ConfigurationMismatch: The namespace has no change feed. `configure` begins one.
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
            InconsistentData: An entry's data cannot be read.
        """
        return await self._run(history(self._store, order_id))

    async def count(self, *, user_id: str | None = None, status: StatusName | None = None) -> int:
        """Count the live orders that match all given filters. No order is read.

        All streams are counted at one moment, on Redis Cluster each stream at a moment of its own.
        O(num_streams). For a user O(1). For a user and a status O(k), where k is the smaller of two
        numbers: the user's orders, and the paused orders of the user's stream.

        Args:
            user_id: Only orders of this user.
            status: Only orders with this status.

        Returns:
            The number of orders.

        Raises:
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal. Nothing was sent.
        """
        return await self._run(count(self._store, user_id, status))

    async def stats(self) -> Stats:
        """Measure how much each stream holds, and which streams and users hold most.

        Scans all keys of the database in pages of about 1,000, so the server is never blocked for long.
        O(keys). A namespace has about one key a user, three a stream and one a client. Orders are not read.

        The counts of orders are of one moment, at the end of the scan. On Redis Cluster each stream is
        counted at a moment of its own. Users, clients and bytes are counted during the scan. Bytes are the
        server's estimate (MEMORY USAGE) from five elements of each key. The names of all keys are kept in
        memory during the call.

        Returns:
            What each stream holds, what all streams hold, and the ten busiest users and streams.
        """
        return await self._run(stats(self._store))

    async def summary(self, *, newest: int = 10, after: int = 0) -> Summary:
        """Read counts and the newest orders without a scan. Cheap enough to call every second.

        Two round trips. O(num_streams log n) for n live orders, plus the newest orders of at most
        `newest` streams. The counts are of one moment, on Redis Cluster of one moment a stream. The newest
        orders are read just after it.

        Args:
            newest: How many of the newest orders to read, 0 to 1000.
            after: A sequence number. The live orders placed after it are counted.

        Returns:
            The counts, the last sequence number and the newest orders.

        Raises:
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal. Nothing was sent.
            InconsistentData: An order's data cannot be read. `verify` says what is wrong.
        """
        return await self._run(summary(self._store, newest, after))

    async def metrics(self) -> StoreMetrics:
        """Read the numbers that a monitoring system asks for. Scans nothing.

        One round trip and one moment; on Redis Cluster one moment a stream, and a second round trip for
        the workers. O(num_streams log n) for n live orders.

        It carries out no deadline that has passed, as other calls do before they answer: the counts
        include orders that have expired and are not removed yet. Their age is in `overdue_seconds`.

        Returns:
            The numbers of each stream, and those of the namespace.

        Raises:
            NoSuchNamespace: The namespace does not exist, and this system may not create it.
        """
        return await self._run(metrics(self._store))

    async def verify(self) -> list[Inconsistency]:
        """Check that all keys of the namespace are consistent. Changes nothing.

        Reads in pages, and can run while other clients make changes: all keys of an order are compared at
        one moment. O(n) for n live orders, plus a scan of all keys of the database.

        Returns:
            What is inconsistent. The list is empty if everything is consistent.
        """
        return await self._run(verify(self._store))

    async def repair(self, *, dry_run: bool = False) -> list[Inconsistency]:
        """Mend whatever `verify` finds, in small steps while other clients go on.

        An order's record is the truth: all other keys are made to agree with it. So no order that has a
        readable record is removed, unless its id is live in a second stream too: then the one that the id
        finds stays. Without such a record all else that is about an id is removed, and the id is free. A
        record that cannot be read, and a key that nobody can use, are kept aside, in keys of their own, and
        a WARNING is logged. A change feed is told each order that is removed or gets another number.

        Each thing is looked at again and mended in one atomic script, on Redis Cluster in a few, so that no
        change under way is undone. Afterwards it checks again, until nothing is left. It costs what two or
        more `verify` cost. It may be interrupted, and run by several at once.

        Args:
            dry_run: Say only what would be mended, and change nothing. What shows up only after a first
                mend is not said.

        Returns:
            What was mended, and how.

        Raises:
            NoSuchNamespace: The namespace does not exist, and this system may not create it.
            StoreFull: The server's memory is full. A part may have been mended.
        """
        return await self._run(repair(self._store, is_dry=dry_run))

    async def resize(self, num_streams: int, *, progress: Progress | None = None) -> None:
        """Change the number of streams, while other clients use every call. No call ever sees it.

        Orders move to their new streams in slices of at most 100, each atomic, 1 to 2 ms. Between two it
        rests for 1 ms, so that other calls come first. All other clients learn the new settings by
        themselves. An interrupted resize leaves orders in two streams for each user, which every call knows:
        call it again with the same number to finish it, or with the old number to turn round. Several may
        run at once. O(n) for n live orders, plus a scan of all keys of the database.

        Args:
            num_streams: The new number of streams, 1 to 16384.
            progress: Is called with how many of the live orders were looked at, about, of how many.

        Raises:
            ResizeUnderWay: Another resize, to another number, is under way, or has turned this one round.
            NotOnCluster: On a Redis Cluster, slots are moved instead. Nothing was sent.
            NoSuchNamespace: The namespace does not exist.
            StoreFull: The server's memory is full. A part of the orders may have been moved.
            TypeError: `num_streams` is not an `int`. Nothing was sent.
            ValueError: `num_streams` is not legal. Nothing was sent.
        """
        await self._run(resize(self._store, num_streams, progress))

    @property
    def intake(self) -> AsyncIntake:
        """How events are taken and applied: settings, state and dead letters."""
        return self._intake

    async def submit(self, event: Event) -> Submission:
        """Submit an event. It waits in the queue of its user's stream until it is due.

        A worker applies it then: see `AsyncWorker`. All events of a stream, so all of a user, are applied in
        the order of their times. Each id takes effect once, however often it is submitted. Atomic. O(log n)
        for n waiting events.

        Args:
            event: The event.

        Returns:
            What became of the event.

        Raises:
            IntakeFull: Too many events wait in the queue. The event was not taken.
            TypeError: A field has a wrong type. Nothing was sent.
            ValueError: A field is not legal. Nothing was sent.
            AlreadyExpired: `expires_at` is not in the future. Nothing was placed.
            StoreFull: The server's memory is full. The event was not taken.
        """
        return await self._run(submit(self._store, event))

    async def submit_many(self, events: Iterable[Event]) -> list[Submission]:
        """Submit many events, one after the other, each as `submit` does. Many times faster than `submit`.

        The events are sent in batches of 1,000, one round trip each. Each batch is atomic. On Redis Cluster
        it is atomic for each stream, but not over several streams.

        Args:
            events: Any number of events.

        Returns:
            For each event, in the order given, what became of it.

        Raises:
            TypeError: `events` cannot be iterated over. Nothing was sent.
            ValueError: An event is not legal. The message names the index of the first one. Nothing was
                sent.
            BulkInterrupted: An error stopped the call, for example `IntakeFull`. It says which events are
                done, which may be done and which are not.
        """
        return await self._run(submit_many(self._store, events))

    async def outcome(self, event_id: str, user_id: str) -> Outcome:
        """Read what became of an event.

        Atomic. O(1). Outcomes are kept for a time that `intake.configure` sets, one hour by default.

        Args:
            event_id: The id of the event.
            user_id: The user of the event, by whom its stream is found.

        Returns:
            Where the event stands, and the answer or the reason.

        Raises:
            TypeError: An argument is not a `str`. Nothing was sent.
            ValueError: An argument is not legal. Nothing was sent.
        """
        return await self._run(outcome(self._store, event_id, user_id))

    async def outcomes(self, events: Iterable[tuple[str, str]]) -> list[Outcome]:
        """Read what became of many events. They are read 1,000 at a time, each time at one moment.

        On Redis Cluster each stream is read at a moment of its own.

        Args:
            events: Of each event its id and its user's id.

        Returns:
            For each event, in the order given, where it stands.

        Raises:
            TypeError: `events` cannot be iterated over. Nothing was sent.
            ValueError: An id is not legal. The message names the index of the first one. Nothing was sent.
        """
        return await self._run(outcomes(self._store, events))

    async def configure(self, *, feed: int | None = None) -> None:
        """Change settings of the namespace, for all clients at once.

        When the call returns, every change of any client is made by the new settings. O(1), on Redis Cluster
        O(num_streams).

        Args:
            feed: How many entries of the change feed to keep of each stream, about; 0 for no feed. None
                changes nothing.

        Raises:
            NoSuchNamespace: The namespace does not exist.
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal. Nothing was sent.
        """
        await self._run(configure(self._store, feed=feed))

    async def drop(self) -> None:
        """Remove the namespace with all its orders. This cannot be undone.

        Removes about 500 keys in a step, so the server is never blocked for long. O(keys of the database).
        It is not atomic. After the first step, all calls but `get` raise `NoSuchNamespace`. `get` finds an
        order until it is removed.

        Afterwards the namespace does not exist. A client with `create=True` creates it again when it places
        an order. Session keys of other clients may remain for up to an hour. They hold no orders.
        Several clients may drop a namespace at the same time.

        Raises:
            NoSuchNamespace: The namespace does not exist.
            OutcomeUnknown: The namespace may be half dropped. The message says why. Call `drop` again.
        """
        await self._run(drop(self._store))

    def user(self, user_id: str) -> "AsyncUserOrders":
        """Return an object for the orders of one user. Nothing is sent.

        Args:
            user_id: The user.

        Returns:
            The orders of this user. They need not exist.

        Raises:
            TypeError: The user id is not a `str`.
            ValueError: The user id is not legal.
        """
        return AsyncUserOrders(self, user_id)

    async def close(self) -> None:
        """Close the connections that this object opened. Every later call raises `StoreClosed`.

        Calls that are under way still get their replies.
        """
        await self._driver.close()

    def __repr__(self) -> str:
        namespace = self._store.keys.namespace
        num_streams = self._store.num_streams or self._num_streams
        return f"{type(self).__name__}({num_streams}, url={self._where!r}, namespace={namespace!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled or copied: pass its url and namespace, and open "
            "one in the other process"
        )

    async def __aenter__(self) -> Self:
        await self._driver.enter()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncUserOrders:
    """The orders of one user. Get one from `AsyncCryptoOrderSystem.user`.

    Orders of other users are treated as if they did not exist: a call returns False, and nothing is
    changed. One exception: an id that is live for another user cannot be placed.

    Every call can raise the errors that `AsyncCryptoOrderSystem` lists.

    Attributes:
        user_id: The user.

    Examples:
        >>> import asyncio
        >>> async def main():
        ...     async with AsyncCryptoOrderSystem(url="memory://") as system:
        ...         alice = system.user("alice")
        ...         await alice.place("order1", "BTC", "0.5", 60_000)
        ...         return await alice.cancel_all()
        >>> asyncio.run(main())
        1
    """

    def __init__(self, system: AsyncCryptoOrderSystem, user_id: str) -> None:
        """Call `AsyncCryptoOrderSystem.user` instead.

        Args:
            system: The system that holds the orders.
            user_id: The user.

        Raises:
            TypeError: The user id is not a `str`.
            ValueError: The user id is not legal.
        """
        self._system = system
        self._store = system._store  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._run = system._run  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self.user_id: str = validate_text(user_id, "user_id")

    def __repr__(self) -> str:
        return f"{self._system!r}.user({self.user_id!r})"

    async def place(
        self,
        order_id: str,
        currency: str,
        amount: Number,
        price: Number,
        *,
        metadata: Metadata | None = None,
        expires_at: Expiry | None = None,
    ) -> bool:
        """Place an order of this user. It is ACTIVE, and comes last in the placement order.

        Atomic. O(log n) for n orders in the user's stream. The server's clock decides the order between
        clients; on Redis Cluster the clocks of its nodes do.

        Args:
            order_id: The id, unique among the live orders of the namespace: 1 to 256 bytes of UTF-8.
            currency: What is traded: 1 to 256 bytes of UTF-8.
            amount: How much is traded, above zero. It is kept exactly. A float counts as its shortest
                text: 0.1 is 0.1.
            price: The price of one unit, zero or more. It is kept exactly.
            metadata: What to keep with the order: a flat mapping of text to text, int, float, bool or None,
                at most 2 KiB as JSON. The library does not use it.
            expires_at: When the order expires: a `datetime` with a time zone, before the year 2255, or a
                `timedelta` from now on. The server's clock decides, on Redis Cluster that of the order's
                node. From that moment on no call shows or changes the order. None is never.

        Returns:
            Whether the order was placed. False means that the id is live already, for any user. Nothing
                was changed then.

        Raises:
            TypeError: A field has a wrong type. Nothing was sent.
            ValueError: A field is not legal. Nothing was sent.
            AlreadyExpired: `expires_at` is not in the future. Nothing was placed.
            StoreFull: The server's memory is full, and the id may be live already or not. Nothing was
                changed.
        """
        new = NewOrder(order_id, self.user_id, currency, amount, price, metadata, expires_at)
        return await self._run(self._store.place(new))

    async def pause(self, order_id: str) -> bool:
        """Pause an order of this user. It keeps its position in the placement order.

        Atomic. O(1).

        Args:
            order_id: The id of the order.

        Returns:
            Whether this user's order was ACTIVE and is PAUSED now. False means that nothing was changed.

        Raises:
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
        """
        return await self._run(self._store.pause(order_id, self.user_id))

    async def resume(self, order_id: str) -> bool:
        """Resume a paused order of this user. It keeps its position in the placement order.

        Atomic. O(1).

        Args:
            order_id: The id of the order.

        Returns:
            Whether this user's order was PAUSED and is ACTIVE now. False means that nothing was changed.

        Raises:
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
        """
        return await self._run(self._store.resume(order_id, self.user_id))

    async def cancel(self, order_id: str) -> bool:
        """Cancel an order of this user, ACTIVE or PAUSED.

        It is removed from every key, and its id is free again. Atomic. O(log n) for n orders in the user's
        stream. Works also when the server's memory is full.

        Args:
            order_id: The id of the order.

        Returns:
            Whether this user's order was live and is cancelled now. False means that nothing was changed.

        Raises:
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
        """
        return await self._run(self._store.cancel(order_id, self.user_id))

    async def amend(
        self,
        order_id: str,
        *,
        amount: Number | None = None,
        price: Number | None = None,
        expected_amount: Number | None = None,
        expected_price: Number | None = None,
    ) -> bool:
        """Change the amount of a live order of this user, its price, or both.

        The order keeps its status and its position in the placement order. Atomic. O(1).

        Args:
            order_id: The id of the order.
            amount: The new amount, above zero. None keeps the old one.
            price: The new price of one unit, zero or more. None keeps the old one.
            expected_amount: Change the order only if it still has this amount. Numbers are compared by value.
            expected_price: Change the order only if it still has this price.

        Returns:
            Whether this user's order is live and has these values now. False means that the user has no
                such live order, or that it is not as expected. Nothing was changed then.

        Raises:
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal, or neither amount nor price is given. Nothing was sent.
            StoreFull: The server's memory is full. Nothing was changed.
        """
        return await self._run(
            self._store.amend(
                order_id,
                self.user_id,
                amount=amount,
                price=price,
                expected_amount=expected_amount,
                expected_price=expected_price,
            )
        )

    async def reduce(self, order_id: str, by: Number) -> Decimal | None:
        """Take a part off the amount of a live order of this user, for example because it was filled.

        Exact: no digit is lost. Atomic. O(1), or O(log n) for n orders in the user's stream where the order
        ends. Two processes that reduce an order at the same time lose nothing, unlike two that read and
        amend it. Where nothing is left, the order is filled and gone, and its id is free again.

        Args:
            order_id: The id of the order.
            by: How much to take off, above zero.

        Returns:
            The amount that is left. Zero means that the order is gone. None means that the user has no such
                live order; nothing was changed then.

        Raises:
            AmountExceeded: The order has less than `by`. Nothing was changed.
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal, or the rest would have more than 100 digits. Nothing was
                changed.
            StoreFull: The server's memory is full. Nothing was changed.
        """
        return await self._run(self._store.reduce(order_id, by, self.user_id))

    async def cancel_all_after(self, seconds: int) -> datetime | None:
        """Arm the user's dead man's switch: all of the user's orders are cancelled after so many seconds.

        Like `AsyncCryptoOrderSystem.cancel_all_after`.

        Args:
            seconds: From now on by the server's clock, 1 to 86,400. 0 disarms the switch.

        Returns:
            When the switch will fire, by the server's clock, in UTC. None if it was disarmed.

        Raises:
            TypeError: The argument has a wrong type. Nothing was sent.
            ValueError: The argument is not legal. Nothing was sent.
            StoreFull: The server's memory is full. Nothing was changed.
        """
        return await self._run(cancel_all_after(self._store, self.user_id, seconds))

    async def cancel_all_deadline(self) -> datetime | None:
        """Read when the dead man's switch of the user will fire. O(1).

        Returns:
            The moment, by the server's clock, in UTC. None if the switch is not armed.
        """
        return await self._run(cancel_all_deadline(self._store, self.user_id))

    async def place_many(self, orders: Iterable[UsersOrderFields]) -> list[bool]:
        """Place many orders of this user, one after the other, each as `place` does.

        Many times faster than `place`. The orders are sent in batches of 1,000, one round trip each. Each
        batch is atomic. The server does nothing else during a batch: about 1 ms.

        Args:
            orders: Any number of tuples of order id, currency, amount and price.

        Returns:
            For each order, in the order given, whether it was placed.

        Raises:
            TypeError: `orders` cannot be iterated over. Nothing was sent.
            ValueError: An order is not legal. The message names the index of the first one. Nothing was
                sent.
            BulkInterrupted: An error stopped the call. It says which orders are done, which may be done and
                which are not.
        """
        return await self._run(place_many_of(self._store, self.user_id, orders))

    async def pause_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Pause many orders of this user, one after the other, each as `pause` does.

        Batches, atomicity and speed are those of `place_many`.

        Args:
            order_ids: The ids of the orders.

        Returns:
            For each id, in the order given, whether this user's order was paused.

        Raises:
            TypeError: `order_ids` is one `str`, or cannot be iterated over. Nothing was sent.
            ValueError: An id is not legal. The message names the index of the first one. Nothing was sent.
            BulkInterrupted: An error stopped the call. It says which ids are done, which may be done and
                which are not.
        """
        return await self._run(change_many(self._store, "pause", order_ids, self.user_id))

    async def resume_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Resume many orders of this user, one after the other, each as `resume` does.

        Batches, atomicity and speed are those of `place_many`.

        Args:
            order_ids: The ids of the orders.

        Returns:
            For each id, in the order given, whether this user's order was resumed.

        Raises:
            TypeError: `order_ids` is one `str`, or cannot be iterated over. Nothing was sent.
            ValueError: An id is not legal. The message names the index of the first one. Nothing was sent.
            BulkInterrupted: An error stopped the call. It says which ids are done, which may be done and
                which are not.
        """
        return await self._run(change_many(self._store, "resume", order_ids, self.user_id))

    async def cancel_many(self, order_ids: Iterable[str]) -> list[bool]:
        """Cancel many orders of this user, one after the other, each as `cancel` does.

        Batches, atomicity and speed are those of `place_many`.

        Args:
            order_ids: The ids of the orders.

        Returns:
            For each id, in the order given, whether this user's order was cancelled.

        Raises:
            TypeError: `order_ids` is one `str`, or cannot be iterated over. Nothing was sent.
            ValueError: An id is not legal. The message names the index of the first one. Nothing was sent.
            BulkInterrupted: An error stopped the call. It says which ids are done, which may be done and
                which are not.
        """
        return await self._run(change_many(self._store, "cancel", order_ids, self.user_id))

    async def get(self, order_id: str) -> Order | None:
        """Read an order of this user.

        Atomic. O(1).

        Args:
            order_id: The id of the order.

        Returns:
            The order as it is now, or None if this user has no such live order.

        Raises:
            TypeError: The id is not a `str`. Nothing was sent.
            ValueError: The id is not legal. Nothing was sent.
            InconsistentData: The order's data cannot be read. `verify` says what is wrong.
        """
        return await self._run(self._store.get(order_id, self.user_id))

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
        """Iterate over this user's live orders that match all given filters, in placement order.

        The ids of the user's k orders are read once, O(k log n) for n orders in the stream. Then the orders
        in the range of `placed_after`, `placed_before` and `after` are read in pages of up to 1,000. An
        order that is live during the whole iteration is returned exactly once. One that was placed since
        its start is not returned.

        Args:
            currency: Only orders of this currency. All orders in the range are read to find them.
            status: Only orders with this status. All orders in the range are read to find them.
            placed_after: Only orders placed after this moment, which needs a time zone. An order placed at
                exactly this microsecond is left out.
            placed_before: Only orders placed before this moment, which needs a time zone. An order placed
                at exactly this microsecond is left out.
            limit: The maximum number of orders, 1 or more. Reading ends there. On Redis Cluster orders of
                several streams can have one sequence number: those that have the last one's come too.
            after: The `sequence` of an order. Only orders placed after it. With the `sequence` of the
                last order returned, any process can continue at any time.

        Returns:
            An iterator over the orders. Nothing is read before its first use.

        Raises:
            TypeError: An argument has a wrong type. Raised by the call, before any order is read.
            ValueError: An argument is not legal. Raised by the call, before any order is read.
            InconsistentData: An order's data cannot be read. Raised while iterating.
        """
        return self._system.live_orders(
            user_id=self.user_id,
            currency=currency,
            status=status,
            placed_after=placed_after,
            placed_before=placed_before,
            limit=limit,
            after=after,
        )

    def changes(self, after: str | None = None, *, wait: bool = True) -> AsyncGenerator[Change]:
        """Iterate over what happened to this user's orders, by the change feed, and wait for more.

        As `AsyncCryptoOrderSystem.changes`. It reads the feeds of all streams.

        Args:
            after: The cursor of a `position` or of a change. `"start"` begins with the oldest change that is
                kept. None begins behind all that has happened when the iterator is first used.
            wait: Whether to wait for changes to come. With False the iterator ends behind the last change.

        Returns:
            An iterator over the changes. Nothing is read before its first use.

        Raises:
            ChangesMissed: Changes behind the cursor are missing. Raised while iterating.
            ConfigurationMismatch: The namespace has no change feed. Raised while iterating.
            TypeError: An argument has a wrong type. Raised by the call.
            ValueError: An argument is not legal. Raised by the call.
            InconsistentData: An entry's data cannot be read. Raised while iterating.
        """
        return self._system.changes(after, user_id=self.user_id, wait=wait)

    async def count(self, *, status: StatusName | None = None) -> int:
        """Count this user's live orders. No order is read.

        Atomic. O(1). With a status O(k), where k is the smaller of two numbers: the user's orders, and the
        paused orders of the user's stream.

        Args:
            status: Only orders with this status.

        Returns:
            The number of orders.

        Raises:
            ValueError: The status is not legal. Nothing was sent.
        """
        return await self._system.count(user_id=self.user_id, status=status)

    async def cancel_all(self) -> int:
        """Cancel all orders of this user.

        Atomic. Only the user's stream is touched. O(k log n) for the user's k orders among the n of that
        stream. The server does nothing else during that time: about 2 µs an order.

        Returns:
            How many orders were cancelled.
        """
        return await self._run(self._store.cancel_all_by_user(self.user_id))

    async def display_all_live_orders(self) -> list[str]:
        """List this user's live orders in placement order.

        All are read at one moment. O(k log n) for the user's k orders among the n of their stream.

        Returns:
            The ids of the orders. A paused order has `(paused)` behind its id: `["order1",
                "order2(paused)"]`.
        """
        return await self._run(self._store.display_live_orders_of(self.user_id))
