"""Bytes an order, with all keys and indexes, on each server that is supported."""

from typing import Any, cast

from benchmarks.filling import ORDERS_A_USER, fill
from benchmarks.harness import Scale, Section, Table
from benchmarks.peers import STREAMS, new_order
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.keys import Keys
from tests.support.matrix import program_of

GOALS = {"valkey": ("Valkey 9.1", 260), "redis-8": ("Redis 8.2", 320), "system": ("Redis 7.0", 395)}
"""By the name in the matrix: the version that the goal is about, and bytes an order."""

HOW = (
    "The growth of the server's `used_memory` from an empty store, divided by the number of live orders. "
    "It includes records, placement order, users' sets, paused set, directory, and the server's own "
    f"tables, which double when they are full. Ids look like `order123456`. There are {ORDERS_A_USER} "
    f"orders a user unless a table says otherwise, {STREAMS} streams, and one of ten orders is paused. The "
    "record alone is `HSET` of the same text into one hash, without any index."
)


def run(scale: Scale) -> Section:
    section = Section("Memory", HOW)
    largest = min(scale.sizes[-1], 1_000_000)
    by_server = Table(("server", "bytes an order"), title=f"{largest:,} orders")
    on_server: dict[str, float] = {}
    for name, (wanted, limit) in GOALS.items():
        program = program_of(name)
        if not program:
            section.findings.append(f"{wanted} is not installed here, so its row is missing.")
            continue
        used, version = _bytes_an_order(largest, program=program)
        on_server[version] = used
        by_server.add(version, f"{used:.0f}")
        if version.startswith(wanted):
            section.goal(f"bytes an order of {largest:,}, {version}", [used], limit)
    section.tables.append(by_server)
    version = list(on_server)[-1]
    by_size = {size: _bytes_an_order(size)[0] for size in scale.sizes if size != largest}
    by_size = dict(sorted({**by_size, largest: on_server[version]}.items()))
    sizes = Table(("live orders", "bytes an order"), title=f"by the number of orders, {version}")
    for size, used in by_size.items():
        sizes.add(f"{size:,}", f"{used:.0f}")
    users = Table(("orders a user", "bytes an order"), title=f"{scale.sizes[1]:,} orders, {version}")
    for orders_a_user in (1, 10, 100, 1000):
        users.add(str(orders_a_user), f"{_bytes_an_order(scale.sizes[1], orders_a_user)[0]:.0f}")
    section.tables += [sizes, users]
    section.findings.append(f"The record alone takes {_record_alone(scale.sizes[1]):.0f} bytes, {version}.")
    section.data["by server"], section.data["by size"] = on_server, by_size
    first, *_ = on_server
    section.number(
        f"bytes an order, {largest:,} orders, {first}",
        f"{on_server[first]:.0f}",
        f"the same in {version}",
        f"{on_server[version]:.0f}",
    )
    return section


def _bytes_an_order(
    orders: int, orders_a_user: int = ORDERS_A_USER, *, program: str | None = None
) -> tuple[float, str]:
    """Return the bytes, and the name and the version of the server."""
    with redis_server(*IN_MEMORY, program=program) as server:
        empty = _empty(server)
        fill(server.url, orders, streams=STREAMS, orders_a_user=orders_a_user)
        with server.client() as client:
            info = client.info("server")
        name = (
            f"Valkey {info['valkey_version']}"
            if "valkey_version" in info
            else f"Redis {info['redis_version']}"
        )
        return (_used(server) - empty) / orders, name


def _record_alone(orders: int) -> float:
    with redis_server(*IN_MEMORY) as server:
        fill(server.url, orders, streams=STREAMS)
        before = _used(server)
        with server.client() as client:
            for key in map(Keys("cryptoorders").orders, range(STREAMS)):
                client.hset("bare", mapping=cast("Any", client.hgetall(key)))
        return (_used(server) - before) / orders


def _empty(server: MeasuredServer) -> int:
    """Return what the server uses without orders, but with its scripts and a client's sessions."""
    with CryptoOrderSystem(STREAMS, url=server.url) as system:
        order = new_order("first", 0)
        system.place_many([order])
        system.pause_many([order[0]])
        system.cancel(order[0])
    return _used(server)


def _used(server: MeasuredServer) -> int:
    with server.client() as client:
        return client.info("memory")["used_memory"]
