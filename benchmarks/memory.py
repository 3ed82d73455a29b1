"""Bytes an order, everything included."""

from typing import Any, cast

from benchmarks.filling import ORDERS_A_USER, fill
from benchmarks.harness import Scale, Section, Table
from benchmarks.servers import IN_MEMORY, RedisServer, redis_server
from cryptoorders_redis.keys import Keys

LIMIT = 400
NAUTILUS = 1780

HOW = (
    "What the server's `used_memory` grew by, divided by the live orders: records, placement order, "
    "users' sets, paused set, directory, and the server's own tables. Orders as in `order123456`, "
    f"{ORDERS_A_USER} a user unless it says otherwise, 8 streams, one of ten paused. The peer in the "
    "same run is the record alone, a bare `HSET` of the same text into one hash: what no index at all "
    "would take."
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
    section.data["bytes"] = by_size
    section.goal(f"bytes an order, of {scale.sizes[0]:,}", [by_size[str(scale.sizes[0])]], LIMIT)
    section.goal(f"bytes an order, of {scale.sizes[-1]:,}", [by_size[str(scale.sizes[-1])]], LIMIT)
    section.findings += [
        f"The most is {max(by_size.values()) / min(by_size.values()) - 1:.0%} above the least.",
        f"NautilusTrader's cache in Redis was measured at {NAUTILUS:,} bytes an order, not in this run.",
    ]
    return section


def _bytes_an_order(orders: int, orders_a_user: int) -> tuple[float, float]:
    with redis_server(*IN_MEMORY) as server, server.client() as client:
        empty = _used(server)
        fill(client, orders, streams=8, orders_a_user=orders_a_user)
        client.close()  # its buffers are not the store's
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


def _used(server: RedisServer) -> int:
    with server.client() as client:
        return client.info("memory")["used_memory"]
