"""Checks from outside, with plain commands, that all keys of a namespace are consistent.

A `RedisCluster` looks at the keys of a cluster, a `Redis` at those of one server: `Names` has what differs.
"""

import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias

import redis

from cryptoorders_redis.order import EPOCH
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.replaying import assert_replays

Client: TypeAlias = redis.Redis | redis.RedisCluster
"""It must not decode, because ids are any UTF-8."""

_CHANGE_SETTINGS = """
redis.call('HSET', KEYS[1], 'num_streams', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
"""


_OF_INTAKE = ("intake", "events", "outcomes", "dead", "letters")

_NAMED_FURTHER = ("user", "sessions", "fence", "outcomes")


class Key(NamedTuple):
    """What a key is: of which stream, of which kind, and what tells it from others of its kind."""

    stream: int | None
    kind: str
    rest: bytes

    @property
    def is_bookkeeping(self) -> bool:
        """Whether it may exist without any order."""
        return self.kind in (
            "config", "sequence", "sessions", "fence", "changed", "changes", "waiting", "workers", "aside",
            *_OF_INTAKE,
        )  # fmt: skip

    @property
    def says_nothing_of_orders(self) -> bool:
        """Whether it is of answers, of fences, of the feed, or of what a stream knows."""
        is_told = self.kind == "config" and self.stream is not None
        return is_told or self.kind in ("sessions", "fence", "workers", "changed", "changes")


class Names:
    """The names of a namespace's keys, as a person with redis-cli finds them.

    Attributes:
        namespace: the namespace.
        is_cluster: whether the client is that of a cluster.
        directory_shards: into how many keys the directory is split.
        config: the key of the config.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self.namespace = namespace
        self.is_cluster = isinstance(client, redis.RedisCluster)
        self.directory_shards = 256 if self.is_cluster else 1
        self.config = f"{{{namespace}}}:config"

    def directory_of(self, order_id: str | bytes) -> str:
        """Return the directory's shard that an order's entry is in."""
        data = order_id if isinstance(order_id, bytes) else order_id.encode()
        shard = int.from_bytes(blake2b(data, digest_size=8).digest(), "big") % self.directory_shards
        return f"{{{self.namespace}:directory:{shard}}}"

    def entry_of(self, stream: int) -> str:
        """Return what the directory can say of an order: on a cluster a token tells its claim from others."""
        return f"{stream} a-token" if self.is_cluster else str(stream)

    def sequence_of(self, stream: int) -> str:
        """Return the key of the last sequence number that was assigned: on a cluster each stream has one."""
        slot = f"{{{self.namespace}:{stream}}}" if self.is_cluster else f"{{{self.namespace}}}"
        return f"{slot}:sequence"

    def key_of(self, name: bytes) -> Key | None:
        """Return what a key is; None where the schema does not know it."""
        tag = re.escape(self.namespace.encode())
        if match := re.fullmatch(rb"\{%b:directory:(\d+)\}" % tag, name):
            return Key(None, "directory", name) if int(match[1]) < self.directory_shards else None
        if re.match(rb"\{%b(:[^{}]*)?\}:aside:." % tag, name):
            return Key(None, "aside", name)
        match = re.fullmatch(rb"\{%b(?::(\d+))?\}:([a-z]+)(?::(.+))?" % tag, name, re.DOTALL)
        if not match:
            return None
        stream, kind, rest = match[1], match[2].decode(), match[3]
        if stream is None:
            kinds = {"config", "sessions", "workers", "intake"}
            kinds |= set() if self.is_cluster else {"sequence", *_OF_INTAKE}
        else:
            kinds = {"orders", "placed", "paused", "user", "due", "changes", "changed", "waiting", "intake"}
            kinds |= {"config", "sequence", "sessions", "fence", *_OF_INTAKE} if self.is_cluster else set()
        if kind not in kinds or (rest is not None) != (kind in _NAMED_FURTHER):
            return None
        return Key(None if stream is None else int(stream), kind, rest or b"")


def keys_of(client: Client, namespace: str) -> list[bytes]:
    """Return every key of the namespace."""
    return sorted(client.scan_iter(match=f"{{{namespace}[:}}]*", count=1000))


def keys_after_drop(client: Client, namespace: str) -> list[bytes]:
    """Return every key, but for what a stream of a cluster knows of the drop, for an hour."""
    names = Names(client, namespace)
    return [
        key for key in keys_of(client, namespace) if not _is_told_of_a_drop(client, names.key_of(key), key)
    ]


def _is_told_of_a_drop(client: Client, key: Key | None, name: bytes) -> bool:
    is_config_of_stream = key is not None and key.kind == "config" and key.stream is not None
    return is_config_of_stream and 0 < client.ttl(name) <= 3600


def delete_all(client: Client, namespace: str) -> None:
    """Delete every key of the namespace."""
    client.delete(*keys_of(client, namespace), "none")


def change_settings(client: Client, namespace: str, num_streams: int) -> None:
    """Give the namespace another number of streams, and so another epoch."""
    client.eval(_CHANGE_SETTINGS, 1, Names(client, namespace).config, num_streams)


def contents(client: Client, namespace: str) -> dict[bytes, bytes]:
    """Return every key with its serialized value, to compare before and after.

    Keys that say nothing of orders are left out.
    """
    names = Names(client, namespace)
    kept: list[bytes] = []
    for name in keys_of(client, namespace):
        key = names.key_of(name)
        if key is None or not key.says_nothing_of_orders:
            kept.append(name)
    with client.pipeline(transaction=False) as pipe:
        for name in kept:
            pipe.dump(name)
        return {name: value or b"" for name, value in zip(kept, pipe.execute(), strict=True)}


def orders_of(client: Client, namespace: str) -> dict[bytes, bytes]:
    """Return the contents without the keys that may exist without any order."""
    names = Names(client, namespace)
    found: dict[bytes, bytes] = {}
    for name, value in contents(client, namespace).items():
        key = names.key_of(name)
        if key is None or not key.is_bookkeeping:
            found[name] = value
    return found


def assert_consistent(
    client: Client,
    namespace: str,
    *,
    released_late: Collection[bytes] = (),
    may_move: bool = False,
    replays: bool = True,
) -> None:
    """Fail unless all keys are consistent, and the namespace has no other keys.

    Args:
        released_late: orders of a cluster that may have an entry in the directory without being live.
        may_move: whether a resize may be under way, and orders be in their old streams.
        replays: whether the change feed must say what the keys hold.
    """
    names = Names(client, namespace)
    found = _Found(client, names)
    numbers_of_streams = [int(found.config.get(b"num_streams", 0))]
    placement: Any = found.config.get(b"placement", b"modulo").decode()
    if b"moving_from" in found.config:
        assert may_move, "a resize is under way"
        numbers_of_streams.append(int(found.config[b"moving_from"]))
    directory = dict(found.directory)
    placed: list[float] = []
    for number, stream in found.streams.items():
        if replays:
            assert_replays(stream, number)
        if not stream.holds_orders:
            continue  # what a resize has left of it is its feed
        assert number < max(numbers_of_streams), f"stream {number} of {max(numbers_of_streams)}"
        owners = {order_id: json.loads(record)["user_id"] for order_id, record in stream.orders.items()}
        assert stream.users == owners, f"stream {number}: the users' sets differ from the orders"
        assert stream.placed.keys() == owners.keys(), f"stream {number}: placed differs from orders"
        assert stream.paused <= owners.keys(), f"stream {number}: paused, but no order"
        for user_id in owners.values():
            homes = [stream_of_user(user_id, each, placement) for each in numbers_of_streams]
            assert number in homes, f"{user_id!r} is not of stream {number}"
        _assert_deadlines(found.config, stream, number)
        switches = [member[2:].decode() for member in stream.due if member.startswith(b"u:")]
        assert len(set(switches)) == len(switches)
        for user_id in switches:
            homes = [stream_of_user(user_id, each, placement) for each in numbers_of_streams]
            assert number in homes, f"the switch of {user_id!r} is not of stream {number}"
        for order_id in owners:
            _assert_routed(names, order_id, directory.pop(order_id, None), number)
        numbers = stream.placed.values()
        assert len(set(numbers)) == len(numbers), f"stream {number}: two orders have one sequence number"
        assert found.last_number(number) >= max(numbers, default=0), f"stream {number} has a later order"
        placed += numbers
    left = {order_id: entry for order_id, entry in directory.items() if order_id not in released_late}
    assert not left, f"in the directory, but not live: {left}"
    if not names.is_cluster:
        assert len(set(placed)) == len(placed), "two orders have one sequence number"
    _assert_events(found)
    for number, told in found.told.items():
        _assert_told(found.config, told, number)


def _assert_deadlines(config: dict[bytes, bytes], stream: "_Stream", number: int) -> None:
    """Fail unless the orders' deadlines are those in due, and no order has one in a namespace without."""
    due = {member[2:]: score for member, score in stream.due.items() if member.startswith(b"o:")}
    expiring: dict[bytes, float] = {}
    for order_id, record in stream.orders.items():
        if text := json.loads(record).get("expires_at"):
            expiring[order_id] = (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
    assert due == expiring, f"stream {number}: due differs from the orders' deadlines"
    assert config.get(b"timed") == b"1" or not stream.due, "deadlines in a namespace without"


def _assert_routed(names: Names, order_id: bytes, entry: bytes | None, stream: int) -> None:
    token = rb"( [\w-]+)?" if names.is_cluster else b""
    is_right = entry is not None and re.fullmatch(rb"%d%b" % (stream, token), entry)
    assert is_right, f"the directory says {entry!r} of {order_id!r}, which is in stream {stream}"


def _assert_told(config: dict[bytes, bytes], told: dict[bytes, bytes], stream: int) -> None:
    """Fail where a stream knows settings that the namespace cannot have had."""
    assert told.keys() - {b"feed"} == {b"epoch", b"num_streams"}, f"stream {stream} knows {told}"
    if config:
        epoch, known = int(config[b"epoch"]), int(told[b"epoch"])
        assert known <= epoch, f"stream {stream} knows epoch {known}, and the config has {epoch}"
        if known == epoch:
            for name in (b"num_streams", b"feed"):
                assert told.get(name) == config.get(name), f"stream {stream} knows {told}"


def _assert_events(found: "_Found") -> None:
    """Fail where an event that waits has no text, a text is in no queue, or a dead letter is half there."""
    num_streams = int(found.config.get(b"num_streams", 0))
    placement: Any = found.config.get(b"placement", b"modulo").decode()
    queued: dict[bytes, int] = {}
    for number, event_ids in found.waiting.items():
        assert not queued.keys() & event_ids, "an event waits in two queues"
        queued.update(dict.fromkeys(event_ids, number))
    assert queued.keys() == found.events.keys(), "the queues differ from the events"
    for event_id, text in found.events.items():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            home = stream_of_user(json.loads(text)["user_id"], num_streams, placement)
            assert home == queued[event_id], f"event {event_id!r} waits in another stream than its user's"
    assert found.dead == found.letters.keys(), "the dead letters differ from their list"


@dataclass
class _Stream:
    orders: dict[bytes, bytes] = field(default_factory=dict)
    placed: dict[bytes, float] = field(default_factory=dict)
    paused: set[bytes] = field(default_factory=set)
    due: dict[bytes, float] = field(default_factory=dict)
    users: dict[bytes, str] = field(default_factory=dict)
    """Order id → the user whose set has it."""
    changes: list[tuple[bytes, dict[bytes, bytes]]] = field(default_factory=list)
    changed: int = 0

    @property
    def holds_orders(self) -> bool:
        """Whether there is a key that exists only with orders, or with dead man's switches."""
        return bool(self.orders or self.placed or self.paused or self.users or self.due)


class _Found:
    """What all keys of a namespace hold."""

    def __init__(self, client: Client, names: Names) -> None:
        self.config: dict[bytes, bytes] = {}
        self.directory: dict[bytes, bytes] = {}
        self.streams: dict[int, _Stream] = defaultdict(_Stream)
        self.told: dict[int, dict[bytes, bytes]] = {}
        """What each stream of a cluster knows of the config."""
        self.waiting: dict[int, set[bytes]] = {}
        self.events: dict[bytes, bytes] = {}
        self.dead: set[bytes] = set()
        self.letters: dict[bytes, bytes] = {}
        self._last_numbers: dict[int | None, int] = {}
        keys: list[Key] = []
        unknown: list[bytes] = []
        # Not a transaction: at full memory the server refuses even reads in one.
        with client.pipeline(transaction=False) as pipe:
            for name in keys_of(client, names.namespace):
                key = names.key_of(name)
                if key is None:
                    unknown.append(name)
                elif read := _READS.get(key.kind):
                    keys.append(key)
                    read(pipe, name)
            assert not unknown, f"the schema does not know {unknown}"
            values = pipe.execute()
        for key, value in zip(keys, values, strict=True):
            self._take(names, key, value)

    def last_number(self, stream: int) -> int:
        """Return the last sequence number that was assigned, on a cluster in this stream."""
        return self._last_numbers.get(stream) or self._last_numbers.get(None, 0)

    def _take(self, names: Names, key: Key, value: Any) -> None:
        if key.kind == "directory":
            for order_id in value:
                assert names.directory_of(order_id).encode() == key.rest, f"{order_id!r} is in {key.rest!r}"
            self.directory.update(value)
        elif key.kind == "sequence":
            self._last_numbers[key.stream] = int(value)
        elif key.kind == "waiting":
            self.waiting[key.stream or 0] = set(value)
        elif key.kind in ("events", "dead", "letters"):
            getattr(self, key.kind).update(value)
        elif key.stream is None:
            self.config = value
        elif key.kind == "changed":
            self.streams[key.stream].changed = int(value)
        elif key.kind == "config":
            self.told[key.stream] = value
        elif key.kind == "user":
            users = self.streams[key.stream].users
            assert not users.keys() & value, f"in two users' sets: {users.keys() & value}"
            users.update(dict.fromkeys(value, key.rest.decode()))
        else:
            setattr(
                self.streams[key.stream], key.kind, dict(value) if key.kind in ("placed", "due") else value
            )


_READS: dict[str, Callable[[Any, bytes], Any]] = {
    "config": lambda pipe, name: pipe.hgetall(name),
    "directory": lambda pipe, name: pipe.hgetall(name),
    "sequence": lambda pipe, name: pipe.get(name),
    "orders": lambda pipe, name: pipe.hgetall(name),
    "placed": lambda pipe, name: pipe.zrange(name, 0, -1, withscores=True),
    "paused": lambda pipe, name: pipe.smembers(name),
    "due": lambda pipe, name: pipe.zrange(name, 0, -1, withscores=True),
    "user": lambda pipe, name: pipe.smembers(name),
    "waiting": lambda pipe, name: pipe.zrange(name, 0, -1),
    "events": lambda pipe, name: pipe.hgetall(name),
    "dead": lambda pipe, name: pipe.zrange(name, 0, -1),
    "letters": lambda pipe, name: pipe.hgetall(name),
    "changes": lambda pipe, name: pipe.execute_command("XRANGE", name, "-", "+"),
    "changed": lambda pipe, name: pipe.get(name),
}
"""How each kind of key is read that says something of orders, of events or of the config."""
