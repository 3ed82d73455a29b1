"""What each call costs on Redis Cluster, compared with a standalone server of the same kind."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import cores
from benchmarks.asynchronous import SUBJECT, Loop
from benchmarks.filling import fill
from benchmarks.harness import HIREDIS, Samples, Scale, Section, Table, Worker, micros, ratio, ratios, spread
from benchmarks.peers import CALLS, STREAMS, New, new_order
from benchmarks.servers import IN_MEMORY, SETTLED_SECONDS, redis_server
from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem
from tests.support.cluster import ClusterServers
from tests.support.servers import free_port

TASKS = 100

HOW = (
    "One process makes blocking calls, one after the other, over TCP on loopback, without hiredis and "
    "without an append-only file. The standalone server and the one master of the cluster share a core, and "
    "are measured in turns. Processor time is that of the whole server, divided by the number of calls, and "
    "includes reading requests and writing replies. A client remembers where its own orders are, and need "
    "not look them up. Bulk calls are given for one order. *Two masters* are a process and a master more, on "
    "the same two cores, as in the section on two servers."
)

STANDALONE, CLUSTER = "standalone", "cluster"


class _Subject:
    """A store on one server, and what it cost."""

    def __init__(self, url: str, process_id: int) -> None:
        self.url = url
        self.system = CryptoOrderSystem(STREAMS, url=url)
        self._threads = Path(f"/proc/{process_id}/task")
        self.trips = 0
        connections: Any = self.system._connections  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._count_trips(connections)

    def _count_trips(self, connections: Any) -> None:
        fetch = connections.fetch

        def counted(request: Any) -> Any:
            self.trips += 1
            return fetch(request)

        connections.fetch = counted

    def processor_seconds(self) -> float:
        time.sleep(SETTLED_SECONDS)
        return 1e-9 * sum(int(thread.read_text().split()[0]) for thread in self._threads.glob("*/schedstat"))

    def close(self) -> None:
        self.system.close()


Measured = Callable[[_Subject, list[New]], object]


def _each(name: str) -> Measured:
    def run(subject: _Subject, orders: list[New]) -> None:
        method = getattr(subject.system, name)
        for order in orders:
            method(*order) if name == "place" else method(order[0])

    return run


def _of_user(name: str) -> Measured:
    def run(subject: _Subject, orders: list[New]) -> None:
        for order in orders:
            getattr(subject.system.user(order[1]), name)(order[0])

    return run


def _many(name: str) -> Measured:
    def run(subject: _Subject, orders: list[New]) -> None:
        getattr(subject.system, name)(orders if name == "place_many" else [order[0] for order in orders])

    return run


ROUND: tuple[tuple[str, Measured], ...] = (
    ("place", _each("place")),
    ("place, the id is live", _each("place")),
    ("pause", _each("pause")),
    ("resume", _each("resume")),
    ("pause, by the user", _of_user("pause")),
    ("get", _each("get")),
    ("cancel", _each("cancel")),
    ("place_many", _many("place_many")),
    ("pause_many", _many("pause_many")),
    ("cancel_many", _many("cancel_many")),
)
"""In this order each of them finds the orders as it needs them."""


def run(scale: Scale) -> Section:
    section = Section("Redis Cluster", HOW)
    with ExitStack() as stack:
        port = free_port()
        server = stack.enter_context(redis_server(*IN_MEMORY, "--port", str(port)))
        with cores.kept_to(cores.SERVER):
            cluster = stack.enter_context(ClusterServers(1, 0, *IN_MEMORY))
        with server.client() as client, cluster.node_client(cluster.addresses[0]) as node:
            process_ids = [each.info("server")["process_id"] for each in (client, node)]
        urls = (f"redis://127.0.0.1:{port}", cluster.url)
        made = map(_Subject, urls, process_ids)
        subjects: dict[str, _Subject] = dict(zip((STANDALONE, CLUSTER), made, strict=True))
        for subject in subjects.values():
            stack.callback(subject.close)
        section.tables += [_costs(subjects, scale), _bytes(scale)]
    section.tables.append(_two_masters(scale))
    return section


def _costs(subjects: dict[str, _Subject], scale: Scale) -> Table:
    servers: dict[tuple[str, str], Samples] = {}
    times: dict[tuple[str, str], Samples] = {}
    trips: dict[tuple[str, str], int] = {}
    orders = [new_order("cluster", number) for number in range(scale.calls)]
    for number in range(-1, scale.rounds):
        for name, measured in ROUND:
            for kind, subject in subjects.items():
                before, subject.trips = subject.processor_seconds(), 0
                began = time.perf_counter()
                measured(subject, orders)
                took = time.perf_counter() - began
                used = subject.processor_seconds() - before
                if number >= 0:
                    servers.setdefault((name, kind), []).append(used / len(orders))
                    times.setdefault((name, kind), []).append(took / len(orders))
                    trips[name, kind] = subject.trips
    head = (
        "",
        "server, standalone",
        "server, cluster",
        "ratio",
        "call, standalone",
        "call, cluster",
        "ratio",
    )
    table = Table((*head, "round trips"))
    for name, _ in ROUND:
        of_server = servers[name, STANDALONE], servers[name, CLUSTER]
        of_call = times[name, STANDALONE], times[name, CLUSTER]
        table.add(
            name,
            *map(micros, of_server),
            f"{ratio(of_server[1], of_server[0]):.2f}",
            *map(micros, of_call),
            f"{ratio(of_call[1], of_call[0]):.2f}",
            f"{trips[name, CLUSTER] / (len(orders) if trips[name, CLUSTER] >= len(orders) else 1):.3g}",
        )
    return table


def _bytes(scale: Scale) -> Table:
    """Compare the memory of a store on each, over and above that of a small one."""
    orders = scale.sizes[1]
    used: dict[str, float] = {}
    with redis_server(*IN_MEMORY) as server, ClusterServers(1, 0, *IN_MEMORY) as cluster:
        for kind, url, client in (
            (STANDALONE, server.url, server.client()),
            (CLUSTER, cluster.url, cluster.node_client(cluster.addresses[0])),
        ):
            fill(url, 1000, streams=STREAMS, user="first", prefix="first")
            before = client.info("memory")["used_memory"]
            fill(url, orders, streams=STREAMS)
            used[kind] = (client.info("memory")["used_memory"] - before) / orders
            client.close()
    table = Table(("", "bytes an order"), title=f"{orders:,} orders, {STREAMS} streams")
    for kind, size in used.items():
        table.add(kind, f"{size:.0f}")
    return table


class ClusterLoop(Loop):
    """The async API on a cluster, in one process and one event loop."""

    async def _open(self, url: str) -> None:
        self._system = AsyncCryptoOrderSystem(STREAMS, url=url)


def _two_masters(scale: Scale) -> Table:
    calls = 4 * scale.calls
    rates: dict[int, dict[str, Samples]] = {number: {call: [] for call in CALLS} for number in (1, 2)}
    with ExitStack() as stack:
        clusters = {number: stack.enter_context(ClusterServers(number, 0)) for number in (1, 2)}
        workers = {
            number: [
                Worker(ClusterLoop, clusters[number].url, "uvloop", hiredis=True, to=cores.ALL)
                for _ in range(number)
            ]
            for number in (1, 2)
        }
        for turn in range(-1, scale.rounds):
            for number, of_cluster in workers.items():
                for call in CALLS:
                    for whose, worker in enumerate(of_cluster):
                        worker.ask("run", SUBJECT, call, TASKS, calls, str(whose))
                    spans = [worker.answer() for worker in of_cluster]
                    took = max(ended for _, ended, _ in spans) - min(began for began, _, _ in spans)
                    if turn >= 0:
                        rates[number][call].append(calls * number / took)
        for of_cluster in workers.values():
            for worker in of_cluster:
                worker.close()
    table = Table(
        ("", "1 master, 1 process", "2 masters, 2 processes", "times as many"),
        title=f"calls a second from {TASKS} tasks on uvloop, {HIREDIS[True]}, append-only file on",
    )
    for call in CALLS:
        table.add(
            call,
            *(f"{1e-3 * median(rates[n][call]):.1f} k {spread(rates[n][call])}" for n in (1, 2)),
            f"{median(ratios(rates[2][call], rates[1][call])):.2f}",
        )
    return table
