"""Checks that all keys of a namespace are consistent, in pages, while other clients make changes.

Scans collect the order ids from all keys. Then all keys of an order are read at one moment, so that a change
that happens during the check is never reported as an inconsistency.
"""

from collections.abc import Iterator, Sequence

from cryptoorders_redis.operations import Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.findings import Finding, Inconsistency, Suspect, text_of
from cryptoorders_redis.operations.found import OrderFacts
from cryptoorders_redis.operations.intake.problems import (
    SCAN_OF_EVENTS,
    find_counter_problems,
    find_event_problems,
)
from cryptoorders_redis.operations.key_problems import (
    feed_problems,
    key_problems,
    sequence_problems,
    told_problems,
)
from cryptoorders_redis.operations.order_problems import is_routed_wrongly, problems_of_order
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.schema.entries import stream_in_entry
from cryptoorders_redis.schema.keys import SCANNED_KINDS, KeyMeaning
from cryptoorders_redis.schema.numbers import whole_number
from cryptoorders_redis.schema.placement import shard_of_order

PAGE = 500
"""Ids or keys checked in one round trip."""

_SCAN = {
    "orders": ("HSCAN", 2),
    "placed": ("ZSCAN", 2),
    "paused": ("SSCAN", 1),
    "user": ("SSCAN", 1),
    "due": ("ZSCAN", 2),
}
"""The command that scans each kind of key, and how many elements of its reply belong to one id."""

LOOK_AGAIN_SECONDS = 1.0
"""On Redis Cluster what looks inconsistent is looked at again after so long: a call may be under way."""


def verify(store: Store) -> Operation[list[Inconsistency]]:
    """Find everything that is inconsistent, each thing once."""
    return Operation("verify", "read", (), _verify(store), is_long=True)


def _verify(store: Store) -> Steps[list[Inconsistency]]:
    while True:
        settings = store.settings
        found = dict.fromkeys(each.inconsistency for each in (yield from find_all(store)))
        config = yield from store.read_config()
        if config.epoch == settings.epoch.encode():
            break
        # What was found may be of several settings, or of a namespace that was being dropped.
        if not (yield from store.read_settings()):
            return []
    for problem in config.field_problems():
        found[Inconsistency("config", None, problem)] = None
    if policy := config.evicting_policy:
        problem = f"it is {policy!r}, by which the server may evict keys, and should be 'noeviction'"
        found[Inconsistency("maxmemory-policy", None, problem)] = None
    return list(found)


def find_all(store: Store) -> Steps[list[Finding]]:
    """Reply with everything that is inconsistent by the settings that are known now, and what it is about.

    Where keys have another type than they should, these are all that is found: they cannot be compared.
    """
    found: dict[Finding, None] = {}
    cursor = b"0"
    while True:
        cursor, keys = yield from store.scan(cursor, PAGE)
        found.update(dict.fromkeys((yield from key_problems(store, keys))))
        if cursor == b"0":
            break
    if any(each.suspect.kind == "type" for each in found):
        return list(found)
    while True:
        cursor, keys = yield from store.scan(cursor, PAGE)
        for key in keys:
            found.update(dict.fromkeys((yield from _look_into(store, key))))
        if cursor == b"0":
            break
    for problems in (sequence_problems, feed_problems, told_problems):
        found.update(dict.fromkeys((yield from problems(store))))
    return list(found)


def _look_into(store: Store, key: bytes) -> Steps[list[Finding]]:
    """Reply with what is wrong with what is in one key."""
    meaning = store.keys.meaning_of(key)
    if meaning is None:
        return []
    if meaning.kind == "directory":
        return (yield from _look_into_directory(store, key))
    if meaning.kind in SCAN_OF_EVENTS:
        return (yield from _look_into_events(store, key, meaning))
    if meaning.kind == "intake":
        return (yield from find_counter_problems(store, key))
    if meaning.stream is None or meaning.kind not in SCANNED_KINDS:
        return []
    found: list[Finding] = []
    command, width = _SCAN[meaning.kind]
    user = meaning.name if meaning.kind == "user" else ""
    cursor = b"0"
    while True:
        cursor, elements = yield from _scanned(store, command, key, cursor)
        order_ids = elements[::width]
        if meaning.kind == "due":
            found += _switch_problems(store, meaning.stream, order_ids, elements[1::2])
            order_ids = [member[2:] for member in order_ids if member.startswith(b"o:")]
        found += yield from _inspected(store, meaning.stream, user, order_ids)
        if cursor == b"0":
            return found


def _look_into_events(store: Store, key: bytes, meaning: KeyMeaning) -> Steps[list[Finding]]:
    found: list[Finding] = []
    cursor = b"0"
    while True:
        cursor, elements = yield from _scanned(store, SCAN_OF_EVENTS[meaning.kind], key, cursor)
        for first in range(0, len(elements), 2 * PAGE):
            page = elements[first : first + 2 * PAGE]
            for event_id, problem in (yield from find_event_problems(store, meaning, page[0::2], page[1::2])):
                about = Suspect("event", meaning.stream or 0, event_id, meaning.kind)
                found.append(Finding(about, Inconsistency(text_of(event_id), None, problem)))
        if cursor == b"0":
            return found


def _look_into_directory(store: Store, key: bytes) -> Steps[list[Finding]]:
    keys = store.keys
    found: list[Finding] = []
    cursor = b"0"
    while True:
        cursor, elements = yield from _scanned(store, "HSCAN", key, cursor)
        by_stream: dict[int, list[bytes]] = {}
        for order_id, data in zip(elements[::2], elements[1::2], strict=True):
            stream = stream_in_entry(data, has_token=not store.is_standalone)
            home = keys.directory(shard_of_order(order_id, keys.directory_shards))
            if home.encode() != key:
                problem = f"in {text_of(key)}, and its place in the directory is {home}"
                about = Suspect("entry", None, order_id, text_of(key))
            elif stream is not None and stream in store.settings.streams:
                by_stream.setdefault(stream, []).append(order_id)
                continue
            else:
                problem = f"the directory names {data!r}, which is none of the streams"
                about = Suspect("order", None, order_id)
            found.append(Finding(about, Inconsistency(text_of(order_id), None, problem)))
        for stream, order_ids in by_stream.items():
            found += yield from _inspected(store, stream, "", order_ids)
        if cursor == b"0":
            return found


def _scanned(store: Store, command: str, key: bytes, cursor: bytes) -> Steps[tuple[bytes, Sequence[bytes]]]:
    step = ReadTransaction(store.keys.slot_in(key), [(command, key, cursor, "COUNT", PAGE)])
    ((reply,),) = yield [step]
    return reply


def _inspected(store: Store, stream: int, user: str, order_ids: Sequence[bytes]) -> Steps[list[Finding]]:
    """Reply with what is wrong with orders that are in one of a stream's keys."""
    found: list[Finding] = []
    # A scan returns a small hash or set as a whole, also when less was asked for.
    for first in range(0, len(order_ids), PAGE):
        page = order_ids[first : first + PAGE]
        facts = yield from store.inspect(stream, user, page)
        suspects = [each.order_id for each in facts if _is_routed_wrongly(store, stream, each)]
        if suspects and not store.is_standalone:
            # Directory and stream were read one after the other: it may have been a call under way.
            again = yield from store.inspect(stream, user, suspects, LOOK_AGAIN_SECONDS)
            changed = set(suspects) - {facts_of.order_id for facts_of in set(facts) & set(again)}
            facts = [facts_of for facts_of in facts if facts_of.order_id not in changed]
        for facts_of in facts:
            about = Suspect("order", stream, facts_of.order_id, user)
            for problem in problems_of_order(store, stream, user, facts_of):
                inconsistency = Inconsistency(text_of(facts_of.order_id), stream, problem)
                found.append(Finding(about, inconsistency))
    return found


def _is_routed_wrongly(store: Store, stream: int, facts: OrderFacts) -> bool:
    return is_routed_wrongly(stream, facts, has_token=not store.is_standalone)


def _switch_problems(
    store: Store, stream: int, members: Sequence[bytes], scores: Sequence[bytes]
) -> Iterator[Finding]:
    """Yield what is wrong with the members of a stream's deadlines, apart from those of orders."""
    for member, score in zip(members, scores, strict=True):
        kind, user_id = member[:2], text_of(member[2:])
        about = Suspect("due", stream, member, score.decode())
        if kind == b"u:" and stream not in store.settings.homes_of(user_id):
            problem = f"a dead man's switch in stream {stream}, not its user's"
            yield Finding(about, Inconsistency(user_id, None, problem))
        elif kind == b"u:" and whole_number(score) is None:
            problem = f"a dead man's switch that fires at {text_of(score)}, which is no time"
            yield Finding(about, Inconsistency(user_id, None, problem))
        elif kind not in (b"o:", b"u:"):
            problem = f"in due of stream {stream}, but no order or user"
            yield Finding(about, Inconsistency(text_of(member), None, problem))
    if members and not store.settings.timed:
        problem = "there are deadlines, and the config says that there are none"
        yield Finding(Suspect("timed"), Inconsistency("timed", None, problem))
