"""Bytes an order, with all keys and indexes."""

from collections.abc import Callable, Sequence
from typing import Any, cast
from zlib import crc32

import redis

from benchmarks.filling import ORDERS_A_USER, fill
from benchmarks.harness import Scale, Section, Table
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.records import encode_record

LIMIT = 400
NAUTILUS = 1780

HOW = (
    "The growth of the server's `used_memory` from an empty store, divided by the number of live orders. It "
    "includes records, placement order, users' sets, paused set, directory, and the server's own tables, "
    "which double when they are full. Ids look like `order123456`. There are "
    f"{ORDERS_A_USER} orders a user unless a table says otherwise, 8 streams, and one of ten orders is "
    "paused. The peer in the same run is the record alone: `HSET` of the same text into one hash, without "
    "any index."
)


def run(scale: Scale) -> Section:
    section = Section("Memory", HOW)
    table = Table(("live orders", "bytes an order", "the record alone", "ratio"))
    by_size: dict[str, float] = {}
    for size in scale.sizes:
        ours, bare = _bytes_an_order(size, ORDERS_A_USER)
        by_size[str(size)] = ours
        table.add(f"{size:,}", f"{ours:.0f}", f"{bare:.0f}", f"{ours / bare:.2f}")
    section.tables.append(table)
    users = Table(("orders a user", "bytes an order"), title=f"{scale.sizes[1]:,} orders")
    for orders_a_user in (1, 10, 100, 1000):
        users.add(str(orders_a_user), f"{_bytes_an_order(scale.sizes[1], orders_a_user)[0]:.0f}")
    section.tables.append(users)
    section.tables.append(_compact(scale.sizes[1]))
    section.data["bytes"] = by_size
    section.goal(f"bytes an order, of {scale.sizes[0]:,}", [by_size[str(scale.sizes[0])]], LIMIT)
    section.goal(f"bytes an order, of {scale.sizes[-1]:,}", [by_size[str(scale.sizes[-1])]], LIMIT)
    section.findings += [
        f"The largest value is {max(by_size.values()) / min(by_size.values()) - 1:.0%} above the smallest.",
        f"NautilusTrader's cache in Redis was measured at {NAUTILUS:,} bytes an order, not in this run.",
    ]
    return section


def _bytes_an_order(orders: int, orders_a_user: int) -> tuple[float, float]:
    with redis_server(*IN_MEMORY) as server, server.client() as client:
        fill(client, 0, streams=8)
        client.close()  # so that its buffers do not count
        empty = _used(server)
        fill(client, orders, streams=8, orders_a_user=orders_a_user)
        client.close()
        ours = _used(server) - empty
        for key in (Keys("cryptoorders").orders(stream) for stream in range(8)):
            cursor = None
            while cursor != 0:
                cursor, records = client.hscan(key, cursor or 0, count=5000)
                if records:
                    client.hset("bare", mapping=cast("Any", records))
        client.close()
        bare = _used(server) - empty - ours
    return ours / orders, bare / orders


def _compact(orders: int) -> Table:
    """Return the size and the cost of record and directory in small hashes with the compact encoding."""
    table = Table(
        ("", "bytes an order", "HSET", "HGET", "HDEL"),
        title=f"{orders:,} orders in small hashes: bytes, and server time for each command",
    )
    entries = [
        (f"order{number}", encode_record((f"order{number}", "user7", "BTC", "0.5", 60_000 + number)))
        for number in range(orders)
    ]
    for what, value_of in (("record", lambda record: record), ("directory entry", lambda _: b"5")):
        for fields, way in ((orders, "one hash"), (500, "hashes of 500"), (100, "hashes of 100")):
            table.add(f"{what}, {way}", *_of_hashes(entries, value_of, orders // fields))
    return table


def _of_hashes(
    entries: list[tuple[str, bytes]], value_of: Callable[[bytes], bytes], hashes: int
) -> list[str]:
    with redis_server(*IN_MEMORY) as server, server.client() as client:
        client.config_set("hash-max-ziplist-entries", 1000)
        client.config_set("hash-max-ziplist-value", 1000)
        empty = _used(server)
        keys = [
            (f"{{cryptoorders:{crc32(order_id.encode()) % hashes}}}", order_id) for order_id, _ in entries
        ]
        values = [value_of(record) for _, record in entries]
        pieces = [(key, order_id, value) for (key, order_id), value in zip(keys, values, strict=True)]
        times = [_microseconds(client, "HSET", pieces)]
        client.close()
        used = _used(server) - empty
        times += [_microseconds(client, command, keys) for command in ("HGET", "HDEL")]
    return [f"{used / len(entries):.0f}", *(f"{each:.2f} µs" for each in times)]


def _microseconds(client: redis.Redis, command: str, arguments: Sequence[tuple[Any, ...]]) -> float:
    client.config_resetstat()
    for first in range(0, len(arguments), 10_000):
        pipe = client.pipeline(transaction=False)
        for each in arguments[first : first + 10_000]:
            pipe.execute_command(command, *each)
        pipe.execute()
    return client.info("commandstats")[f"cmdstat_{command.lower()}"]["usec_per_call"]


def _used(server: MeasuredServer) -> int:
    with server.client() as client:
        return client.info("memory")["used_memory"]
