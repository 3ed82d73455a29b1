"""Finds keys that are none of the namespace or of the wrong type, and numbers that the orders contradict."""

from collections.abc import Sequence
from typing import Any

from cryptoorders_redis.operations import ReadTransaction, Steps
from cryptoorders_redis.operations.findings import Finding, Inconsistency, Suspect, text_of
from cryptoorders_redis.operations.listing import split_run
from cryptoorders_redis.operations.store import Commands, Store
from cryptoorders_redis.schema.keys import SCANNED_KINDS, TYPE_OF_KIND, KeyMeaning
from cryptoorders_redis.schema.numbers import whole_number

_ENDS_BY_ITSELF = frozenset(("config", "fence", "sessions"))
"""The kinds of a stream's keys that stay for an hour after a namespace on Redis Cluster was dropped."""

_OF_FEED = frozenset(("changes", "changed"))
"""The kinds of the keys of a change feed."""


def key_problems(store: Store, keys: Sequence[bytes]) -> Steps[list[Finding]]:
    """Reply with those of some keys that are none of the namespace, or have another type than they should."""
    found: list[Finding] = []
    by_slot: dict[str, list[tuple[bytes, KeyMeaning]]] = {}
    for key in keys:
        meaning = store.keys.meaning_of(key)
        if meaning is None or not _may_be_there(store, meaning):
            problem = f"no key of a namespace of {store.num_streams} streams"
            found.append(Finding(Suspect("key", None, key), Inconsistency(text_of(key), None, problem)))
        elif meaning.kind in TYPE_OF_KIND:
            slot = store.keys.slot if store.is_standalone else store.keys.slot_in(key)
            by_slot.setdefault(slot, []).append((key, meaning))
    steps = [
        ReadTransaction(slot, [("TYPE", key) for key, _ in of_slot]) for slot, of_slot in by_slot.items()
    ]
    replies = (yield steps) if steps else []
    for of_slot, types in zip(by_slot.values(), replies, strict=True):
        for (key, meaning), found_type in zip(of_slot, types, strict=True):
            wanted = TYPE_OF_KIND[meaning.kind]
            if found_type.decode() not in (wanted, "none"):
                problem = f"a {found_type.decode()}, and should be a {wanted}: nobody can use it"
                about = Suspect("type", meaning.stream, key, wanted)
                found.append(Finding(about, Inconsistency(text_of(key), None, problem)))
    return found


def _may_be_there(store: Store, meaning: KeyMeaning) -> bool:
    """Return whether a key may be there. Orders in a stream that is gone are found one by one."""
    if meaning.stream is None or meaning.stream in store.settings.streams:
        return True
    # A resize or a repair has emptied the stream; its feed may not be read to the end yet.
    settings = store.settings
    is_of_feed = meaning.kind in _OF_FEED and (settings.feed > 0 or meaning.stream in settings.feeds)
    is_queue = meaning.kind == "waiting" and store.is_standalone
    return is_of_feed or is_queue or meaning.kind in _ENDS_BY_ITSELF or meaning.kind in SCANNED_KINDS


def sequence_problems(store: Store) -> Steps[list[Finding]]:
    """Reply with the last orders of streams whose sequence number is above the last one assigned."""
    keys = store.keys
    replies = yield from _read_each(
        store,
        (
            (stream, command)
            for stream in store.settings.streams
            for command in (
                ("GET", keys.sequence_of(stream)),
                ("ZRANGE", keys.placed(stream), -1, -1, "WITHSCORES"),
            )
        ),
    )
    found: list[Finding] = []
    for stream, (last, run) in enumerate(zip(replies[0::2], replies[1::2], strict=True)):
        about = Suspect("sequence", stream)
        number = whole_number(last) if last is not None else 0
        if number is None:
            name = keys.sequence_of(stream)
            found.append(Finding(about, Inconsistency(name, None, f"it is {last!r}, which is no number")))
            continue
        for order_id, score in zip(*split_run(run), strict=True):
            sequence = whole_number(score)  # one that is none is found with its order
            if sequence is not None and sequence > number:
                problem = f"its sequence number {sequence} is above the last one given out"
                about = Suspect("sequence", stream, order_id)
                found.append(Finding(about, Inconsistency(text_of(order_id), stream, problem)))
    return found


def feed_problems(store: Store) -> Steps[list[Finding]]:
    """Reply with the change feeds whose entries are not those that their last number says."""
    settings, keys = store.settings, store.keys
    replies = yield from _read_each(
        store,
        (
            (stream, command)
            for stream in settings.feeds
            for command in _commands_of_feed(*keys.feed_of(stream))
        ),
    )
    found: list[Finding] = []
    for stream, last, length, oldest, newest in zip(
        settings.feeds, replies[0::4], replies[1::4], replies[2::4], replies[3::4], strict=True
    ):
        name = keys.feed_of(stream)[0]
        problem = _problem_of_feed(last, length, oldest, newest)
        if length and not settings.feed:
            problem = f"it has {length} entries, and the config says that no changes are kept"
        if problem:
            found.append(Finding(Suspect("feed", stream), Inconsistency(name, None, problem)))
    return found


def _commands_of_feed(changes: str, changed: str) -> tuple[tuple[str | int, ...], ...]:
    return (
        ("GET", changed),
        ("XLEN", changes),
        ("XRANGE", changes, "-", "+", "COUNT", 1),
        ("XREVRANGE", changes, "+", "-", "COUNT", 1),
    )


def _problem_of_feed(last: bytes | None, length: int, oldest: Any, newest: Any) -> str:
    number = 0 if last is None else whole_number(last)
    if number is None:
        return f"its last number is {last!r}, which is none"
    if not length:
        return ""
    (_, first_words), (entry_id, last_words) = oldest[0], newest[0]
    if whole_number(last_words[1]) != number:
        return f"its entry {text_of(entry_id)} has the number {text_of(last_words[1])}, not {number}"
    if whole_number(first_words[1]) != number - length + 1:
        return f"entries are missing between {text_of(first_words[1])} and {number}: there are {length}"
    return ""


def told_problems(store: Store) -> Steps[list[Finding]]:
    """Reply with the streams of a Redis Cluster that know settings which the namespace cannot have had."""
    settings, keys = store.settings, store.keys
    if store.is_standalone:
        return []
    fields = ("epoch", "num_streams", "feed")
    commands = ((stream, ("HMGET", keys.config_of(stream), *fields)) for stream in settings.streams)
    replies = yield from _read_each(store, commands)
    wanted = {"num_streams": str(settings.num_streams), "feed": str(settings.feed or "")}
    found: list[Finding] = []
    for stream, (told, *more) in enumerate(replies):
        epoch = whole_number(told)
        knows = dict(zip(fields[1:], (text_of(each or b"") for each in more), strict=True))
        is_wrong = (any(more) if told is None else epoch is None) or (
            epoch is not None and str(epoch) == settings.epoch and knows != wanted
        )
        if is_wrong:
            about = Suspect("told", stream, told or b"")
            problem = f"it says {[told, *more]} of {', '.join(fields)}, and the namespace's config another"
            found.append(Finding(about, Inconsistency(keys.config_of(stream), None, problem)))
    return found


def _read_each(store: Store, commands: Commands) -> Steps[list[Any]]:
    """Reply with what commands read, those of a stream at one moment, whatever deadlines have passed.

    A deadline that the keys contradict must not be carried out before it is mended.
    """
    by_slot: dict[str, list[Any]] = {}
    for stream, command in commands:
        slot = store.keys.slot if store.is_standalone else store.keys.slot_of(stream)
        by_slot.setdefault(slot, []).append(command)
    replies = yield [ReadTransaction(slot, of_slot) for slot, of_slot in by_slot.items()]
    return [reply for of_slot in replies for reply in of_slot]
