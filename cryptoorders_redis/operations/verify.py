"""Checks that all keys of a namespace are consistent, in pages, while other clients make changes.

Scans collect the order ids from all keys. Then all keys of an order are read at one moment, so that a change
that happens during the check is never reported as an inconsistency.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptoorders_redis.operations import Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.found import OrderFacts
from cryptoorders_redis.operations.intake.problems import SCAN_OF_EVENTS, find_event_problems
from cryptoorders_redis.operations.listing import split_run
from cryptoorders_redis.operations.store import Commands, Store
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.entries import decode_entry
from cryptoorders_redis.schema.keys import KeyMeaning
from cryptoorders_redis.schema.records import check_record, deadline_in

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

_ENDS_BY_ITSELF = frozenset(("config", "fence", "sessions"))
"""The kinds of a stream's keys that stay for an hour after a namespace on Redis Cluster was dropped."""

_OF_FEED = frozenset(("changes", "changed"))
"""The kinds of the keys of a change feed."""

LOOK_AGAIN_SECONDS = 1.0
"""On Redis Cluster what looks inconsistent is looked at again after so long: a call may be under way."""


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """An order or an event whose keys disagree, or a key or a setting that is wrong.

    Attributes:
        subject: The order id, the event id, the name of the key or the name of the setting.
        stream: The stream whose keys hold the order. None if it belongs to no stream.
        problem: What is wrong, in words.
    """

    subject: str
    stream: int | None
    problem: str


def verify(store: Store) -> Operation[list[Inconsistency]]:
    """Find everything that is inconsistent, each thing once."""
    return Operation("verify", "read", (), _verify(store), is_long=True)


def _verify(store: Store) -> Steps[list[Inconsistency]]:
    while True:
        settings = store.settings
        found = yield from find_all(store)
        config = yield from store.read_config()
        if config.epoch == settings.epoch.encode():
            break
        # What was found may be of several settings, or of a namespace that was being dropped.
        if not (yield from store.read_settings()):
            return []
    if policy := config.evicting_policy:
        problem = f"it is {policy!r}, by which the server may evict keys, and should be 'noeviction'"
        found[Inconsistency("maxmemory-policy", None, problem)] = None
    return list(found)


def find_all(store: Store) -> Steps[dict[Inconsistency, None]]:
    """Reply with everything that is inconsistent by the settings that are known now."""
    found: dict[Inconsistency, None] = {}
    cursor = b"0"
    while True:
        cursor, keys = yield from store.scan(cursor, PAGE)
        for key in keys:
            found.update(dict.fromkeys((yield from _look_into(store, key))))
        if cursor == b"0":
            break
    found.update(dict.fromkeys((yield from _sequence_problems(store))))
    found.update(dict.fromkeys((yield from _feed_problems(store))))
    return found


def _look_into(store: Store, key: bytes) -> Steps[list[Inconsistency]]:
    """Reply with what is wrong with one key and with the orders in it."""
    meaning = store.keys.meaning_of(key)
    if meaning is None or (meaning.stream is not None and meaning.stream not in store.settings.streams):
        if meaning and _may_be_left(store, meaning):
            return []
        return [Inconsistency(_text(key), None, f"no key of a namespace of {store.num_streams} streams")]
    if meaning.kind == "directory":
        return (yield from _look_into_directory(store, key))
    if meaning.kind in SCAN_OF_EVENTS:
        return (yield from _look_into_events(store, key, meaning))
    if meaning.stream is None or meaning.kind not in _SCAN:
        return []
    found: list[Inconsistency] = []
    command, width = _SCAN[meaning.kind]
    user = meaning.name if meaning.kind == "user" else ""
    cursor = b"0"
    while True:
        cursor, elements = yield from _scanned(store, command, key, cursor)
        order_ids = elements[::width]
        if meaning.kind == "due":
            found += _switch_problems(store, meaning.stream, order_ids)
            order_ids = [member[2:] for member in order_ids if member.startswith(b"o:")]
        found += yield from _inspected(store, meaning.stream, user, order_ids)
        if cursor == b"0":
            return found


def _may_be_left(store: Store, meaning: KeyMeaning) -> bool:
    """Return whether a key may be there though its stream is gone."""
    # A resize has emptied the stream; its feed may not be read to the end yet.
    is_of_feed = meaning.kind in _OF_FEED and meaning.stream in store.settings.feeds
    return is_of_feed or meaning.kind in _ENDS_BY_ITSELF


def _look_into_events(store: Store, key: bytes, meaning: KeyMeaning) -> Steps[list[Inconsistency]]:
    found: list[Inconsistency] = []
    cursor = b"0"
    while True:
        cursor, elements = yield from _scanned(store, SCAN_OF_EVENTS[meaning.kind], key, cursor)
        for first in range(0, len(elements), 2 * PAGE):
            page = elements[first : first + 2 * PAGE]
            problems = yield from find_event_problems(store, meaning, page[0::2], page[1::2])
            found += [Inconsistency(_text(event_id), None, problem) for event_id, problem in problems]
        if cursor == b"0":
            return found


def _look_into_directory(store: Store, key: bytes) -> Steps[list[Inconsistency]]:
    found: list[Inconsistency] = []
    cursor = b"0"
    while True:
        cursor, elements = yield from _scanned(store, "HSCAN", key, cursor)
        by_stream: dict[int, list[bytes]] = {}
        for order_id, data in zip(elements[::2], elements[1::2], strict=True):
            entry = decode_entry(data)
            if entry and entry.stream in store.settings.streams:
                by_stream.setdefault(entry.stream, []).append(order_id)
            else:
                problem = f"the directory names {data!r}, which is none of the streams"
                found.append(Inconsistency(_text(order_id), None, problem))
        for stream, order_ids in by_stream.items():
            found += yield from _inspected(store, stream, "", order_ids)
        if cursor == b"0":
            return found


def _scanned(store: Store, command: str, key: bytes, cursor: bytes) -> Steps[tuple[bytes, Sequence[bytes]]]:
    step = ReadTransaction(store.keys.slot_in(key), [(command, key, cursor, "COUNT", PAGE)])
    ((reply,),) = yield [step]
    return reply


def _inspected(
    store: Store, stream: int, user: str, order_ids: Sequence[bytes]
) -> Steps[list[Inconsistency]]:
    """Reply with what is wrong with orders that are in one of a stream's keys."""
    found: list[Inconsistency] = []
    # A scan returns a small hash or set as a whole, also when less was asked for.
    for first in range(0, len(order_ids), PAGE):
        page = order_ids[first : first + PAGE]
        facts = yield from store.inspect(stream, user, page)
        suspects = [facts_of.order_id for facts_of in facts if _is_routed_wrongly(stream, facts_of)]
        if suspects and not store.is_standalone:
            # Directory and stream were read one after the other: it may have been a call under way.
            again = yield from store.inspect(stream, user, suspects, LOOK_AGAIN_SECONDS)
            changed = set(suspects) - {facts_of.order_id for facts_of in set(facts) & set(again)}
            facts = [facts_of for facts_of in facts if facts_of.order_id not in changed]
        for facts_of in facts:
            order_id = _text(facts_of.order_id)
            problems = _problems(store, stream, user, facts_of)
            found += [Inconsistency(order_id, stream, problem) for problem in problems]
    return found


def _is_routed_here(stream: int, facts: OrderFacts) -> bool:
    entry = decode_entry(facts.entry) if facts.entry is not None else None
    return entry is not None and entry.stream == stream


def _is_routed_wrongly(stream: int, facts: OrderFacts) -> bool:
    """Return whether the directory names a stream without the order, or not the stream that has it."""
    return _is_routed_here(stream, facts) != (facts.record is not None)


def _problems(store: Store, stream: int, found_with: str, facts: OrderFacts) -> Iterator[str]:
    routed_here = _is_routed_here(stream, facts)
    if facts.record is None:
        found_in = {
            "placed": facts.sequence is not None,
            "paused": facts.paused,
            f"the set of user {found_with!r}": facts.in_set_found_with,
            "the directory": routed_here,
            "due": facts.deadline is not None,
        }
        for where, is_there in found_in.items():
            if is_there:
                yield f"in {where}, but there is no such order"
        return
    if facts.sequence is None:
        yield "not in placed, so it is not listed"
    if not routed_here:
        where = "no stream" if facts.entry is None else f"stream {_text(facts.entry)}"
        yield f"the directory names {where}, so that its id alone does not find it"
    yield from _problems_of_record(store, stream, found_with, facts, facts.record)


def _problems_of_record(
    store: Store, stream: int, found_with: str, facts: OrderFacts, record: bytes
) -> Iterator[str]:
    try:
        user: str = check_record(record)["user_id"]
    except ValueError as problem:
        yield f"its record cannot be read: {problem}: {record!r}"
        return
    expires_at, due = deadline_in(record), facts.deadline and int(facts.deadline)
    if expires_at != due:
        yield f"its record says that it expires at {expires_at}, and due says {due}"
    if not facts.in_users_set:
        yield f"not in the set of its user {user!r}"
    if facts.in_set_found_with and found_with != user:
        yield f"in the set of user {found_with!r}, but it is an order of {user!r}"
    homes = store.settings.homes_of(user)
    if stream not in homes:
        yield f"an order of user {user!r}, whose stream is {' or '.join(map(str, homes))}"


def _switch_problems(store: Store, stream: int, members: Sequence[bytes]) -> Iterator[Inconsistency]:
    """Yield what is wrong with the members of a stream's deadlines, apart from those of orders."""
    for member in members:
        kind, user_id = member[:2], _text(member[2:])
        if kind == b"u:" and stream not in store.settings.homes_of(user_id):
            yield Inconsistency(user_id, None, f"a dead man's switch in stream {stream}, not its user's")
        elif kind not in (b"o:", b"u:"):
            yield Inconsistency(_text(member), None, f"in due of stream {stream}, but no order or user")
    if members and not store.settings.timed:
        yield Inconsistency("timed", None, "there are deadlines, and the config says that there are none")


def _sequence_problems(store: Store) -> Steps[list[Inconsistency]]:
    """Reply with the last orders of streams whose sequence number is above the last one assigned."""

    def commands(settings: Settings) -> Commands:
        for stream in settings.streams:
            yield stream, ("GET", store.keys.sequence_of(stream))
            yield stream, ("ZRANGE", store.keys.placed(stream), -1, -1, "WITHSCORES")

    replies = yield from store.snapshot(commands)
    found: list[Inconsistency] = []
    for stream, (last, run) in enumerate(zip(replies[0::2], replies[1::2], strict=True)):
        for order_id, sequence in zip(*split_run(run), strict=True):
            if int(sequence) > int(last or 0):
                problem = f"its sequence number {int(sequence)} is above the last one given out"
                found.append(Inconsistency(_text(order_id), stream, problem))
    return found


def _feed_problems(store: Store) -> Steps[list[Inconsistency]]:
    """Reply with the change feeds whose last entry has not the last number."""

    def commands(settings: Settings) -> Commands:
        for stream in settings.feeds:
            changes, changed = store.keys.feed_of(stream)
            yield stream, ("GET", changed)
            yield stream, ("XREVRANGE", changes, "+", "-", "COUNT", 1)

    replies = yield from store.snapshot(commands)
    found: list[Inconsistency] = []
    for stream, (last, rows) in enumerate(zip(replies[0::2], replies[1::2], strict=True)):
        for entry_id, words in rows:
            if words[1] != last:
                problem = (
                    f"its entry {_text(entry_id)} has the number {_text(words[1])}, not {_text(last or b'0')}"
                )
                found.append(Inconsistency(store.keys.feed_of(stream)[0], None, problem))
    return found


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")
