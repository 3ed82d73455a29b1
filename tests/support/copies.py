"""Fills a store with orders of all kinds, and reads two stores with plain commands to compare them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptoorders_redis import CryptoOrderSystem
from tests.support.consistency import Client, keys_of
from tests.support.nasty import NASTY_IDS

ODD_RECORDS = [
    b'{"user_id":"bob","currency":"BTC","amount":"1","price":"2","later":{"a":[1,2.50]},"x":"\\u0041\xc3\xa9"}',
    b'{ "price" : "02.50",  "user_id":"bob", "amount":"1.","currency":"\\"" }',
]
"""Records as a later release or another program may write them."""


def fill(system: CryptoOrderSystem, raw: Any, namespace: str) -> None:
    """Place orders of all kinds; some were cancelled, and so was the last one."""
    for order_id in NASTY_IDS:
        assert system.place(order_id, order_id, "BTC", "0.10", "1e3", metadata={"note": order_id, "n": 1.5})
    system.place_many([(f"o{n}", f"user{n % 7}", "ETH", n + 1, "2.50") for n in range(1500)])
    system.place_many([(f"odd{n}", "bob", "BTC", 1, 1) for n in range(len(ODD_RECORDS))])
    (stream,) = {end for end in read_keys(raw, namespace) if end.endswith(":user:bob")}
    orders = "{" + namespace + stream.replace("user:bob", "orders")
    for number, record in enumerate(ODD_RECORDS):
        raw.hset(orders, f"odd{number}", record)
    for order_id in ("expires", "expires (paused)"):
        assert system.place(order_id, "user2", "BTC", 1, 1, expires_at=datetime(2200, 1, 1, tzinfo=UTC))
    system.pause("expires (paused)")
    system.pause_many([*NASTY_IDS[::3], *(f"o{n}" for n in range(0, 1500, 5)), "odd1"])
    system.cancel_many([f"o{n}" for n in range(0, 1500, 11)])
    system.place("last", "user1", "BTC", 1, 1)
    system.cancel("last")


READ: dict[Any, Callable[[Any, bytes], Any]] = {
    b"hash": lambda client, key: client.hgetall(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
    b"set": lambda client, key: client.smembers(key),
    b"string": lambda client, key: client.get(key),
    b"stream": lambda client, key: client.xrange(key),
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
