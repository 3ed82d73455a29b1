"""Live orders in placement order, read by the page: memory stays flat, and the server is free between.

Each page of a stream is read at one moment, different pages at different ones. An order that is live
from the first page to the last is given out exactly once; one placed or cancelled in between may be
given out or not.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from cryptoorders_redis.operations import Call, Operation
from cryptoorders_redis.operations.listing import columns
from cryptoorders_redis.operations.one_node import STALE, OneNode
from cryptoorders_redis.order import Order, OrderStatus, checked_text, order_from
from cryptoorders_redis.sharding import stream_of_user

PAGE = 1000
"""Orders read in one round trip, over all streams."""

Filter: TypeAlias = Callable[[Order], bool]


class Pages(Protocol):
    """Live orders, by the page."""

    def next_page(self) -> Operation[Sequence[Order]]:
        """Reply with the next orders: at least one, or none at the end."""
        ...


def live_orders(
    node: OneNode, user_id: str | None, currency: str | None, status: OrderStatus | None
) -> Pages:
    """Return the pages of all live orders of which everything that is given holds.

    Raises:
        TypeError, ValueError: what is given is not legal.
    """
    if currency is not None:
        checked_text(currency, "currency")
    if status is not None:
        status = OrderStatus(status)

    def wanted(order: Order) -> bool:
        return currency in (None, order.currency) and status in (None, order.status)

    if user_id is None:
        return _AllOrders(node, wanted)
    return _OrdersOfUser(node, checked_text(user_id, "user_id"), wanted)


class _AllOrders:
    """Merges the streams. An order has its turn when every stream was read past its number."""

    def __init__(self, node: OneNode, wanted: Filter) -> None:
        self._node = node
        self._wanted = wanted
        self._num_streams = 0
        self._waiting: list[Order] = []
        self._read_up_to: dict[int, int] = {}
        """Each stream that may have more → the last sequence number read of it."""
        self._given_up_to = 0

    def next_page(self) -> Operation[Sequence[Order]]:
        page: list[Order] = []
        while not page:
            if self._num_streams != self._node.num_streams:
                self._start_over()
            if not self._read_up_to:
                break
            streams = self._behind()
            limit = max(PAGE // self._num_streams, 10)
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
        return Call(
            "page",
            (keys.config, keys.orders(stream), keys.placed(stream), keys.paused(stream)),
            (self._num_streams, self._read_up_to[stream], limit),
        )

    def _add(self, stream: int, orders: Sequence[Order], limit: int) -> None:
        self._waiting += filter(self._wanted, orders)
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
        del self._waiting[: len(ready)]
        return ready


class _OrdersOfUser:
    """Reads the user's order ids once, at one moment, and then the orders themselves by the page."""

    def __init__(self, node: OneNode, user_id: str, wanted: Filter) -> None:
        self._node = node
        self._user_id = user_id
        self._wanted = wanted
        self._unread: list[tuple[bytes, bytes]] | None = None

    def next_page(self) -> Operation[Sequence[Order]]:
        if self._unread is None:
            (run,) = yield from self._node.snapshot(lambda: [self._node.placed_by(self._user_id)])
            self._unread = list(zip(*columns(run), strict=True))
        page: list[Order] = []
        while self._unread and not page:
            unread = self._unread[:PAGE]
            (reply,) = yield [self._call([order_id for order_id, _ in unread])]
            if reply == STALE:
                yield from self._node.read_config(self._node.num_streams)
                continue
            del self._unread[:PAGE]
            for (order_id, placed), row in zip(unread, zip(*reply, strict=True), strict=True):
                sequence = row[0]
                # Cancelled since, and perhaps its id placed again: that is another order.
                if sequence is not None and int(sequence) == int(placed):
                    page.append(order_from(order_id, *row))
            page = list(filter(self._wanted, page))
        return page

    def _call(self, order_ids: Sequence[bytes]) -> Call:
        keys = self._node.keys
        stream = stream_of_user(self._user_id, self._node.num_streams)
        return Call(
            "page_by_user",
            (keys.config, keys.orders(stream), keys.placed(stream), keys.paused(stream)),
            (self._node.num_streams, *order_ids),
        )
