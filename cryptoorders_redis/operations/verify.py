"""Checks that all keys of a namespace are consistent, in pages, while other clients make changes.

Scans collect the order ids from all keys. Then all keys of an order are read at one moment, so that a change
that happens during the check is never reported as an inconsistency.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptoorders_redis.operations import Argument, Call, Operation, Steps
from cryptoorders_redis.operations.listing import split_run
from cryptoorders_redis.operations.standalone import Standalone
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.schema.records import check_record

PAGE = 500
"""Ids or keys checked in one round trip."""

_SCAN = {"orders": ("HSCAN", 2), "placed": ("ZSCAN", 2), "paused": ("SSCAN", 1), "user": ("SSCAN", 1)}
"""The command that scans each kind of key, and how many elements of its reply belong to one id."""


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """An order whose keys disagree, or a key or a setting that is wrong.

    Attributes:
        subject: The order id, the name of the key or the name of the setting.
        stream: The stream whose keys hold the order. None if it belongs to no stream.
        problem: What is wrong, in words.
    """

    subject: str
    stream: int | None
    problem: str


def verify(node: Standalone) -> Operation[list[Inconsistency]]:
    """Find everything that is inconsistent, each thing once."""
    return Operation("verify", "read", (), _verify(node), is_long=True)


def _verify(node: Standalone) -> Steps[list[Inconsistency]]:
    while True:
        settings = node.settings
        found = yield from _find_all(node)
        config = yield from node.read_config()
        if config.epoch == settings.epoch.encode():
            break
        # What was found may be of several settings, or of a namespace that was being dropped.
        if not (yield from node.read_settings()):
            return []
    if policy := config.evicting_policy:
        problem = f"it is {policy!r}, by which the server may evict keys, and should be 'noeviction'"
        found[Inconsistency("maxmemory-policy", None, problem)] = None
    return list(found)


def _find_all(node: Standalone) -> Steps[dict[Inconsistency, None]]:
    found: dict[Inconsistency, None] = {}
    cursor = b"0"
    while True:
        scan = node.scan(cursor, PAGE)
        ((cursor, keys),) = yield from node.snapshot(lambda _, scan=scan: [scan])
        for key in keys:
            found.update(dict.fromkeys((yield from _look_into(node, key))))
        if cursor == b"0":
            break
    found.update(dict.fromkeys((yield from _sequence_problems(node))))
    return found


def _look_into(node: Standalone, key: bytes) -> Steps[list[Inconsistency]]:
    """Reply with what is wrong with one key and with the orders in it."""
    meaning = node.keys.meaning_of(key)
    if meaning is None or (meaning.stream is not None and meaning.stream >= node.num_streams):
        name = key.decode(errors="backslashreplace")
        return [Inconsistency(name, None, f"no key of a namespace of {node.num_streams} streams")]
    if meaning.kind == "directory":
        return (yield from _look_into_directory(node, key))
    found: list[Inconsistency] = []
    if meaning.stream is not None:
        command, width = _SCAN[meaning.kind]
        cursor = b"0"
        while True:
            cursor, elements = yield from _scanned(node, command, key, cursor)
            order_ids = elements[::width]
            found += yield from _inspected(node, meaning.stream, meaning.user, order_ids)
            if cursor == b"0":
                break
    return found


def _look_into_directory(node: Standalone, key: bytes) -> Steps[list[Inconsistency]]:
    found: list[Inconsistency] = []
    cursor = b"0"
    while True:
        cursor, elements = yield from _scanned(node, "HSCAN", key, cursor)
        by_stream: dict[bytes, list[bytes]] = {}
        for order_id, stream in zip(elements[::2], elements[1::2], strict=True):
            by_stream.setdefault(stream, []).append(order_id)
        for stream, order_ids in by_stream.items():
            if stream.isdigit() and int(stream) < node.num_streams:
                found += yield from _inspected(node, int(stream), "", order_ids)
            else:
                problem = f"the directory names {stream!r}, which is none of the streams"
                found += [Inconsistency(_text(order_id), None, problem) for order_id in order_ids]
        if cursor == b"0":
            return found


def _scanned(
    node: Standalone, command: str, key: bytes, cursor: bytes
) -> Steps[tuple[bytes, Sequence[bytes]]]:
    (reply,) = yield from node.snapshot(lambda _: [(command, key, cursor, "COUNT", PAGE)])
    return reply


def _inspected(
    node: Standalone, stream: int, user: str, order_ids: Sequence[bytes]
) -> Steps[list[Inconsistency]]:
    """Reply with what is wrong with orders that are in one of a stream's keys."""
    found: list[Inconsistency] = []
    keys = (node.keys.directory(0), node.keys.orders(stream), node.keys.placed(stream))
    # A scan returns a small hash or set as a whole, also when less was asked for.
    for first in range(0, len(order_ids), PAGE):
        page = order_ids[first : first + PAGE]
        args = (node.keys.namespace, stream, user, *page)
        (rows,) = yield [Call("inspect", node.keys.slot, pack((*keys, node.keys.paused(stream))), pack(args))]
        for order_id, facts in zip(page, rows, strict=True):
            problems = _problems(node, stream, user, facts)
            found += [Inconsistency(_text(order_id), stream, problem) for problem in problems]
    return found


def _problems(node: Standalone, stream: int, found_with: str, facts: Sequence[Any]) -> Iterator[str]:
    record, sequence, paused, directory, in_users_set, in_set_found_with = facts
    routed_here = directory == b"%d" % stream
    if record is None:
        if sequence is not None:
            yield "in placed, but there is no such order"
        if paused:
            yield "in paused, but there is no such order"
        if in_set_found_with:
            yield f"in the set of user {found_with!r}, but there is no such order"
        if routed_here:
            yield "in the directory, but there is no such order"
        return
    if sequence is None:
        yield "not in placed, so it is not listed"
    if not routed_here:
        where = "no stream" if directory is None else f"stream {_text(directory)}"
        yield f"the directory names {where}, so that its id alone does not find it"
    try:
        user: str = check_record(record)["user_id"]
    except ValueError as problem:
        yield f"its record cannot be read: {problem}: {record!r}"
        return
    if not in_users_set:
        yield f"not in the set of its user {user!r}"
    if in_set_found_with and found_with != user:
        yield f"in the set of user {found_with!r}, but it is an order of {user!r}"
    users_stream = stream_of_user(user, node.num_streams)
    if users_stream != stream:
        yield f"an order of user {user!r}, whose stream is {users_stream}"


def _sequence_problems(node: Standalone) -> Steps[list[Inconsistency]]:
    """Reply with the last orders of streams whose sequence number is above the last one assigned."""

    def commands(num_streams: int) -> Iterator[Sequence[Argument]]:
        yield "GET", node.keys.sequence
        for stream in range(num_streams):
            yield "ZRANGE", node.keys.placed(stream), -1, -1, "WITHSCORES"

    last, *runs = yield from node.snapshot(commands)
    found: list[Inconsistency] = []
    for stream, run in enumerate(runs):
        for order_id, sequence in zip(*split_run(run), strict=True):
            if int(sequence) > int(last or 0):
                problem = f"its sequence number {int(sequence)} is above the last one given out"
                found.append(Inconsistency(_text(order_id), stream, problem))
    return found


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")
