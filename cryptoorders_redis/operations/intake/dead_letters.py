"""The events that were refused, and taking them back into the queues."""

from collections.abc import Iterable, Sequence

from cryptoorders_redis import errors
from cryptoorders_redis.event import DeadLetter
from cryptoorders_redis.operations import Call, Operation, Steps
from cryptoorders_redis.operations.bulk import each_checked, in_batches
from cryptoorders_redis.operations.head import pack_head
from cryptoorders_redis.operations.intake.state import intakes_of
from cryptoorders_redis.operations.intake.submissions import queue_is_full
from cryptoorders_redis.operations.store import STALE, Commands, Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.events import decode_letter, user_in
from cryptoorders_redis.validation import validate_int, validate_text

MOST_LETTERS = 100_000
"""Dead letters that can be read in one call."""


def dead_letters(store: Store, limit: int) -> Operation[list[DeadLetter]]:
    """Read the newest dead letters, the newest first."""
    validate_int(limit, "limit", 1, MOST_LETTERS)
    return Operation("dead_letters", "read", (), _read_newest(store, limit), is_long=True)


def resubmit(store: Store, event_ids: Iterable[str]) -> Operation[list[bool]]:
    """Put dead letters back into the queues.

    Raises:
        ValueError: naming the index of the first id that is not legal.
    """
    if isinstance(event_ids, str):
        raise TypeError("event_ids must be an iterable of str, not one str")
    checked = list(each_checked(event_ids, "event_ids", lambda each: validate_text(each, "event_id")))

    stream_of: dict[str, int] = {}

    def send(batch: Sequence[str]) -> Steps[Sequence[int]]:
        return (yield from _resubmit_batch(store, batch, stream_of))

    def is_full(event_id: str) -> errors.IntakeFull:
        return queue_is_full(store, event_id, stream_of[event_id])

    steps = in_batches(store, checked, send, lambda letter: letter == ord("y"), is_full)
    return Operation("resubmit", "change", checked, steps, is_long=True)


def _read_newest(store: Store, limit: int) -> Steps[list[DeadLetter]]:
    def make_commands(settings: Settings) -> Commands:
        for stream in intakes_of(store, settings):
            yield stream, ("ZREVRANGE", store.keys.dead(stream), 0, limit - 1, "WITHSCORES")

    found: list[tuple[int, bytes, int]] = []
    for stream, run in enumerate((yield from store.snapshot(make_commands))):
        found += (
            (int(float(at)), event_id, stream) for event_id, at in zip(run[0::2], run[1::2], strict=True)
        )
    found.sort(reverse=True)
    newest = found[:limit]
    letters = yield from _read_letters(store, [(event_id, stream) for _, event_id, stream in newest])
    return [
        decode_letter(event_id, at, letter)
        for (at, event_id, _), letter in zip(newest, letters, strict=True)
        if letter is not None
    ]


def _read_letters(store: Store, wanted: Sequence[tuple[str | bytes, int]]) -> Steps[list[bytes | None]]:
    """Reply with what is kept of events as dead letters, of each given its id and a stream of its intake."""

    def make_commands(_: Settings) -> Commands:
        for event_id, stream in wanted:
            yield stream, ("HGET", store.keys.letters(stream), event_id)

    return (yield from store.snapshot(make_commands)) if wanted else []


def _resubmit_batch(
    store: Store, event_ids: Sequence[str], stream_of: dict[str, int]
) -> Steps[Sequence[int]]:
    """Resubmit events, and note their streams; reply with letters until the first without room."""
    letters = bytearray(b"n" * len(event_ids))
    streams = intakes_of(store, store.settings)
    wanted = [(event_id, stream) for event_id in event_ids for stream in streams]
    found = yield from _read_letters(store, wanted)
    users: dict[int, str] = {}
    for number, letter in enumerate(found):
        user_id = user_in(letter.split(b" ", 2)[-1]) if letter else None
        if user_id is not None:
            users[number // len(streams)] = user_id
    end = len(event_ids)
    left: Iterable[int] = list(users)
    while left:
        settings = store.settings
        by_slot: dict[str, list[int]] = {}
        for index in left:
            stream_of[event_ids[index]] = stream = settings.stream_of(users[index])
            slot = store.keys.intake_slot(stream)
            by_slot.setdefault(slot, []).append(index)
        replies = yield [
            _resubmit_call(store, settings, [(stream_of[event_ids[i]], event_ids[i]) for i in of_slot])
            for of_slot in by_slot.values()
        ]
        stale: list[int] = []
        for of_slot, reply in zip(by_slot.values(), replies, strict=True):
            if reply == STALE:
                stale += of_slot
                continue
            for index, letter in zip(of_slot, reply, strict=False):
                letters[index] = letter
            end = min((end, *of_slot[len(reply) :]))
        if stale and not (yield from store.catch_up({stream_of[event_ids[i]] for i in stale})):
            break
        left = stale
    return letters[:end]


def _resubmit_call(store: Store, settings: Settings, wanted: Sequence[tuple[int, str]]) -> Call:
    keys = store.keys
    stream = wanted[0][0]
    names = (
        keys.config_of(stream),
        keys.intake(stream),
        keys.events(stream),
        *keys.outcomes(stream),
        keys.dead(stream),
        keys.letters(stream),
        *(keys.waiting(each) for each in dict.fromkeys(each for each, _ in wanted)),
    )
    words = (pack_head(settings, keys.namespace), settings.intake.ahead, settings.intake.limit)
    args = pack((*words, *(word for each in wanted for word in each)))
    ids = [event_id for _, event_id in wanted]
    return Call("resubmit", keys.intake_slot(stream), pack(names), args, ids)
