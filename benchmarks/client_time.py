"""Where the processor time of a call that blocks goes: each layer below it, measured alone."""

import socket
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import redis

from benchmarks import cores
from benchmarks.harness import HIREDIS, Samples, Scale, Section, Table, Worker, micros
from benchmarks.peers import CALLS, STREAMS, call_of, new_order
from benchmarks.recording import forget_answers, recorded
from benchmarks.servers import redis_server
from cryptoorders_redis import CryptoOrderSystem

SOCKET, CONNECTION = "bare socket, the library's bytes", "redis-py's connection, the library's bytes"
SUBJECT, CLIENT = "this library", "redis-py's client, empty script"
LAYERS = (SOCKET, CONNECTION, SUBJECT, CLIENT)

HOW = (
    "Processor time of the client for each call, in one process, over a Unix socket. *Bare socket* sends "
    "the bytes of the library, encoded before, and does not parse the replies: no client in Python can "
    "take less. *redis-py's connection* sends the same bytes, and reads and parses the replies. The last "
    "row is redis-py's own client."
)


class Layers:
    """All layers in one process. Each places, pauses, resumes and cancels the same orders."""

    def __init__(self, url: str, calls: int) -> None:
        self._orders = [new_order("layers", n) for n in range(calls)]
        self._requests, self._sessions, self._socket = recorded(url, STREAMS, self._orders)
        self._system = CryptoOrderSystem(STREAMS, url=url)
        self._client = redis.Redis.from_url(url)
        self._sha = self._client.script_load("return 1")
        self._connection = redis.Redis.from_url(url).connection_pool.make_connection()
        self._connection.connect()

    def forget_answers(self) -> None:
        forget_answers(self._client, self._sessions)

    def run(self, layer: str, call: str) -> float:
        """Return the processor time of a call."""
        ways: dict[str, Callable[[], None]] = {
            SOCKET: lambda: _over_socket(self._socket, self._requests[call]),
            CONNECTION: lambda: _over_connection(self._connection, self._requests[call]),
            SUBJECT: lambda: self._with_library(call),
            CLIENT: self._with_client,
        }
        began = time.process_time()
        ways[layer]()
        return (time.process_time() - began) / len(self._orders)

    def _with_library(self, call: str) -> None:
        method = call_of(self._system, call)
        for order in self._orders:
            method(order)

    def _with_client(self) -> None:
        for _ in self._orders:
            self._client.evalsha(self._sha, 0)


def _over_socket(bare: socket.socket, requests: list[bytes]) -> None:
    for request in requests:
        bare.sendall(request)
        bare.recv(4096)


def _over_connection(connection: Any, requests: list[bytes]) -> None:
    for request in requests:
        connection.send_packed_command([request])
        connection.read_response(disable_decoding=True)


def run(scale: Scale) -> Section:
    section = Section("Where the client's time goes", HOW)
    with redis_server() as server:
        server.keep_to(cores.CLIENT)
        for hiredis, leg in HIREDIS.items():
            worker = Worker(Layers, server.url, scale.calls, hiredis=hiredis)
            samples: dict[str, dict[str, Samples]] = {layer: {call: [] for call in CALLS} for layer in LAYERS}
            for _ in range(scale.rounds):
                for layer, of_call in samples.items():
                    worker.call("forget_answers")
                    for call in CALLS:
                        of_call[call].append(worker.call("run", layer, call))
            worker.close()
            table = Table(("", *CALLS), title=leg)
            for layer, of_call in samples.items():
                table.add(layer, *(micros(of_call[call]) for call in CALLS))
            own = (
                f"{call} {1e6 * (median(samples[SUBJECT][call]) - median(samples[CONNECTION][call])):.1f} µs"
                for call in CALLS
            )
            section.tables.append(table)
            section.findings.append(
                f"Checks, encoding, request numbers and the choice of a connection take, {leg}: "
                + ", ".join(own)
                + "."
            )
    return section
