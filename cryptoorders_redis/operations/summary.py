"""Counts and the newest orders, read without a scan: for a live dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import chain

from cryptoorders_redis.operations import Call, Operation, Steps
from cryptoorders_redis.operations.count import sizes
from cryptoorders_redis.operations.head import timed_streams
from cryptoorders_redis.operations.listing import split_run
from cryptoorders_redis.operations.queries import LAST_SEQUENCE
from cryptoorders_redis.operations.store import STALE, Commands, Store
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
        moving_from: The number of streams before, while a resize is under way; None if none is.
        changes: How many changes the change feed has numbered, in all streams. None if there is no feed.
    """

    active: int
    paused: int
    placed: int
    sequence: int
    newest: tuple[Order, ...]
    moving_from: int | None = None
    changes: int | None = None

    @property
    def live(self) -> int:
        """How many orders are live: active or paused."""
        return self.active + self.paused


def summary(store: Store, newest: int, after: int) -> Operation[Summary]:
    """Reply with the summary. The counts are of one moment.

    Raises:
        TypeError: An argument has a wrong type. Raised by this call, before the first step.
        ValueError: An argument is not legal. Raised by this call, before the first step.
    """
    validate_int(newest, "newest", 0, MAX_NEWEST)
    validate_int(after, "after", 0, LAST_SEQUENCE)
    return Operation("summary", "read", (), _summary(store, newest, after), is_long=True)


def _summary(store: Store, newest: int, after: int) -> Steps[Summary]:
    def make_commands(settings: Settings) -> Commands:
        yield from sizes(store, settings)
        for stream in settings.streams:
            yield stream, ("ZCOUNT", store.keys.placed(stream), f"({after}", "+inf")
            yield stream, ("ZRANGE", store.keys.placed(stream), 0, 0, "REV", "WITHSCORES")
        yield from store.last_numbers(settings)
        for stream in feeds_of(settings):
            yield stream, ("GET", store.keys.feed_of(stream)[1])

    while True:
        settings = store.settings
        replies = yield from store.read_together(settings, make_commands(settings))
        if replies is not None:
            num_streams = len(settings.streams)
            counts, heads = replies[: 2 * num_streams], replies[2 * num_streams : 4 * num_streams]
            first_feed = len(replies) - len(feeds_of(settings))
            sequence = max(int(last or 0) for last in replies[4 * num_streams : first_feed])
            streams = _streams_of_newest(settings, heads[1::2], newest)
            orders = yield from _newest(store, settings, streams, newest)
            if orders is not None:
                store.note_sequence(sequence)
                live, paused = sum(counts[0::2]), sum(counts[1::2])
                placed = sum(heads[0::2])
                changes = sum(int(number or 0) for number in replies[first_feed:]) if settings.feed else None
                moving_from = settings.moving_from
                return Summary(live - paused, paused, placed, sequence, tuple(orders), moving_from, changes)
            is_there = yield from store.catch_up(streams)
        else:
            is_there = yield from store.read_settings()
        if not is_there:
            return Summary(0, 0, 0, 0, ())


def feeds_of(settings: Settings) -> range:
    """Return the streams that have a change feed."""
    return settings.feeds if settings.feed else range(0)


def _streams_of_newest(settings: Settings, heads: Sequence[Sequence[bytes]], number: int) -> Sequence[int]:
    """Return the streams to read. The heads are the newest order of each stream.

    The `number` newest orders can only be in the `number` streams with the newest heads.
    """
    if settings.moving_from is not None:
        return settings.streams  # they may be in other streams by now
    last: dict[int, int] = {}
    for stream, head in enumerate(heads):
        for sequence in split_run(head)[1]:
            last[stream] = int(sequence)
    return nlargest(number, last, key=last.__getitem__)


def _newest(
    store: Store, settings: Settings, streams: Sequence[int], number: int
) -> Steps[list[Order] | None]:
    """Reply with the newest orders of streams, or None if the settings have changed."""
    if not streams or not number:
        return []
    keys = store.keys
    # Standalone all at one moment: an order may be on its way to another stream.
    together = [streams] if store.is_standalone else [[stream] for stream in streams]
    head = (settings.epoch, timed_streams(settings, of_all=store.is_standalone), keys.namespace)
    replies = yield [
        Call(
            "newest",
            keys.slot_of(some[0]),
            pack((keys.config_of(some[0]), *chain.from_iterable(map(keys.columns_of, some)))),
            pack((*head, some[0], number)),
        )
        for some in together
    ]
    if STALE in replies:
        return None
    orders = [order for reply in replies for columns in reply for order in decode_orders(*columns)]
    return nlargest(number, orders, key=lambda order: order.sequence)
