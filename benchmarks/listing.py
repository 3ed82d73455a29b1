"""All live orders: the listing in one call, and reading in pages."""

import os
import re
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import redis

from benchmarks.filling import fill
from benchmarks.harness import HIREDIS, Samples, Scale, Section, Table, Worker, millis, ratio, ratios, seconds
from benchmarks.holding import measure_longest
from benchmarks.peers import STREAMS
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.keys import Keys

PAGE = 1000
PAGED_ORDERS = 100_000
ROUNDS = 5
KEYS = Keys("cryptoorders")
LISTING, BARE2, BARE = "display_all_live_orders()", "redis-py ZRANGE, RESP2", "redis-py ZRANGE, its default"
PAGED, BARE_PAGED = f"live_orders(), {PAGED_ORDERS:,}", f"redis-py in pages, {PAGED_ORDERS:,}"
WAYS = (LISTING, BARE2, BARE, PAGED, BARE_PAGED)
WATCHED_SECONDS = 3

HOW = (
    "One store with 8 streams, one of ten orders paused, append-only file off. The peer reads the same "
    "keys with redis-py's `ZRANGE … WITHSCORES`, one stream after the other, and does nothing with them: "
    "no merging, no status, no text. `live_orders()` reads in pages, up to its 100,000th order. Its peer "
    "reads the same ids and records in pages, and makes no orders of them. Memory is the growth of the "
    "process's peak. The longest command is the server's own measurement (`INFO latencystats`), and a "
    "transaction counts as one command. The second client sends `PING` all the time, in other rounds."
)


class Reader:
    """Reads everything in one way, in its own process, so that its memory can be measured."""

    def __init__(self, url: str) -> None:
        self._system = CryptoOrderSystem(url=url, deadline_seconds=60)
        self._clients = {
            BARE2: redis.Redis.from_url(url, protocol=2, socket_timeout=60),
            BARE: redis.Redis.from_url(url, socket_timeout=60),
        }

    def read(self, way: str) -> tuple[float, float, int]:
        """Return the seconds, the processor time, and the growth of the peak memory in KiB."""
        before = _memory("VmRSS")
        began, processor = time.perf_counter(), time.process_time()
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
        took, processor = time.perf_counter() - began, time.process_time() - processor
        return took, processor, _memory("VmHWM") - before

    def _in_pages(self) -> None:
        client: Any = self._clients[BARE2]
        for stream in range(STREAMS):
            first = 0
            while first * STREAMS < PAGED_ORDERS and (
                order_ids := client.zrange(KEYS.placed(stream), first, first + PAGE - 1)
            ):
                client.hmget(KEYS.orders(stream), order_ids)
                first += PAGE


class Pinger:
    """A second client, which is not kept waiting by the first one's work on the same core."""

    def __init__(self, url: str) -> None:
        if os.geteuid() == 0:
            os.nice(-15)
        self._client = redis.Redis.from_url(url, socket_timeout=60)

    def longest(self, seconds: float) -> float:
        """Return the longest time that a PING took."""
        longest, now = 0.0, time.perf_counter()
        until = now + seconds
        while now < until:
            self._client.ping()
            before, now = now, time.perf_counter()
            longest = max(longest, now - before)
        return longest


def _memory(what: str) -> int:
    """Return a figure of this process's memory in KiB; 0 on systems other than Linux."""
    status = Path("/proc/self/status")
    found = re.search(rf"{what}:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) if found else 0


def run(scale: Scale) -> Section:
    orders = min(scale.sizes[-1], 1_000_000)
    section = Section(f"Listing {orders:,} orders", HOW)
    with redis_server(*IN_MEMORY) as server:
        fill(server.url, orders, streams=STREAMS)
        for hiredis, leg in HIREDIS.items():
            section.tables.append(_times(server, section, leg, hiredis=hiredis))
        times = section.data[HIREDIS[True]]
        section.number(
            f"listing {orders:,} orders",
            seconds(times[LISTING]).split(" ±")[0],
            BARE2,
            seconds(times[BARE2]).split(" ±")[0],
        )
        section.tables.append(_holds(server, section))
    return section


def _times(server: MeasuredServer, section: Section, leg: str, *, hiredis: bool) -> Table:
    workers = {way: Worker(Reader, server.url, hiredis=hiredis) for way in WAYS}
    times: dict[str, Samples] = {way: [] for way in WAYS}
    client: dict[str, Samples] = {way: [] for way in WAYS}
    total: dict[str, Samples] = {way: [] for way in WAYS}
    memory: dict[str, int] = {}
    for _ in range(ROUNDS):
        for way in WAYS:
            before = server.processor_seconds()
            took, processor, grown = workers[way].call("read", way)
            times[way].append(took)
            client[way].append(processor)
            total[way].append(processor + server.processor_seconds() - before)
            memory.setdefault(way, grown)
    for worker in workers.values():
        worker.close()
    table = Table(
        ("", "time", "time : its peer's", "processor time, client", "client and server", "memory"), title=leg
    )
    for way in WAYS:
        peer = BARE_PAGED if way in (PAGED, BARE_PAGED) else BARE2
        table.add(
            way,
            seconds(times[way]),
            f"{ratio(times[way], times[peer]):.2f}",
            seconds(client[way]),
            seconds(total[way]),
            f"{memory[way] / 1024:.0f} MiB",
        )
    section.data[leg] = times
    if hiredis:
        section.goal(f"the listing {leg}: client processor time", client[LISTING], 0.5, " s")
        an_order = [1e6 * each / PAGED_ORDERS for each in total[PAGED]]
        section.goal(
            f"live_orders() {leg}: processor time of client and server, an order", an_order, 4.6, " µs"
        )
    for what, samples in (("processor time of client and server", total), ("time", times)):
        of_peer = ratios(samples[PAGED], samples[BARE_PAGED])
        section.goal(f"live_orders() {leg}, compared with bare pages: {what}", of_peer, 2.2)
    return table


def _holds(server: MeasuredServer, section: Section) -> Table:
    """Return how long the server serves nobody else, as it measures it and as a second client sees it."""
    reader, pinger = Worker(Reader, server.url, hiredis=True), Worker(Pinger, server.url, hiredis=True)
    table = Table(("", "longest command in the server", "a second client waits at most"))
    pinger.call("longest", 0.1)
    table.add("nothing", "", millis([pinger.call("longest", 1)]))
    longest: dict[str, Samples] = {}
    with server.client() as client:
        for way in (LISTING, BARE2):
            waited: Samples = []

            longest[way] = [
                measure_longest(client, lambda way=way: reader.call("read", way)) for _ in range(ROUNDS)
            ]
            for _ in range(ROUNDS):
                pinger.ask("longest", WATCHED_SECONDS)
                reader.call("read", way)
                waited.append(pinger.answer())
            table.add(way, millis(longest[way]), millis(waited))
    for worker in (reader, pinger):
        worker.close()
    held = [1e3 * each for each in longest[LISTING]]
    section.goal("the listing: longest command in the server", held, 60, " ms")
    section.number(
        "this listing holds the server for",
        f"{median(held):.0f} ms",
        "one of its 8 streams by `ZRANGE`",
        f"{1e3 * median(longest[BARE2]):.0f} ms",
    )
    return table
