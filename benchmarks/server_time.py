"""What a call costs the server, compared with the same commands in other forms."""

import json
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import redis

from benchmarks.filling import fill
from benchmarks.harness import Samples, Scale, Section, Table, ratio, spread
from benchmarks.peers import CALLS, STREAMS, New, call_of, new_order
from benchmarks.recording import forget_answers, recorded
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.transport.resp import encode_command

SCRIPT, EMPTY = "the call", "empty script, same arguments"
BARE, PLAIN = "its commands in a bare script", "its commands, plain"
KINDS = (SCRIPT, EMPTY, BARE, PLAIN)
GOALS = {"place": 8.7, "pause": 3.5, "cancel": 5.6}

HOW = (
    "Processor time of the whole server for each call: reading the request, running it, and writing the "
    "reply. All requests of a round are in one pipeline, there is no append-only file, and the store "
    "holds other orders. *Its commands, plain* are the commands that the script runs, as `MONITOR` shows "
    "them, sent without a script: several requests for each call. *In a bare script* they run in Lua with "
    "nothing around them: no condition, and no argument except the id. There is no goal that compares a "
    "call with its plain commands: by `INFO commandstats`, which leaves out reading and writing, the bare "
    "script alone took twice their time, so no script can come near."
)

_SEQUENCE = re.compile(r"\b\d{16}\b")

Commands = list[list[str]]


Recorded = tuple[dict[str, list[bytes]], socket.socket]
"""The requests of each call, and the connection to send them on."""


def sample_calls(
    scale: Scale, server: MeasuredServer, sessions: Sequence[bytes], sent: Mapping[str, Recorded]
) -> dict[str, dict[str, Samples]]:
    """Return, of each call and each kind of requests, the server's time for one in each round."""
    samples: dict[str, dict[str, Samples]] = {call: {kind: [] for kind in sent} for call in CALLS}
    with server.client() as client:
        for _ in range(scale.rounds):
            forget_answers(client, sessions)
            for call in CALLS:
                for kind, (requests, connection) in sent.items():
                    samples[call][kind].append(time_requests(server, connection, requests[call]))
    return samples


def run(scale: Scale) -> Section:
    section = Section("Server time", HOW)
    with (
        redis_server(*IN_MEMORY) as server,
        server.client() as client,
        CryptoOrderSystem(STREAMS, url=server.url) as system,
    ):
        fill(server.url, scale.sizes[0], streams=STREAMS)
        templates = _templates(client, {call: call_of(system, call) for call in CALLS})
        orders = [new_order("a", n) for n in range(4 * scale.calls)]
        requests, sessions, connection = recorded(server.url, STREAMS, orders)
        nothing = client.script_load("return 'y'").encode()
        samples: dict[str, dict[str, Samples]] = {call: {kind: [] for kind in KINDS} for call in CALLS}
        for _ in range(scale.rounds):
            forget_answers(client, sessions)
            for call in CALLS:
                samples[call][SCRIPT].append(time_requests(server, connection, requests[call]))
            for call in CALLS:
                of_call = samples[call]
                empty = [
                    _SHA.sub(b"\r\n" + nothing + b"\r\n", request, count=1) for request in requests[call]
                ]
                of_call[EMPTY].append(time_requests(server, connection, empty))
                bare = _bare_requests(client, templates[call], orders)
                of_call[BARE].append(time_requests(server, connection, bare))
            for call in CALLS:
                plain = [
                    encode_command(_for_order(command, order, n))
                    for n, order in enumerate(orders)
                    for command in templates[call]
                ]
                samples[call][PLAIN].append(_plain_time(server, client, plain) / len(orders))
    section.tables.append(_table(samples))
    for call, limit in GOALS.items():
        processor = [1e6 * each for each in samples[call][SCRIPT]]
        section.goal(f"{call}: server processor time, in a pipeline", processor, limit, " µs")
    return section


_SHA = re.compile(rb"\r\n[0-9a-f]{40}\r\n")


def _table(samples: dict[str, dict[str, Samples]]) -> Table:
    table = Table(("", *KINDS, "call : bare script", "bare script : plain"))
    for call, of in samples.items():
        table.add(
            call,
            *(f"{1e6 * median(of[kind]):.2f} µs {spread(of[kind])}" for kind in KINDS),
            f"{ratio(of[SCRIPT], of[BARE]):.2f}",
            f"{ratio(of[BARE], of[PLAIN]):.2f}",
        )
    return table


def _templates(client: redis.Redis, library: dict[str, Callable[[New], bool]]) -> dict[str, Commands]:
    """Return the commands that the script of each call runs for the order with the id ORDER."""
    for call in CALLS:
        library[call](new_order("warm", 0))  # so that the server has the scripts
    templates: dict[str, Commands] = {}
    for call in CALLS:
        with client.monitor() as monitor:
            library[call](("ORDER", *new_order("warm", 1)[1:]))
            client.echo("over")
            templates[call] = []
            for seen in iter(monitor.connection.read_response, None):
                head, _, rest = seen.decode().partition('"')
                words = [word.replace('\\"', '"') for word in re.findall(r'"((?:[^"\\]|\\.)*)"', '"' + rest)]
                if words == ["ECHO", "over"]:
                    break
                if head.endswith("lua] "):
                    templates[call].append(words)
    return templates


def time_requests(server: MeasuredServer, connection: socket.socket, requests: list[bytes]) -> float:
    """Return the server's processor time for each of the requests, whose replies are all alike."""
    before = server.processor_seconds()
    connection.sendall(b"".join(requests))
    wanted = b"$1\r\ny\r\n" * len(requests)
    got = b""
    while len(got) < len(wanted):
        got += connection.recv(1 << 16)
    if got != wanted:
        raise RuntimeError(f"the server replied {got[:100]!r}")
    return (server.processor_seconds() - before) / len(requests)


def _plain_time(server: MeasuredServer, client: redis.Redis, requests: list[bytes]) -> float:
    """Return the server's processor time for all the requests."""
    connection = client.connection_pool.get_connection()
    before = server.processor_seconds()
    connection.send_packed_command([b"".join(requests)])
    for _ in requests:
        connection.read_response(disable_decoding=True)
    took = server.processor_seconds() - before
    client.connection_pool.release(connection)
    return took


def _bare_requests(client: redis.Redis, commands: Commands, orders: Sequence[New]) -> list[bytes]:
    """Return one request for each order, which runs the commands in a script that does nothing else."""
    arguments = {"ORDER": "ARGV[1]", "SEQUENCE": "ARGV[2]"}
    lines = []
    for command in commands:
        words = (arguments.get(_SEQUENCE.sub("SEQUENCE", word), json.dumps(word)) for word in command)
        lines.append(f"redis.call({', '.join(words)})")
    sha = client.script_load("\n".join((*lines, "return 'y'")))
    return [
        encode_command(("EVALSHA", sha, 0, order[0], _sequence(number)))
        for number, order in enumerate(orders)
    ]


def _for_order(command: list[str], order: New, number: int) -> list[str]:
    return [
        order[0] if word == "ORDER" else _sequence(number) if _SEQUENCE.fullmatch(word) else word
        for word in command
    ]


def _sequence(number: int) -> str:
    return str(1_700_000_000_000_000 + number)
