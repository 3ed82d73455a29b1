"""Submitting events: each waits in the queue of its user's stream until it is due."""

from collections.abc import Iterable, Sequence

from cryptoorders_redis import errors
from cryptoorders_redis.event import Submission
from cryptoorders_redis.operations import Call, Operation, Steps
from cryptoorders_redis.operations.bulk import each_checked, in_batches
from cryptoorders_redis.operations.head import pack_head
from cryptoorders_redis.operations.store import STALE, Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.events import QueuedEvent, encode_event

_SUBMISSIONS = {
    ord("y"): Submission.ACCEPTED,
    ord("k"): Submission.KNOWN,
    ord("l"): Submission.LATE,
    ord("e"): Submission.EARLY,
}
"""What the letters mean with which lua/submit_many.lua replies."""


def submit(store: Store, event: object) -> Operation[Submission]:
    """Submit an event. It is checked now.

    Raises:
        TypeError, ValueError: it is not legal.
    """
    queued = encode_event(event)
    return Operation("submit", "change", (queued.event_id,), _submit(store, queued))


def submit_many(store: Store, events: Iterable[object]) -> Operation[list[Submission]]:
    """Submit events, one after the other. They are checked now.

    Raises:
        ValueError: naming the index of the first event that is not legal.
    """
    queued = list(each_checked(events, "events", encode_event))

    def send(batch: Sequence[QueuedEvent]) -> Steps[Sequence[int]]:
        return (yield from submit_batch(store, batch))

    def is_full(event: QueuedEvent) -> errors.IntakeFull:
        return queue_is_full(store, event.event_id, store.settings.stream_of(event.user_id))

    steps = in_batches(store, queued, send, _SUBMISSIONS.__getitem__, is_full)
    return Operation("submit_many", "change", [event.event_id for event in queued], steps, is_long=True)


def _submit(store: Store, event: QueuedEvent) -> Steps[Submission]:
    letters = yield from submit_batch(store, [event])
    if not letters:
        raise queue_is_full(store, event.event_id, store.settings.stream_of(event.user_id))
    return _SUBMISSIONS[letters[0]]


def queue_is_full(store: Store, event_id: str, stream: int) -> errors.IntakeFull:
    """Return the error for an event that its stream's queue has no room for."""
    limit = store.settings.intake.limit
    return errors.IntakeFull(
        f"event {event_id!r} was not taken: {limit} events wait in the queue of stream {stream}; "
        "start workers, or configure a higher limit",
        stream=stream,
        limit=limit,
    )


def submit_batch(store: Store, events: Sequence[QueuedEvent]) -> Steps[Sequence[int]]:
    """Submit events; reply with the letter of each, until the first that there was no room for."""
    letters: dict[int, int] = {}
    full: set[int] = set()
    left: Iterable[int] = range(len(events))
    while left:
        settings = store.settings
        by_slot: dict[str, list[int]] = {}
        for index in left:
            slot = store.keys.intake_slot(settings.stream_of(events[index].user_id))
            by_slot.setdefault(slot, []).append(index)
        replies = yield [
            _submit_call(store, settings, [events[index] for index in of_slot])
            for of_slot in by_slot.values()
        ]
        stale: list[int] = []
        for of_slot, reply in zip(by_slot.values(), replies, strict=True):
            if reply == STALE:
                stale += of_slot
                continue
            letters.update(zip(of_slot, reply, strict=False))
            full.update(of_slot[len(reply) :])
        if stale:
            streams = {settings.stream_of(events[index].user_id) for index in stale}
            yield from store.catch_up_or_create(streams)
        left = stale
    end = min(full, default=len(events))
    return [letters[index] for index in range(end)]


def _submit_call(store: Store, settings: Settings, events: Sequence[QueuedEvent]) -> Call:
    """Return the call that submits events whose streams have one intake."""
    keys, intake = store.keys, settings.intake
    streams = [settings.stream_of(event.user_id) for event in events]
    stream = streams[0]
    names = (
        keys.config_of(stream),
        keys.intake(stream),
        keys.events(stream),
        *keys.outcomes(stream),
        keys.dead(stream),
        keys.letters(stream),
        *(keys.waiting(each) for each in dict.fromkeys(streams)),
    )
    words = (
        pack_head(settings, keys.namespace), intake.window, intake.ahead, intake.limit, intake.late,
        intake.remember,
    )  # fmt: skip
    of_events = (
        word
        for each, event in zip(streams, events, strict=True)
        for word in (each, event.event_id, event.time, event.text)
    )
    return Call(
        "submit_many",
        keys.intake_slot(stream),
        pack(names),
        pack((*words, *of_events)),
        [event.event_id for event in events],
    )
