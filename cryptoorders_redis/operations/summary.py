"""Counts and the newest orders, read without a scan: for a live dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest

from cryptoorders_redis.operations import Call, Operation, Steps
from cryptoorders_redis.operations.count import sizes
from cryptoorders_redis.operations.listing import split_run
from cryptoorders_redis.operations.queries import LAST_SEQUENCE
from cryptoorders_redis.operations.standalone import STALE, Commands, Standalone
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.order import Order
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.records import decode_orders
from cryptoorders_redis.validation import validate_int

MAX_NEWEST = 1000
"""The maximum number of newest orders, so that a summary stays cheap."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a namespace's live orders, and the newest of them.

    Attributes:
        active: How many orders are ACTIVE.
        paused: How many orders are PAUSED.
        placed: How many live orders were placed after the sequence number `after` of the call.
        sequence: The last sequence number that was assigned: `after` for the next call. 0 if there is none.
        newest: The newest live orders, the newest first.
    """

    active: int
    paused: int
    placed: int
    sequence: int
    newest: tuple[Order, ...]

    @property
    def live(self) -> int:
        """How many orders are live: active or paused."""
        return self.active + self.paused


def summary(node: Standalone, newest: int, after: int) -> Operation[Summary]:
    """Reply with the summary. The counts are of one moment.

    Raises:
        TypeError: An argument has a wrong type. Raised by this call, before the first step.
        ValueError: An argument is not legal. Raised by this call, before the first step.
    """
    validate_int(newest, "newest", 0, MAX_NEWEST)
    validate_int(after, "after", 0, LAST_SEQUENCE)
    return Operation("summary", "read", (), _summary(node, newest, after), is_long=True)


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
    """Reply with the newest orders of all streams, or None if the settings have changed.

    The heads are the newest order of each stream. The `number` newest orders can only be in the `number`
    streams with the newest heads, so only these streams are read.
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
            pack((keys.config, keys.orders(stream), keys.placed(stream), keys.paused(stream))),
            pack((settings.epoch, number)),
        )
        for stream in streams
    ]
    if STALE in replies:
        return None
    orders = [order for reply in replies for order in decode_orders(*reply)]
    return nlargest(number, orders, key=lambda order: order.sequence)
