"""Reads two stores with plain commands, to compare a copy with its source."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.support.consistency import Client, keys_of

READ: dict[Any, Callable[[Any, bytes], Any]] = {
    b"hash": lambda client, key: client.hgetall(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
    b"set": lambda client, key: client.smembers(key),
    b"string": lambda client, key: client.get(key),
}


def read_keys(client: Client, namespace: str) -> dict[str, Any]:
    """Return what all keys hold by the ends of their names, sessions left out."""
    found: dict[str, Any] = {}
    for key in keys_of(client, namespace):
        end = key.decode().removeprefix("{" + namespace)
        if ":sessions:" not in end:
            found[end] = READ[client.type(key)](client, key)
    return found


def as_on_one_server(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a cluster as one server would hold them. Those of one server stay as they are."""
    made: dict[str, Any] = {}
    directory: dict[bytes, bytes] = {}
    numbers = [0]
    for end, value in keys.items():
        if end.startswith(":directory:"):
            directory.update({order_id: entry.partition(b" ")[0] for order_id, entry in value.items()})
        elif end.endswith("}:sequence"):
            numbers.append(int(value))
        elif end == "}:config" or not end.endswith("}:config"):
            made[end] = value
    if directory:
        made[":directory:0}"] = directory
    if max(numbers):
        made["}:sequence"] = b"%d" % max(numbers)
    return made


def orders_in(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys without the config."""
    return {end: value for end, value in keys.items() if not end.endswith("}:config")}
