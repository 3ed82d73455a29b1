"""Live orders in placement order, read in pages: memory stays flat, and the server is free in between.

Each page is read at one moment, different pages at different ones. An order that is live from the first
page to the last is given out exactly once; one placed or cancelled in between may be given out or not.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Generic, Protocol

from cryptoorders_redis.operations import Call, Operation, Steps
from cryptoorders_redis.operations.found import Decode, N
from cryptoorders_redis.operations.head import pack_read_head
from cryptoorders_redis.operations.listing import split_run
from cryptoorders_redis.operations.queries import Query
from cryptoorders_redis.operations.store import STALE, Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.order import Order
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.records import decode_order, decode_orders

PAGE = 1000
"""Orders read in one round trip, over all streams."""

LEAST_OF_A_STREAM = 10
"""Orders read of one stream in one round trip, where there are so many streams that it would be fewer."""


class Pages(Protocol):
    """Live orders in pages."""

    def next_page(self) -> Steps[Sequence[Order]]:
        """Reply with the next orders: at least one, or none at the end."""
        ...


class LiveOrders:
    """The live orders that match a query, page after page."""

    def __init__(self, store: Store, query: Query) -> None:
        user_id = query.user_id
        pages: Pages = (
            AllOrders(store, query, decode_orders, query.select)
            if user_id is None
            else _OrdersOfUser(store, query, user_id)
        )
        self._pages: Pages = pages if query.limit is None else _Limited(pages, query.limit)
        self._ids = () if user_id is None else (user_id,)

    def next_page(self) -> Operation[Sequence[Order]]:
        """Read the next orders: at least one, or none at the end."""
        return Operation("live_orders", "read", self._ids, self._pages.next_page(), is_long=True)


class _Limited:
    """Ends at the limit, or on Redis Cluster behind orders of one number, which no cursor tells apart."""

    def __init__(self, pages: Pages, limit: int) -> None:
        self._pages = pages
        self._left = limit

    def next_page(self) -> Steps[Sequence[Order]]:
        if self._left <= 0:
            return []
        page = yield from self._pages.next_page()
        end = self._left
        while end < len(page) and page[end].sequence == page[end - 1].sequence:
            end += 1
        given = page[:end]
        self._left -= len(given)
        return given


class _PageSize:
    """How many orders to read in the next round trip.

    It begins at the limit and doubles, so that a limit that is soon met reads little, and one that
    the other filters keep from being met takes few round trips.
    """

    def __init__(self, query: Query) -> None:
        self._next = min(PAGE, query.limit or PAGE)

    def take(self) -> int:
        size = self._next
        self._next = min(PAGE, 2 * size)
        return size


class AllOrders(Generic[N]):
    """Reads all streams from one position: an order that is placed later comes behind all that were read.

    Args:
        store: the store.
        query: the range and the limit.
        decode: makes the orders.
        select: returns those of some orders that are wanted.
    """

    def __init__(
        self, store: Store, query: Query, decode: Decode[N], select: Callable[[list[N]], list[N]] = list
    ) -> None:
        self._store = store
        self._below = query.below
        self._decode = decode
        self._select = select
        self._size = _PageSize(query)
        self._limit = _LimitOfAStream()
        self._read_up_to: int | None = query.above
        """None: everything was read."""

    def next_page(self) -> Steps[Sequence[N]]:
        """Reply with the next orders: at least one, or none at the end."""
        page: list[N] = []
        while not page and self._read_up_to is not None:
            size, settings = self._size.take(), self._store.settings
            limit = self._limit.of(size, len(settings.streams))
            wanted = self._read_up_to, self._below, limit
            read = yield from self._store.read_page(settings, wanted, self._decode)
            if read is None:
                if not (yield from self._store.read_settings()):
                    break
                continue
            self._read_up_to = read.end
            self._limit.adapt(size, read.num_read, len(read.orders))
            page = sorted(self._select(read.orders), key=attrgetter("sequence"))
        return page


class _LimitOfAStream:
    """How many ids to read of each stream, for a page to have about the size that is wanted.

    A page ends where the first of the streams ends that have more than was read of them. So a bit more
    is read than the page's share, and twice as much next time where the orders are in few of the streams.
    """

    def __init__(self) -> None:
        self._factor = 1.0

    def of(self, size: int, num_streams: int) -> int:
        """Return the limit for a page of that size."""
        share = size / num_streams
        if num_streams > 1:
            share += 3 * share**0.5  # so many standard deviations, where users are spread by chance
        return max(min(size, LEAST_OF_A_STREAM), min(PAGE, round(share * self._factor)))

    def adapt(self, size: int, num_read: int, num_given: int) -> None:
        """Learn from a page."""
        if 4 * num_given < 3 * size and num_read < 4 * PAGE:
            self._factor *= 2
        elif num_given > 2 * size:
            self._factor /= 2


class _OrdersOfUser:
    """Reads the user's order ids once, at one moment, and then the orders themselves in pages."""

    def __init__(self, store: Store, query: Query, user_id: str) -> None:
        self._store = store
        self._query = query
        self._user_id = user_id
        self._size = _PageSize(query)
        self._unread: list[tuple[bytes, bytes]] | None = None

    def next_page(self) -> Steps[Sequence[Order]]:
        if self._unread is None:
            runs = yield from self._store.snapshot(partial(self._store.placed_by, self._user_id))
            self._unread = [
                (order_id, placed)
                for run in runs
                for order_id, placed in zip(*split_run(run), strict=True)
                if self._query.in_range(int(placed))
            ]
            self._unread.sort(key=lambda each: int(each[1]))
        page: list[Order] = []
        while self._unread and not page:
            unread = self._unread[: self._size.take()]
            settings = self._store.settings
            homes = settings.homes_of(self._user_id)
            (reply,) = yield [self._call(settings, homes, [order_id for order_id, _ in unread])]
            if reply == STALE:
                if not (yield from self._store.catch_up(homes)):
                    break
                continue
            del self._unread[: len(unread)]
            for (order_id, placed), row in zip(unread, zip(*reply, strict=True), strict=True):
                sequence = row[0]
                # Cancelled since, and perhaps its id placed again: that is another order.
                if sequence is not None and int(sequence) == int(placed):
                    page.append(decode_order(order_id, *row))
            page = self._query.select(page)
        return page

    def _call(self, settings: Settings, homes: Sequence[int], order_ids: Sequence[bytes]) -> Call:
        keys = self._store.keys
        names = pack((keys.config_of(homes[0]), *chain.from_iterable(map(keys.columns_of, homes))))
        return Call(
            "page_by_user",
            keys.slot_of(homes[0]),
            names,
            pack((pack_read_head(settings, keys.namespace), homes[0], *order_ids)),
        )
