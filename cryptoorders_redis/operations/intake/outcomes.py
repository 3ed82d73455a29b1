"""What became of events."""

from collections.abc import Iterable, Sequence
from typing import cast

from cryptoorders_redis.event import Outcome
from cryptoorders_redis.operations import Operation, Steps
from cryptoorders_redis.operations.bulk import BATCH, each_checked
from cryptoorders_redis.operations.store import Commands, Store
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.events import decode_outcome
from cryptoorders_redis.validation import validate_text


def outcome(store: Store, event_id: str, user_id: str) -> Operation[Outcome]:
    """Read what became of an event of a user."""
    return Operation("outcome", "read", (event_id,), _first(_read(store, [_check((event_id, user_id))])))


def outcomes(store: Store, events: Iterable[tuple[str, str]]) -> Operation[list[Outcome]]:
    """Read what became of events, of each given its id and its user's id.

    Raises:
        ValueError: naming the index of the first that is not legal.
    """
    checked = list(each_checked(events, "events", _check))
    return Operation(
        "outcomes", "read", [event_id for event_id, _ in checked], _read_all(store, checked), is_long=True
    )


def _check(event: object) -> tuple[str, str]:
    if not isinstance(event, tuple):
        raise TypeError(f"must be a tuple of an event id and a user id, not {type(event).__name__}")
    fields = cast("tuple[object, ...]", event)
    if len(fields) != 2:
        raise ValueError(f"must be an event id and a user id, not {len(fields)} fields")
    event_id, user_id = fields
    return validate_text(event_id, "event_id"), validate_text(user_id, "user_id")


def _first(steps: Steps[list[Outcome]]) -> Steps[Outcome]:
    return (yield from steps)[0]


def _read_all(store: Store, events: Sequence[tuple[str, str]]) -> Steps[list[Outcome]]:
    found: list[Outcome] = []
    for first in range(0, len(events), BATCH):
        found += yield from _read(store, events[first : first + BATCH])
    return found


def _read(store: Store, events: Sequence[tuple[str, str]]) -> Steps[list[Outcome]]:
    by_slot: dict[str, tuple[int, list[int]]] = {}

    def make_commands(settings: Settings) -> Commands:
        by_slot.clear()
        for index, (_, user_id) in enumerate(events):
            stream = settings.stream_of(user_id)
            by_slot.setdefault(store.keys.intake_slot(stream), (stream, []))[1].append(index)
        for stream, indexes in by_slot.values():
            keys = store.keys
            for key in (keys.events(stream), *keys.outcomes(stream), keys.letters(stream)):
                yield stream, ("HMGET", key, *(events[index][0] for index in indexes))

    replies = yield from store.snapshot(make_commands)
    found: dict[int, Outcome] = {}
    for number, (_, indexes) in enumerate(by_slot.values()):
        rows = zip(*replies[4 * number : 4 * number + 4], strict=True)
        for index, (text, even, odd, letter) in zip(indexes, rows, strict=True):
            found[index] = decode_outcome(text is not None, even or odd, letter)
    return [found[index] for index in range(len(events))]
