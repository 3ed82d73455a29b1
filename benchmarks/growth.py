"""The time of a call by the number of orders and of streams, and the time of a start."""

import time
from collections.abc import Callable
from contextlib import ExitStack

import redis

from benchmarks import cores
from benchmarks.filling import fill
from benchmarks.harness import Samples, Scale, Section, Table, in_turns, micros, millis, ratio
from benchmarks.peers import CALLS, New, call_of, new_order
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem

HOW = (
    "One process, a Unix socket, append-only file off. Orders are placed, paused, resumed and cancelled "
    "in stores that hold different numbers of other orders. Each store has its own server, and each round "
    "measures all stores. The peers are the store without orders, and redis-py's empty script."
)
STREAMS = (1, 8, 64, 256)
FLOOR = "empty script"


def run(scale: Scale) -> Section:
    section = Section("Growth", HOW)
    with ExitStack() as stack:
        servers = {size: stack.enter_context(redis_server(*IN_MEMORY)) for size in (0, *scale.sizes)}
        for size, server in servers.items():
            server.keep_to(cores.CLIENT)
            fill(server.url, size, streams=8)
        section.tables.append(_by_size(servers, scale, section))
        section.tables.append(_start_up(servers, scale))
        section.tables.append(_by_streams(servers[0], scale))
    return section


def _by_size(servers: dict[int, MeasuredServer], scale: Scale, section: Section) -> Table:
    systems = {f"{size:,}": CryptoOrderSystem(url=server.url) for size, server in servers.items()}
    samples = _timed(systems, servers[0], scale)
    for system in systems.values():
        system.close()
    section.data["by size"] = {
        call: {n: of[call] for n, of in samples.items() if n != FLOOR} for call in CALLS
    }
    largest = f"{max(servers):,}"
    for call in CALLS:
        grown = ratio(samples[largest][call], samples["0"][call])
        section.findings.append(
            f"With {largest} orders in the store, {call} takes {grown:.2f} times as long as without any."
        )
    return _table("live orders", samples, "0")


def _by_streams(server: MeasuredServer, scale: Scale) -> Table:
    systems = {}
    for streams in STREAMS:
        fill(server.url, scale.sizes[0], streams=streams, namespace=f"streams{streams}")
        systems[str(streams)] = CryptoOrderSystem(url=server.url, namespace=f"streams{streams}")
    samples = _timed(systems, server, scale)
    for system in systems.values():
        system.close()
    return _table(f"streams ({scale.sizes[0]:,} orders)", samples, "1")


def _timed(
    systems: dict[str, CryptoOrderSystem], floor: MeasuredServer, scale: Scale
) -> dict[str, dict[str, Samples]]:
    orders = [new_order("growth", n) for n in range(scale.calls)]
    client = floor.client()
    sha = client.script_load("return 1")
    samples: dict[str, dict[str, Samples]] = {name: {} for name in (*systems, FLOOR)}

    def turn(call: Callable[[New], object]) -> Callable[[], float]:
        def once() -> float:
            began = time.perf_counter()
            for order in orders:
                call(order)
            return (time.perf_counter() - began) / len(orders)

        return once

    of_round: dict[str, Callable[[], float]] = {}
    for call in CALLS:
        for name, system in systems.items():
            of_round[f"{name} {call}"] = turn(call_of(system, call))
        of_round[f"{FLOOR} {call}"] = turn(lambda _: client.evalsha(sha, 0))
    # Not in_turns, which changes the sequence: an order must be placed before it is paused.
    for number in range(-1, max(scale.rounds * 2 // 3, 3)):
        for key, once in of_round.items():
            took = once()
            name, call = key.rsplit(" ", 1)
            if number >= 0:
                samples[name].setdefault(call, []).append(took)
    return samples


def _table(what: str, samples: dict[str, dict[str, Samples]], first: str) -> Table:
    table = Table((what, *CALLS))
    for name, of_call in samples.items():
        table.add(
            name,
            *(
                f"{micros(of_call[call])} ({ratio(of_call[call], samples[first][call]):.2f})"
                for call in CALLS
            ),
        )
    return table


def _start_up(servers: dict[int, MeasuredServer], scale: Scale) -> Table:
    def start(server: MeasuredServer) -> Callable[[], float]:
        def once() -> float:
            began = time.perf_counter()
            CryptoOrderSystem(8, url=server.url).close()
            return time.perf_counter() - began

        return once

    def connect() -> float:
        began = time.perf_counter()
        with redis.Redis.from_url(servers[0].url) as client:
            client.ping()
        return time.perf_counter() - began

    starts = {f"{size:,} orders": start(server) for size, server in servers.items()}
    samples = in_turns({**starts, "redis-py: connect and PING": connect}, 2 * scale.rounds)
    table = Table(("start-up: constructor and close()", "time"))
    for name, times in samples.items():
        table.add(name, millis(times))
    return table
