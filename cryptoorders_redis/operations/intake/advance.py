"""Applying the events that are due: a script for each stream.

The script is the synchronisation: it takes what is due off the queue, applies it and keeps the outcomes in
one step. So any number of workers may run it, also for one stream, and none needs a lock.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from cryptoorders_redis.operations import Operation, Steps
from cryptoorders_redis.operations.configure import config_call
from cryptoorders_redis.operations.deadlines import carry_out_due
from cryptoorders_redis.operations.intake.moves import move_events
from cryptoorders_redis.operations.store import STALE, Store
from cryptoorders_redis.validation import validate_int

LIMIT = 500
"""Events that one script applies: about 4 ms in which the server does nothing else."""


class Progress(NamedTuple):
    """What one round of applying events has done.

    Attributes:
        applied: How many events were applied or refused.
        has_more: Whether more may be due now.
        wait_seconds: How long until more are due if no event comes. None if nothing is due by time alone.
    """

    applied: int
    has_more: bool
    wait_seconds: float | None


def advance(
    store: Store, streams: Iterable[int] | None, share: tuple[int, int], limit: int
) -> Operation[Progress]:
    """Apply the events that are due in some streams, after the deadlines there that have passed.

    Args:
        store: the operations of the namespace.
        streams: their numbers; None is all.
        share: take only every so manieth of them: which, from 0, and of how many.
        limit: how many events to apply in each at most.

    Raises:
        TypeError, ValueError: a number is not legal.
    """
    first, step = share
    validate_int(step, "share[1]", 1, None)
    validate_int(first, "share[0]", 0, step - 1)
    checked = None if streams is None else {validate_int(stream, "streams", 0, None) for stream in streams}
    steps = _advance(store, checked, share, validate_int(limit, "limit", 1, 1000))
    return Operation("advance", "change", (store.keys.namespace,), steps)


def _advance(
    store: Store, streams: Collection[int] | None, share: tuple[int, int], limit: int
) -> Steps[Progress]:
    if not store.has_tried_rights:
        # A script that a missing right stops is not undone, and these have no session that tries the rights.
        yield [config_call(store, {"none": ""})]
        store.has_tried_rights = True
    yield from carry_out_due(store, streams, share)
    done: dict[int, Sequence[int]] = {}
    first, step = share
    while True:
        settings = store.settings
        left = [
            each
            for each in range(first, settings.num_streams, step)
            if each not in done and (streams is None or each in streams)
        ]
        if not left:
            return _sum_up(done.values())
        replies = yield from store.advance_streams(settings, left, limit)
        stale = [stream for stream, reply in zip(left, replies, strict=True) if reply == STALE]
        is_moving = b"MOVING" in replies
        if not is_moving:
            done.update((each, reply) for each, reply in zip(left, replies, strict=True) if reply != STALE)
        if stale:
            if not (yield from store.catch_up(stale)):
                return _sum_up(done.values())
        elif is_moving and not (yield from move_events(store, settings)):
            yield from store.read_settings()


def _sum_up(replies: Collection[Sequence[int]]) -> Progress:
    waits = [wait for _, _, wait in replies if wait >= 0]
    return Progress(
        sum(applied for applied, *_ in replies),
        any(has_more for _, has_more, _ in replies),
        min(waits) / 1e6 if waits else None,
    )
