"""Where the time of a call goes: each layer below it, measured alone, and a profile of what is above."""

import cProfile
import pstats
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import Samples, Scale, Section, Table, micros, ratio
from benchmarks.peers import CALLS, call_of, new_order
from benchmarks.recording import forget_answers, recorded
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.transport.resp import encode_command

HOW = (
    "The same request at each layer, from one process over a Unix socket. The first row is a bare socket to "
    "a server without append-only file. All other rows use a server that writes this file at each change. "
    "*redis-py's connection* sends, reads and parses a reply without redis-py's client. The last rows are "
    "the empty script at the same layers. The profiles below show each function's own time in a call. A "
    "profiler makes small functions look slower than they are, so compare the shares and not the sum."
)

SHOWN = 14


def run(scale: Scale) -> Section:
    section = Section("Where the time goes", HOW)
    with (
        redis_server() as server,
        redis_server(*IN_MEMORY) as not_durable,
        CryptoOrderSystem(8, url=server.url) as system,
    ):
        section.tables.append(_layers(server, not_durable, system, scale, section))
        for call in ("place", "pause"):
            section.tables.append(_profile(system, call, scale))
    return section


def _layers(
    server: MeasuredServer,
    not_durable: MeasuredServer,
    system: CryptoOrderSystem,
    scale: Scale,
    section: Section,
) -> Table:
    orders = [new_order("layers", n) for n in range(scale.calls)]
    requests, sessions, bare = recorded(server.url, 8, orders)
    their_requests, their_sessions, their_bare = recorded(not_durable.url, 8, orders)
    client, their_client = server.client(), not_durable.client()
    sha = client.script_load("return 1")
    empty = encode_command(("EVALSHA", sha, 0))
    connection = client.connection_pool.make_connection()
    connection.connect()

    def over(bare: socket.socket) -> Callable[[bytes], object]:
        def exchange(request: bytes) -> None:
            bare.sendall(request)
            bare.recv(4096)

        return exchange

    def over_connection(request: bytes) -> None:
        connection.send_packed_command([request])
        connection.read_response(disable_decoding=True)

    layers: dict[str, Callable[[str], Samples]] = {
        "bare socket, no append-only file": lambda call: _each(over(their_bare), their_requests[call]),
        "bare socket": lambda call: _each(over(bare), requests[call]),
        "redis-py's connection": lambda call: _each(over_connection, requests[call]),
        "this library": lambda call: _each(call_of(system, call), orders),
        "bare socket, empty script": lambda _: _each(over(bare), [empty] * scale.calls),
        "redis-py's connection, empty script": lambda _: _each(over_connection, [empty] * scale.calls),
        "redis-py's client, empty script": lambda _: _each(lambda _: client.evalsha(sha, 0), orders),
    }
    samples: dict[str, dict[str, Samples]] = {name: {call: [] for call in CALLS} for name in layers}
    for _ in range(scale.rounds):
        for name, layer in layers.items():
            forget_answers(client, sessions)
            forget_answers(their_client, their_sessions)
            for call in CALLS:
                samples[name][call] += layer(call)
    table = Table(("", *CALLS))
    for name, of_call in samples.items():
        table.add(name, *(micros(of_call[call]) for call in CALLS))
    own = {
        call: ratio(samples["this library"][call], samples["redis-py's connection"][call]) for call in CALLS
    }
    section.findings.append(
        "A call takes this multiple of the time of the same bytes over redis-py's connection: "
        + ", ".join(f"{call} {multiple:.2f}" for call, multiple in own.items())
        + ". The rest is the checks of arguments, the encoding, the request numbers, and the check that the "
        "connection is still open."
    )
    return table


def _each(call: Callable[[Any], object], arguments: list[Any]) -> Samples:
    began = time.perf_counter()
    for argument in arguments:
        call(argument)
    return [(time.perf_counter() - began) / len(arguments)]


def _profile(system: CryptoOrderSystem, call: str, scale: Scale) -> Table:
    orders = [new_order(f"profile-{call}", n) for n in range(5 * scale.calls)]
    if call != "place":
        _each(call_of(system, "place"), orders)
    method = call_of(system, call)
    profiler = cProfile.Profile()
    profiler.enable()
    for order in orders:
        method(order)
    profiler.disable()
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in stats.values())
    table = Table(("function", "calls a call", "share of own time"), title=f"{call}, by the profiler")
    by_own = sorted(stats.items(), key=lambda entry: -entry[1][2])
    for (file, _, name), (_, times, own, _, _) in by_own[:SHOWN]:
        where = f"{Path(file).parent.name}/{Path(file).name}: " if file.endswith(".py") else ""
        table.add(f"`{where}{name}`", f"{times / len(orders):.0f}", f"{own / total:.0%}")
    return table
