"""A real server that is put into a state, runs one request, and says in which state it is then."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import redis

from cryptoorders_redis.operations.words import Argument
from cryptoorders_redis.schema.entries import decode_entry
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.schema.placement import shard_of_order, stream_of_user
from cryptoorders_redis.transport.connections import Connections
from cryptoorders_redis.transport.endpoint import make_endpoint
from cryptoorders_redis.transport.request import Request
from cryptoorders_redis.transport.resp import encode_command
from tests.support.explorer.code import CLOCK
from tests.support.servers import RedisServer

ORDER_ID = "X"
KEYS = ClusterKeys("t")
NOW = 1_764_000_000_000_000
EPOCH = NOW - 1_000_000
"""Of the namespace at first."""
BEGUN = NOW - 2_000_000
"""When the clients began their sessions."""

_LOOK = b"""
local found, keys = {}, redis.call('KEYS', '*')
for _, key in ipairs(keys) do
  local kind = redis.call('TYPE', key).ok
  local value
  if kind == 'hash' then
    value = redis.call('HGETALL', key)
  elseif kind == 'set' then
    value = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then
    value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  else
    value = {redis.call('GET', key)}
  end
  found[#found + 1] = {key, kind, value, redis.call('PTTL', key)}
end
return found
"""

_WRITE = {b"hash": "HSET", b"set": "SADD", b"zset": "ZADD", b"string": "SET"}

Key: TypeAlias = tuple[bytes, bytes, tuple[bytes, ...], int]
"""Of a key its name, its type, what is in it, and for how many minutes; -1 for ever."""

State: TypeAlias = tuple[Key, ...]


class Live(NamedTuple):
    """A live order, as a reader sees it."""

    stream: int
    user_id: str
    is_paused: bool
    amount: str


class Facts(NamedTuple):
    """What a state says about the order id.

    Attributes:
        live: the order, or None.
        is_dropping: whether the namespace is half dropped.
        is_there: whether there is a namespace.
        problem: what must never be, in words, or nothing.
    """

    live: Live | None
    is_dropping: bool
    is_there: bool
    problem: str


class Server:
    """A server whose states are numbered. What a request does in a state is found out once."""

    def __init__(self, server: RedisServer, lua: Path) -> None:
        with server.client() as client:
            client.flushall()
        self._connections = Connections(make_endpoint(server.url, None, redis), "explorer")
        self._look = encode_command(("EVAL", _LOOK, 0))
        self._states: list[State] = []
        self._numbers: dict[State, int] = {}
        self._restores: dict[int, tuple[bytes, int]] = {}
        self._done: dict[tuple[int, bytes], tuple[list[Any], int]] = {}
        self._facts: dict[int, Facts] = {}
        self.num_runs = 0
        self._load_scripts(lua)

    def close(self) -> None:
        self._connections.close()

    def number_of(self, state: Iterable[Key]) -> int:
        """Return the number of a state."""
        state = tuple(sorted(state))
        number = self._numbers.setdefault(state, len(self._states))
        if number == len(self._states):
            self._states.append(state)
        return number

    def state(self, number: int) -> State:
        return self._states[number]

    def run(self, number: int, data: bytes, num_replies: int) -> tuple[list[Any], int]:
        """Return the replies to a request in a state, and the number of the state after it."""
        if known := self._done.get((number, data)):
            return known
        self.num_runs += 1
        restore, num_restored = self._restore(number)
        whole = Request(restore + data + self._look, num_restored + num_replies + 1, float("inf"))
        replies = self._connections.fetch(whole)
        after = self.number_of(map(_as_key, replies[-1]))
        done = self._done[number, data] = replies[num_restored:-1], after
        return done

    def facts(self, number: int) -> Facts:
        known = self._facts.get(number)
        if known is None:
            known = self._facts[number] = _facts_of(
                {name: (value, ttl) for name, _, value, ttl in self.state(number)}
            )
        return known

    def without_sessions(self, number: int, client: str = "") -> int:
        """Return the state without the sessions of a client, or of all."""
        ending = f":sessions:{client}".encode()
        return self.number_of(
            key for key in self.state(number) if not (key[0].endswith(ending) if client else ending in key[0])
        )

    def for_newcomers(self, number: int) -> int:
        """Return the state without what no request that is made from now on can meet.

        These are all sessions, and the fences but for that of the entry, whose token gets another name.
        """
        entry = next((value[1] for name, _, value, _ in self.state(number) if name == _DIRECTORY), b"")
        token = entry.partition(b" ")[2]
        after: list[Key] = []
        for name, kind, value, ttl in self.state(number):
            if name == _DIRECTORY and token:
                after.append((name, kind, (value[0], entry.replace(token, b"token")), ttl))
            elif b":fence:" in name:
                if token and name.endswith(b":" + token):
                    after.append((name.replace(token, b"token"), kind, value, ttl))
            elif b":sessions:" not in name:
                after.append((name, kind, value, ttl))
        return self.number_of(after)

    def with_sessions(self, number: int, clients: Iterable[str], slots: Iterable[str]) -> int:
        """Return the state with sessions that clients have begun."""
        begun = (b"begun", b"%d" % BEGUN)
        names = [KEYS.sessions(slot, client).encode() for client in clients for slot in slots]
        return self.number_of((*self.state(number), *((name, b"hash", begun, -1) for name in names)))

    def later(self, number: int, minutes: int) -> int:
        """Return the state some minutes later. Sessions stay: no call goes on as long as they do."""
        after: list[Key] = []
        for name, kind, value, ttl in self.state(number):
            if name == CLOCK.encode():
                after.append((name, kind, (b"%d" % (int(value[0]) + minutes * 60_000_000),), ttl))
            elif ttl == -1 or b":sessions:" in name:
                after.append((name, kind, value, ttl))
            elif ttl > minutes:
                after.append((name, kind, value, ttl - minutes))
        return self.number_of(after)

    def _restore(self, number: int) -> tuple[bytes, int]:
        known = self._restores.get(number)
        if known is None:
            commands: list[tuple[Argument, ...]] = [("FLUSHDB",)]
            for name, kind, value, ttl in self.state(number):
                commands.append((_WRITE[kind], name, *value))
                if ttl != -1:
                    commands.append(("EXPIRE", name, ttl * 60))
            known = self._restores[number] = b"".join(map(encode_command, commands)), len(commands)
        return known

    def _load_scripts(self, lua: Path) -> None:
        from cryptoorders_redis.schema.scripts import script

        for path in (*lua.glob("*.lua"), *lua.glob("cluster/*.lua")):
            command = encode_command(
                ("SCRIPT", "LOAD", script(str(path.relative_to(lua).with_suffix(""))).source)
            )
            self._connections.fetch(Request(command, 1, float("inf")))


def namespace_of(num_streams: int, told: Iterable[int]) -> State:
    """Return the state of an empty namespace, in which some streams know the settings."""
    epoch = str(EPOCH)
    config = {
        "schema_version": "1", "epoch": epoch, "num_streams": str(num_streams),
        "directory_shards": str(KEYS.directory_shards),
    }  # fmt: skip
    of_stream = {"epoch": epoch, "num_streams": str(num_streams)}
    return (
        (CLOCK.encode(), b"string", (b"%d" % NOW,), -1),
        (KEYS.config.encode(), b"hash", _flat(config), -1),
        *((KEYS.config_of(stream).encode(), b"hash", _flat(of_stream), -1) for stream in told),
    )


def with_entry(state: State, entry: str) -> State:
    """Return the state with an entry in the directory, which a client that died has left."""
    shard = shard_of_order(ORDER_ID, KEYS.directory_shards)
    return (*state, (KEYS.directory(shard).encode(), b"hash", (ORDER_ID.encode(), entry.encode()), -1))


def _flat(fields: Mapping[str, str]) -> tuple[bytes, ...]:
    return tuple(word.encode() for field in sorted(fields.items()) for word in field)


def _as_key(found: list[Any]) -> Key:
    name, kind, value, ttl = found
    if kind == b"set":
        value = sorted(value)
    elif kind == b"hash":
        value = [word for pair in sorted(zip(value[::2], value[1::2], strict=True)) for word in pair]
    elif kind == b"zset":
        value = [word for pair in zip(value[1::2], value[::2], strict=True) for word in pair]
    return name, kind, tuple(value), ttl if ttl < 0 else -(-ttl // 60_000)


_DIRECTORY = KEYS.directory(shard_of_order(ORDER_ID, KEYS.directory_shards)).encode()


@cache
def _stream_keys(stream: int) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    slot = f"{KEYS.slot_of(stream)}:".encode()
    return slot + b"config", slot + b"orders", slot + b"placed", slot + b"paused", slot + b"user:"


_NOTHING: tuple[tuple[bytes, ...], int] = ((), -1)


def _facts_of(keys: Mapping[bytes, tuple[tuple[bytes, ...], int]]) -> Facts:
    order_id = ORDER_ID.encode()
    config = _fields(keys, KEYS.config.encode())
    is_dropping = b"dropping" in config
    entry = _fields(keys, _DIRECTORY).get(order_id)
    named = decode_entry(entry) if entry else None
    problem = ""
    found: list[Live] = []
    for stream in range(8):
        config_of, orders, placed, paused, user = _stream_keys(stream)
        told, ttl = keys.get(config_of, _NOTHING)
        if ttl != -1:
            continue  # it was dropped: nobody can see or change what is left in it
        record = _fields(keys, orders).get(order_id)
        users = [
            key.removeprefix(user).decode()
            for key, (ids, _) in keys.items()
            if key.startswith(user) and order_id in ids
        ]
        is_placed = order_id in keys.get(placed, _NOTHING)[0]
        is_paused = order_id in keys.get(paused, _NOTHING)[0]
        if record is None:
            if users or is_placed or is_paused:
                problem = f"a part of an order in stream {stream}"
            continue
        fields = json.loads(record)
        found.append(Live(stream, fields["user_id"], is_paused, fields["amount"]))
        if users != [fields["user_id"]] or not is_placed:
            problem = f"the order in stream {stream} is not whole"
        num_streams = int(told[told.index(b"num_streams") + 1]) if told else 0
        if stream != stream_of_user(fields["user_id"], num_streams or 1):
            problem = f"an order in stream {stream}, which is not its user's"
        if not named or named.stream != stream:
            problem = f"LIVE IN STREAM {stream} AND NOT FOUND BY ITS ID, the directory has {entry}"
    if len(found) > 1:
        problem = "TWO LIVE ORDERS OF ONE ID"
    return Facts(found[0] if found else None, is_dropping, bool(config), problem)


def _fields(keys: Mapping[bytes, tuple[tuple[bytes, ...], int]], name: bytes) -> dict[bytes, bytes]:
    value, _ = keys.get(name, _NOTHING)
    return dict(zip(value[::2], value[1::2], strict=True))
