"""What a person who looks on wants to see again and again, without anything being scanned."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest

from cryptoorders_redis.operations import Call, Operation
from cryptoorders_redis.operations.count import sizes
from cryptoorders_redis.operations.listing import columns
from cryptoorders_redis.operations.queries import LAST_SEQUENCE
from cryptoorders_redis.operations.standalone import STALE, Commands, Standalone
from cryptoorders_redis.order import Order
from cryptoorders_redis.schema.records import decode_order
from cryptoorders_redis.validation import validate_int

MAX_NEWEST = 1000
"""So many orders may be asked for: a look is to be cheap."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a look at a namespace shows.

    Attributes:
        active, paused: how many live orders are.
        placed: how many of them were placed after the sequence number that was asked about.
        sequence: the last sequence number given out, to ask about the next time; 0 for none yet.
        newest: the newest live orders, the newest of them first.
    """

    active: int
    paused: int
    placed: int
    sequence: int
    newest: tuple[Order, ...]

    @property
    def live(self) -> int:
        """How many orders are live, active and paused."""
        return self.active + self.paused


def summary(node: Standalone, newest: int, after: int) -> Operation[Summary]:
    """Reply with a look at the namespace; the counts are of one moment.

    Raises:
        TypeError, ValueError: what is given is not legal; when it is made.
    """
    validate_int(newest, "newest", 0, MAX_NEWEST)
    validate_int(after, "after", 0, LAST_SEQUENCE)
    return _summary(node, newest, after)


def _summary(node: Standalone, newest: int, after: int) -> Operation[Summary]:
    def commands(num_streams: int) -> Commands:
        yield "GET", node.keys.sequence
        yield from sizes(node, num_streams)
        for stream in range(num_streams):
            yield "ZCOUNT", node.keys.placed(stream), f"({after}", "+inf"
            yield "ZRANGE", node.keys.placed(stream), 0, 0, "REV", "WITHSCORES"

    while True:
        sequence, *replies = yield from node.snapshot(commands)
        counts, last = replies[: len(replies) // 2], replies[len(replies) // 2 :]
        orders = yield from _newest(node, last[1::2], newest)
        if orders is not None:
            break
        if not (yield from node.read_config()):
            return Summary(0, 0, 0, 0, ())
    live, paused = sum(counts[0::2]), sum(counts[1::2])
    return Summary(live - paused, paused, sum(last[0::2]), int(sequence or 0), tuple(orders))


def _newest(node: Standalone, heads: Sequence[Sequence[bytes]], number: int) -> Operation[list[Order] | None]:
    """Reply with the newest orders of all streams, from the newest of each; None: num_streams has changed.

    They can only be in those streams whose own newest is among as many.
    """
    last: dict[int, int] = {}
    for stream, head in enumerate(heads):
        for sequence in columns(head)[1]:
            last[stream] = int(sequence)
    streams = nlargest(number, last, key=last.__getitem__)
    if not streams:
        return []
    keys = node.keys
    replies = yield [
        Call(
            "newest",
            (keys.config, keys.orders(stream), keys.placed(stream), keys.paused(stream)),
            (len(heads), number),
        )
        for stream in streams
    ]
    if STALE in replies:
        return None
    orders = [decode_order(*row) for reply in replies for row in zip(*reply, strict=True)]
    return nlargest(number, orders, key=lambda order: order.sequence)
