"""Fills large stores fast: it writes the library's keys directly, many in one pipeline."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import islice

import redis

from cryptoorders_redis import CryptoOrderSystem, NewOrder
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.schema.records import encode_record

ORDERS_A_USER = 100
PAUSED_OF_TEN = 1
SLICE = 50_000

_FIRST_SEQUENCE = 1_700_000_000_000_000


def fill(
    client: redis.Redis,
    orders: int,
    *,
    streams: int,
    namespace: str = "cryptoorders",
    orders_a_user: int = ORDERS_A_USER,
    user: str = "",
    prefix: str = "order",
) -> None:
    """Write live orders, one of ten paused, for many users or for one `user`."""
    url = f"unix://{client.connection_pool.connection_kwargs['path']}"
    with CryptoOrderSystem(streams, url=url, namespace=namespace):
        pass  # creates the namespace
    keys = Keys(namespace)
    users = max(orders // orders_a_user, 1)
    for first in range(0, orders, SLICE):
        records: dict[int, dict[str, bytes]] = defaultdict(dict)
        placed: dict[int, dict[str, int]] = defaultdict(dict)
        paused: dict[int, dict[str, int]] = defaultdict(dict)
        of_user: dict[str, list[str]] = defaultdict(list)
        directory: dict[str, int] = {}
        for number in range(first, min(first + SLICE, orders)):
            order_id, owner = f"{prefix}{number}", user or f"user{number % users}"
            stream = directory[order_id] = stream_of_user(owner, streams)
            records[stream][order_id] = encode_record(
                NewOrder(order_id, owner, "BTC", "0.5", 60_000 + number)
            )
            placed[stream][order_id] = _FIRST_SEQUENCE + number
            of_user[keys.user(stream, owner)].append(order_id)
            if number % 10 < PAUSED_OF_TEN:
                paused[stream][order_id] = 1
        pipe = client.pipeline(transaction=False)
        for stream, of_stream in records.items():
            for part in _parts(of_stream):
                pipe.hset(keys.orders(stream), mapping=part)
            for part in _parts(placed[stream]):
                pipe.zadd(keys.placed(stream), part)
            for part in _parts(paused[stream]):
                pipe.sadd(keys.paused(stream), *part)
        for part in _parts(directory):
            pipe.hset(keys.directory(0), mapping=part)
        for key, order_ids in of_user.items():
            pipe.sadd(key, *order_ids)
        pipe.execute()


def _parts(mapping: Mapping[str, object]) -> list[dict]:
    items = iter(mapping.items())
    return list(iter(lambda: dict(islice(items, 1000)), {}))
