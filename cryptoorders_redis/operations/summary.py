"""What a person who looks on wants to see again and again, without anything being scanned."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest

from cryptoorders_redis.operations import Call, Operation, Steps
from cryptoorders_redis.operations.count import sizes
from cryptoorders_redis.operations.listing import split_run
from cryptoorders_redis.operations.queries import LAST_SEQUENCE
from cryptoorders_redis.operations.standalone import STALE, Commands, Standalone
from cryptoorders_redis.order import Order
from cryptoorders_redis.schema.config import Settings
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
    return Operation("summary", "read", (), _summary(node, newest, after))


def _summary(node: Standalone, newest: int, after: int) -> Steps[Summary]:
    def make_commands(num_streams: int) -> Commands:
        yield "GET", node.keys.sequence
        yield from sizes(node, num_streams)
        for stream in range(num_streams):
            yield "ZCOUNT", node.keys.placed(stream), f"({after}", "+inf"
            yield "ZRANGE", node.keys.placed(stream), 0, 0, "REV", "WITHSCORES"

    while True:
        settings = node.settings
        replies = yield from node.read_together(settings, make_commands(settings.num_streams))
        if replies is not None:
            sequence, *counts = replies
            counts, heads = counts[: len(counts) // 2], counts[len(counts) // 2 :]
            orders = yield from _newest(node, settings, heads[1::2], newest)
            if orders is not None:
                live, paused = sum(counts[0::2]), sum(counts[1::2])
                placed = sum(heads[0::2])
                return Summary(live - paused, paused, placed, int(sequence or 0), tuple(orders))
        if not (yield from node.read_settings()):
            return Summary(0, 0, 0, 0, ())


def _newest(
    node: Standalone, settings: Settings, heads: Sequence[Sequence[bytes]], number: int
) -> Steps[list[Order] | None]:
    """Reply with the newest orders of all streams, from the newest of each; None: the settings have changed.

    They can only be in those streams whose own newest is among as many.
    """
    last: dict[int, int] = {}
    for stream, head in enumerate(heads):
        for sequence in split_run(head)[1]:
            last[stream] = int(sequence)
    streams = nlargest(number, last, key=last.__getitem__)
    if not streams:
        return []
    keys = node.keys
    replies = yield [
        Call(
            "newest",
            keys.slot,
            (keys.config, keys.orders(stream), keys.placed(stream), keys.paused(stream)),
            (settings.epoch, number),
        )
        for stream in streams
    ]
    if STALE in replies:
        return None
    orders = [decode_order(*row) for reply in replies for row in zip(*reply, strict=True)]
    return nlargest(number, orders, key=lambda order: order.sequence)
