"""Finds what is wrong with the keys of events: each that waits has a text, each dead letter a reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptoorders_redis.operations import ReadTransaction, Steps
from cryptoorders_redis.operations.findings import Finding, Inconsistency, Suspect, text_of
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.schema.events import user_in
from cryptoorders_redis.schema.keys import KeyMeaning
from cryptoorders_redis.schema.numbers import whole_number

SCAN_OF_EVENTS = {"waiting": "ZSCAN", "events": "HSCAN", "dead": "ZSCAN", "letters": "HSCAN"}
"""The command that scans each kind of key that has event ids. Two elements of its reply belong to one id."""


_COUNTERS = (
    "applied",
    "late",
    "refused",
    "latest",
    "latest_at",
    "released",
    "forgotten",
    "turn",
    "turned_at",
)
"""The fields of an intake's hash: counts and moments."""


def find_counter_problems(store: Store, key: bytes) -> Steps[list[Finding]]:
    """Reply with the fields of an intake that are no numbers: no event could be applied."""
    step = ReadTransaction(store.keys.slot_in(key), [("HMGET", key, *_COUNTERS)])
    ((values,),) = yield [step]
    return [
        Finding(
            Suspect("field", None, value, f"{name} {text_of(key)}"),
            Inconsistency(text_of(key), None, f"its field {name} is {value!r}, which is no number"),
        )
        for name, value in zip(_COUNTERS, values, strict=True)
        if value is not None and whole_number(value) is None
    ]


def find_event_problems(
    store: Store, key: KeyMeaning, event_ids: Sequence[bytes], texts: Sequence[bytes]
) -> Steps[list[tuple[bytes, str]]]:
    """Reply with event ids of one key and what is wrong with them.

    Args:
        store: the operations of the namespace.
        key: what the key is.
        event_ids: the ids that a scan of it has found.
        texts: what it found with them.
    """
    stream = key.stream or 0
    if key.kind in ("dead", "letters"):
        names = (store.keys.dead(stream), store.keys.letters(stream))
        scores, letters = yield from _read(*names, event_ids)
        return list(_letter_problems(event_ids, scores, letters))
    if key.kind == "waiting":
        names = (store.keys.waiting(stream), store.keys.events(stream))
        scores, now = yield from _read(*names, event_ids)
        return list(_queue_problems(store, stream, event_ids, scores, now))
    found: list[tuple[bytes, str]] = []
    by_streams: Mapping[tuple[int, ...], Sequence[bytes]]
    by_streams = {(stream,): event_ids} if key.stream is not None else _by_streams(store, event_ids, texts)
    for streams, some in by_streams.items():
        waits = set[bytes]()
        for each in streams:
            names = (store.keys.waiting(each), store.keys.events(each))
            scores, now = yield from _read(*names, some)
            waits.update(
                event_id
                for event_id, score, text in zip(some, scores, now, strict=True)
                if score is not None or text is None
            )
        found += [(event_id, "an event that is in no queue") for event_id in some if event_id not in waits]
    return found


def _by_streams(
    store: Store, event_ids: Sequence[bytes], texts: Sequence[bytes]
) -> dict[tuple[int, ...], list[bytes]]:
    """Return the ids by the streams in whose queues they may wait."""
    by_streams: dict[tuple[int, ...], list[bytes]] = {}
    for event_id, text in zip(event_ids, texts, strict=True):
        user_id = user_in(text)
        streams = tuple(store.settings.streams) if user_id is None else store.settings.homes_of(user_id)
        by_streams.setdefault(streams, []).append(event_id)
    return by_streams


def _read(scores: str, texts: str, event_ids: Sequence[bytes]) -> Steps[Sequence[Any]]:
    """Reply with what a sorted set and a hash hold of events at one moment."""
    commands = (("ZMSCORE", scores, *event_ids), ("HMGET", texts, *event_ids))
    (reply,) = yield [ReadTransaction(scores[: scores.index("}") + 1], commands)]
    return reply


def _letter_problems(
    event_ids: Sequence[bytes], scores: Sequence[bytes | None], letters: Sequence[bytes | None]
) -> Iterator[tuple[bytes, str]]:
    for event_id, score, letter in zip(event_ids, scores, letters, strict=True):
        if score is None and letter is not None:
            yield event_id, "a dead letter that is not listed"
        if score is not None and letter is not None and whole_number(score) is None:
            yield event_id, f"a dead letter that was refused at {text_of(score)}, which is no time"
        if score is not None and letter is None:
            yield event_id, "listed as a dead letter, but there is none"


def _queue_problems(
    store: Store,
    stream: int,
    event_ids: Sequence[bytes],
    scores: Sequence[bytes | None],
    texts: Sequence[bytes | None],
) -> Iterator[tuple[bytes, str]]:
    for event_id, score, text in zip(event_ids, scores, texts, strict=True):
        if score is None:
            continue
        user_id = user_in(text)
        if text is None:
            yield event_id, "waits in a queue, but there is no such event"
        elif whole_number(score) is None:
            yield event_id, f"waits with the time {text_of(score)}, which is none"
        elif user_id is not None and stream not in store.settings.homes_of(user_id):
            yield event_id, f"waits in the queue of another stream than that of its user {user_id!r}"
        elif stream not in store.settings.streams:
            yield event_id, f"waits in the queue of stream {stream}, which is none of the streams"
