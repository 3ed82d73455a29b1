"""Live orders in placement order, read by the page: memory stays flat, and the server is free between.

Each page of a stream is read at one moment, different pages at different ones. An order that is live
from the first page to the last is given out exactly once; one placed or cancelled in between may be
given out or not.
"""

from collections.abc import Sequence
from typing import Protocol

from cryptoorders_redis.operations import Call, Operation
from cryptoorders_redis.operations.listing import columns
from cryptoorders_redis.operations.one_node import STALE, OneNode
from cryptoorders_redis.operations.query import Query
from cryptoorders_redis.order import Order, order_from
from cryptoorders_redis.sharding import stream_of_user

PAGE = 1000
"""Orders read in one round trip, over all streams."""

LEAST_OF_A_STREAM = 10
"""Orders read of one stream in one round trip, where there are so many streams that it would be fewer."""


class Pages(Protocol):
    """Live orders, by the page."""

    def next_page(self) -> Operation[Sequence[Order]]:
        """Reply with the next orders: at least one, or none at the end."""
        ...


def live_orders(node: OneNode, wanted: Query) -> Pages:
    """Return the pages of all live orders that are asked for."""
    pages = (
        _AllOrders(node, wanted) if wanted.user_id is None else _OrdersOfUser(node, wanted, wanted.user_id)
    )
    return pages if wanted.limit is None else _Limited(pages, wanted.limit)


class _Limited:
    """Ends at the limit."""

    def __init__(self, pages: Pages, limit: int) -> None:
        self._pages = pages
        self._left = limit

    def next_page(self) -> Operation[Sequence[Order]]:
        if not self._left:
            return []
        page = (yield from self._pages.next_page())[: self._left]
        self._left -= len(page)
        return page


class _PageSize:
    """How many orders to read in the next round trip.

    It begins at the limit and doubles, so that a limit that is soon met reads little, and one that
    the other filters keep from being met takes few round trips.
    """

    def __init__(self, wanted: Query) -> None:
        self._next = min(PAGE, wanted.limit or PAGE)

    def take(self) -> int:
        size = self._next
        self._next = min(PAGE, 2 * size)
        return size


class _AllOrders:
    """Merges the streams. An order has its turn when every stream was read past its number."""

    def __init__(self, node: OneNode, wanted: Query) -> None:
        self._node = node
        self._wanted = wanted
        self._size = _PageSize(wanted)
        self._num_streams = 0
        self._waiting: list[Order] = []
        self._read_up_to: dict[int, int] = {}
        """Each stream that may have more → the last sequence number read of it."""
        self._given_up_to = wanted.above

    def next_page(self) -> Operation[Sequence[Order]]:
        page: list[Order] = []
        while not page:
            if self._num_streams != self._node.num_streams:
                self._start_over()
            if not self._read_up_to:
                break
            streams = self._behind()
            size = self._size.take()
            limit = max(size // self._num_streams, min(size, LEAST_OF_A_STREAM))
            replies = yield [self._call(stream, limit) for stream in streams]
            if STALE in replies:
                yield from self._node.read_config(self._num_streams)
                continue
            for stream, reply in zip(streams, replies, strict=True):
                self._add(stream, [order_from(*row) for row in zip(*reply, strict=True)], limit)
            page = self._take()
        return page

    def _start_over(self) -> None:
        """Go on after the last order given out, in however many streams there now are."""
        self._num_streams = self._node.num_streams
        self._waiting = []
        self._read_up_to = dict.fromkeys(range(self._num_streams), self._given_up_to)

    def _behind(self) -> list[int]:
        """Return the streams to read next: that half of them that was read less far."""
        by_progress = sorted(self._read_up_to, key=self._read_up_to.__getitem__)
        return by_progress[: (len(by_progress) + 1) // 2]

    def _call(self, stream: int, limit: int) -> Call:
        keys = self._node.keys
        below = "+inf" if self._wanted.below is None else self._wanted.below
        return Call(
            "page",
            (keys.config, keys.orders(stream), keys.placed(stream), keys.paused(stream)),
            (self._num_streams, self._read_up_to[stream], below, limit),
        )

    def _add(self, stream: int, orders: Sequence[Order], limit: int) -> None:
        self._waiting += filter(self._wanted.holds_of, orders)
        if len(orders) == limit:
            self._read_up_to[stream] = orders[-1].sequence
        else:
            del self._read_up_to[stream]

    def _take(self) -> list[Order]:
        self._waiting.sort(key=lambda order: order.sequence)
        if self._read_up_to:
            self._given_up_to = min(self._read_up_to.values())
            ready = [order for order in self._waiting if order.sequence <= self._given_up_to]
        else:
            ready = self._waiting[:]
            if ready:
                self._given_up_to = ready[-1].sequence
        del self._waiting[: len(ready)]
        return ready


class _OrdersOfUser:
    """Reads the user's order ids once, at one moment, and then the orders themselves by the page."""

    def __init__(self, node: OneNode, wanted: Query, user_id: str) -> None:
        self._node = node
        self._wanted = wanted
        self._user_id = user_id
        self._size = _PageSize(wanted)
        self._unread: list[tuple[bytes, bytes]] | None = None

    def next_page(self) -> Operation[Sequence[Order]]:
        if self._unread is None:
            (run,) = yield from self._node.snapshot(
                lambda num_streams: [self._node.placed_by(self._user_id, num_streams)]
            )
            self._unread = [
                (order_id, placed)
                for order_id, placed in zip(*columns(run), strict=True)
                if self._wanted.reaches(int(placed))
            ]
        page: list[Order] = []
        while self._unread and not page:
            unread = self._unread[: self._size.take()]
            (reply,) = yield [self._call([order_id for order_id, _ in unread])]
            if reply == STALE:
                yield from self._node.read_config(self._node.num_streams)
                continue
            del self._unread[: len(unread)]
            for (order_id, placed), row in zip(unread, zip(*reply, strict=True), strict=True):
                sequence = row[0]
                # Cancelled since, and perhaps its id placed again: that is another order.
                if sequence is not None and int(sequence) == int(placed):
                    page.append(order_from(order_id, *row))
            page = list(filter(self._wanted.holds_of, page))
        return page

    def _call(self, order_ids: Sequence[bytes]) -> Call:
        keys, num_streams = self._node.keys, self._node.num_streams
        stream = stream_of_user(self._user_id, num_streams)
        return Call(
            "page_by_user",
            (keys.config, keys.orders(stream), keys.placed(stream), keys.paused(stream)),
            (num_streams, *order_ids),
        )
