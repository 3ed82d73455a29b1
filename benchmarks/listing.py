"""All live orders: the listing, reading in pages, and how long each call blocks the server."""

import re
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import redis

from benchmarks.filling import fill
from benchmarks.harness import (
    Samples,
    Scale,
    Section,
    Table,
    Worker,
    in_turns,
    millis,
    ratio,
    ratios,
    seconds,
)
from benchmarks.peers import new_order
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import stream_of_user

STREAMS = 8
PAGE = 1000
PAGED_ORDERS = 100_000
KEYS = Keys("cryptoorders")
LISTING, BARE2, BARE = "display_all_live_orders()", "redis-py ZRANGE, RESP2", "redis-py ZRANGE, its default"

PAGED, BARE_PAGED = f"live_orders(), {PAGED_ORDERS:,}", f"redis-py in pages, {PAGED_ORDERS:,}"

HOW = (
    "One store with 8 streams, one of ten orders paused, append-only file off. The peer reads the same "
    "keys with redis-py's `ZRANGE … WITHSCORES`, one stream after the other, and does nothing with them: no "
    "merging, no status, no text. `live_orders()` reads in pages, up to its 100,000th order. Its peer reads "
    "the same ids and records in pages, and makes no orders of them. Memory is the growth of the process's "
    "peak."
)


class Reader:
    """Reads everything in one way, in its own process, so that its memory can be measured."""

    def __init__(self, url: str) -> None:
        self._system = CryptoOrderSystem(url=url)
        self._clients = {
            BARE2: redis.Redis.from_url(url, protocol=2, socket_timeout=60),
            BARE: redis.Redis.from_url(url, socket_timeout=60),
        }

    def read(self, way: str) -> tuple[float, int]:
        """Return the seconds, and the growth of the peak memory in KiB."""
        before = _memory("VmRSS")
        began = time.perf_counter()
        if way == LISTING:
            self._system.display_all_live_orders()
        elif way == PAGED:
            for _ in islice(self._system.live_orders(), PAGED_ORDERS):
                pass
        elif way == BARE_PAGED:
            self._in_pages()
        else:
            client = self._clients[way]
            _kept = [client.zrange(KEYS.placed(n), 0, -1, withscores=True) for n in range(STREAMS)]
        took = time.perf_counter() - began
        return took, _memory("VmHWM") - before

    def _in_pages(self) -> None:
        client: Any = self._clients[BARE2]
        for stream in range(STREAMS):
            first = 0
            while first * STREAMS < PAGED_ORDERS and (
                order_ids := client.zrange(KEYS.placed(stream), first, first + PAGE - 1)
            ):
                client.hmget(KEYS.orders(stream), order_ids)
                first += PAGE


def _memory(what: str) -> int:
    """Return a figure of this process's memory in KiB; 0 on systems other than Linux."""
    status = Path("/proc/self/status")
    found = re.search(rf"{what}:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) if found else 0


def run(scale: Scale) -> Section:
    orders = min(scale.sizes[-1], 1_000_000)
    section = Section(f"Listing {orders:,} orders", HOW)
    with redis_server(*IN_MEMORY) as server:
        fill(server.client(), orders, streams=STREAMS)
        section.tables.append(_times(server, section))
        section.tables.append(_blocking(server, scale, section))
    return section


def _times(server: MeasuredServer, section: Section) -> Table:
    ways = (LISTING, BARE2, BARE, PAGED, BARE_PAGED)
    memory: dict[str, int] = {}

    workers = {way: Worker(Reader, server.url) for way in ways}

    def reading(way: str) -> Callable[[], float]:
        def once() -> float:
            took, grown = workers[way].call("read", way)
            memory.setdefault(way, grown)
            return took

        return once

    samples = in_turns({way: reading(way) for way in ways}, 5)
    for worker in workers.values():
        worker.close()
    table = Table(("", "time", "memory", "time : its peer's"))
    for way, times in samples.items():
        peer = BARE_PAGED if way in (PAGED, BARE_PAGED) else BARE2
        table.add(way, seconds(times), f"{memory[way] / 1024:.0f} MiB", f"{ratio(times, samples[peer]):.2f}")
    for peer in (BARE2, BARE):
        section.goal(f"time of the listing, compared with {peer}", ratios(samples[LISTING], samples[peer]), 1)
    section.data["seconds"] = samples
    return table


def _blocking(server: MeasuredServer, scale: Scale, section: Section) -> Table:
    """Return the longest command of each operation, as the server measured it."""
    rounds = 5
    longest: dict[str, Samples] = {}
    with server.client() as client, CryptoOrderSystem(url=server.url, deadline_seconds=60) as system:
        client.config_set("slowlog-log-slower-than", 0)
        client.config_set("slowlog-max-len", 100_000)
        order = new_order("slow", 0)
        whale = f"cancel_all_by_user, {scale.whale:,} orders"
        plain = f"plain HDEL, ZREM, SREM of {scale.whale:,} orders"
        operations: dict[str, Callable[[], object]] = {
            "place": lambda: system.place(*order),
            "pause": lambda: system.pause(order[0]),
            "resume": lambda: system.resume(order[0]),
            "get": lambda: system.get(order[0]),
            "cancel": lambda: system.cancel(order[0]),
            "count": system.count,
            "live_orders(), a page": lambda: list(islice(system.live_orders(), 20 * PAGE)),
            LISTING: system.display_all_live_orders,
            BARE2: lambda: [client.zrange(KEYS.placed(n), 0, -1, withscores=True) for n in range(STREAMS)],
            whale: lambda: system.cancel_all_by_user("whale"),
            plain: lambda: _plainly(client, scale.whale),
        }
        if hasattr(system, "place_many"):
            many = [new_order("many", n) for n in range(10_000)]
            operations["place_many, a batch"] = lambda: system.place_many(many)
            operations["cancel_many, a batch"] = lambda: system.cancel_many([order[0] for order in many])
        if hasattr(system, "stats"):
            operations["stats, a step"] = system.stats
        for name, operation in operations.items():
            longest[name] = []
            for _ in range(rounds):
                if name in (whale, plain):
                    fill(client, scale.whale, streams=STREAMS, user="whale", prefix="whale")
                client.slowlog_reset()
                client.config_resetstat()
                operation()
                longest[name].append(_longest(client))
    section.findings.append(
        f"The call that blocks the server longest is {max(longest, key=lambda name: median(longest[name]))}. "
        f"{BARE2} is {STREAMS} commands; the longest one counts here."
    )
    table = Table(("operation", "longest command in the server"))
    for name, samples in longest.items():
        table.add(name, millis(samples) if median(samples) >= 1e-3 else f"{1e6 * median(samples):.0f} µs")
    return table


def _plainly(client: redis.Redis, orders: int) -> None:
    order_ids = [f"whale{number}" for number in range(orders)]
    stream = stream_of_user("whale", STREAMS)
    pipe = client.pipeline(transaction=True)
    pipe.hdel(KEYS.orders(stream), *order_ids)
    pipe.zrem(KEYS.placed(stream), *order_ids)
    pipe.srem(KEYS.paused(stream), *order_ids)
    pipe.hdel(KEYS.directory(0), *order_ids)
    pipe.delete(KEYS.user(stream, "whale"))
    pipe.execute()


def _longest(client: redis.Redis) -> float:
    """Return the seconds of the longest command. A transaction counts as one command."""
    stats = client.info("commandstats")
    transaction = stats["cmdstat_exec"]["usec"] if "cmdstat_exec" in stats else 0
    entries = [entry for entry in client.slowlog_get(100_000) if not entry["command"].startswith(b"CONFIG")]
    return 1e-6 * max(transaction, *(entry["duration"] for entry in entries))
