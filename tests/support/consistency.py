"""Checks from outside, with plain commands, that all keys of a namespace are consistent."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field

import redis

from cryptoorders_redis.schema.placement import stream_of_user


def keys_of(client: redis.Redis, namespace: str) -> list[bytes]:
    """Return every key of the namespace. The client must not decode, because ids are any UTF-8."""
    return sorted(client.scan_iter(match=f"{{{namespace}[:}}]*", count=1000))


def delete_all(client: redis.Redis, namespace: str) -> None:
    """Delete every key of the namespace."""
    client.delete(*keys_of(client, namespace), "none")


def change_settings(client: redis.Redis, namespace: str, num_streams: int) -> None:
    """Give the namespace another number of streams, and so another epoch."""
    config = f"{{{namespace}}}:config"
    with client.pipeline(transaction=True) as pipe:
        pipe.hset(config, "num_streams", num_streams)
        pipe.hincrby(config, "epoch", 1)
        pipe.execute()


def bookkeeping(namespace: str, key: bytes) -> bool:
    """Return whether the key may exist without any order."""
    name = re.escape(namespace.encode())
    return re.fullmatch(rb"\{%b\}:(config|sequence|sessions:.*)" % name, key, re.DOTALL) is not None


def contents(client: redis.Redis, namespace: str) -> dict[bytes, bytes]:
    """Return every key with its serialized value, to compare before and after.

    Sessions are left out: they hold the answers of calls, and nothing about orders.
    """
    sessions = f"{{{namespace}}}:sessions:".encode()
    keys = [key for key in keys_of(client, namespace) if not key.startswith(sessions)]
    return {key: client.dump(key) or b"" for key in keys}


def orders_of(client: redis.Redis, namespace: str) -> dict[bytes, bytes]:
    """Return the contents without the keys that may exist without any order."""
    whole = contents(client, namespace)
    return {key: value for key, value in whole.items() if not bookkeeping(namespace, key)}


def assert_consistent(client: redis.Redis, namespace: str) -> None:
    """Fail unless all keys are consistent, and the namespace has no other keys."""
    num_streams = int(client.hget(f"{{{namespace}}}:config", "num_streams") or 0)
    streams, directory = _read(client, namespace)
    placed: list[float] = []
    for number, stream in streams.items():
        assert number < num_streams, f"stream {number} of {num_streams}"
        owners = {order_id: json.loads(record)["user_id"] for order_id, record in stream.orders.items()}
        assert stream.users == owners, f"stream {number}: the users' sets differ from the orders"
        assert stream.placed.keys() == owners.keys(), f"stream {number}: placed differs from orders"
        assert stream.paused <= owners.keys(), f"stream {number}: paused, but no order"
        for user_id in owners.values():
            assert stream_of_user(user_id, num_streams) == number, f"{user_id!r} is not of stream {number}"
        for order_id in owners:
            assert directory.pop(order_id, None) == b"%d" % number, f"the directory is wrong on {order_id!r}"
        placed += stream.placed.values()
    assert not directory, f"in the directory, but not live: {directory}"
    assert len(set(placed)) == len(placed), "two orders have one sequence number"
    if placed:
        assert int(client.get(f"{{{namespace}}}:sequence") or 0) >= max(placed)


@dataclass
class _Stream:
    orders: dict[bytes, bytes] = field(default_factory=dict)
    placed: dict[bytes, float] = field(default_factory=dict)
    paused: set[bytes] = field(default_factory=set)
    users: dict[bytes, str] = field(default_factory=dict)
    """Order id → the user whose set has it."""


def _read(client: redis.Redis, namespace: str) -> tuple[dict[int, _Stream], dict[bytes, bytes]]:
    """Return all streams by their numbers, and the directory."""
    name = re.escape(namespace.encode())
    known = re.compile(
        rb"\{%b:(?:directory:0\}|(\d+)\}:(?:orders|placed|paused|user:(.+)))" % name, re.DOTALL
    )
    found: dict[bytes, re.Match[bytes]] = {}
    unknown: list[bytes] = []
    for key in keys_of(client, namespace):
        if match := known.fullmatch(key):
            found[key] = match
        elif not bookkeeping(namespace, key):
            unknown.append(key)
    assert not unknown, f"the schema does not know {unknown}"
    # Not a transaction: at full memory the server refuses even reads in one.
    with client.pipeline(transaction=False) as pipe:
        for key, match in found.items():
            if match[2] is not None or key.endswith(b":paused"):
                pipe.smembers(key)
            elif key.endswith(b":placed"):
                pipe.zrange(key, 0, -1, withscores=True)
            else:
                pipe.hgetall(key)
        values = pipe.execute()

    streams: dict[int, _Stream] = defaultdict(_Stream)
    directory: dict[bytes, bytes] = {}
    for (key, match), value in zip(found.items(), values, strict=True):
        number, user_id = match.groups()
        if number is None:
            directory = value
        elif user_id is not None:
            users = streams[int(number)].users
            assert not users.keys() & value, f"in two users' sets: {users.keys() & value}"
            users.update(dict.fromkeys(value, user_id.decode()))
        else:
            kind = key.rsplit(b":", 1)[1].decode()
            setattr(streams[int(number)], kind, dict(value) if kind == "placed" else value)
    return streams, directory
