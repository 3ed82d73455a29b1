"""What a call costs the server, compared with the same commands without a script."""

import json
import re
import socket
from collections.abc import Callable, Sequence
from statistics import median

import redis

from benchmarks.harness import Samples, Scale, Section, Table, ratio, ratios, spread
from benchmarks.peers import CALLS, New, call_of, new_order
from benchmarks.recording import forget_answers, recorded
from benchmarks.servers import redis_server
from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.transport.resp import encode_command

HOW = (
    "Microseconds that the server spends in the command, measured by its own `INFO commandstats`. Reading "
    "the request and writing the reply do not count, on either side. *All its commands, plain* are the "
    "commands that the script runs, as `MONITOR` shows them, sent without a script. The script costs more, "
    "and saves the client all round trips except one. *In a bare script* runs the same commands in Lua and "
    "does nothing else: no condition, and no argument except the id. This is the cost of the server's Lua, "
    "independent of how a script is written. *In a row* sends one pipeline on both sides. *One by one* waits "
    "for each reply, so that the server falls asleep between two commands. *Its writes alone* leaves out the "
    "reads of duplicate, live order, config, clock and last answer: a client that checks nothing would "
    "send only these writes."
)

READS = {"GET", "HGET", "HEXISTS", "EXISTS", "SISMEMBER", "TIME", "HMGET", "ZSCORE", "HSTRLEN"}
SCRIPT, BARE = "script", "all its commands, in a bare script"
ALL, WRITES = "all its commands, plain", "its writes alone, plain"
KINDS = (SCRIPT, BARE, ALL, WRITES)

IN_A_ROW, ONE_BY_ONE = "in a row", "one by one"

_SEQUENCE = re.compile(r"\b\d{16}\b")

Commands = list[list[str]]


def run(scale: Scale) -> Section:
    section = Section("Server time", HOW)
    with redis_server() as server, server.client() as client, CryptoOrderSystem(8, url=server.url) as system:
        templates = _templates(client, {call: call_of(system, call) for call in CALLS})
        orders = [new_order("a", n) for n in range(scale.calls)]
        requests, sessions, connection = recorded(server.url, 8, orders)
        for way in (IN_A_ROW, ONE_BY_ONE):
            samples: dict[str, dict[str, Samples]] = {call: {kind: [] for kind in KINDS} for call in CALLS}
            for _ in range(scale.rounds):
                forget_answers(client, sessions)
                for call in CALLS:
                    samples[call][SCRIPT].append(_script(client, connection, requests[call], way))
                for call in CALLS:
                    bare = _bare_requests(client, templates[call], orders)
                    samples[call][BARE].append(_script(client, connection, bare, way))
                for kind in (ALL, WRITES):
                    for call in CALLS:
                        commands = [c for c in templates[call] if kind == ALL or c[0].upper() not in READS]
                        samples[call][kind].append(_plain(client, commands, orders, way))
            section.tables.append(_table(way, samples))
            if way == IN_A_ROW:
                for call in CALLS:
                    of = samples[call]
                    what = f"server time of {call}, compared with the same commands in a row"
                    section.goal(what, ratios(of[SCRIPT], of[ALL]), 1.5)
    return section


def _table(way: str, samples: dict[str, dict[str, Samples]]) -> Table:
    table = Table(("", *KINDS, "script : bare", "script : all", "script : writes"), title=way)
    for call, of in samples.items():
        table.add(
            call,
            *(f"{median(of[kind]):.2f} µs {spread(of[kind])}" for kind in KINDS),
            *(f"{ratio(of[SCRIPT], of[kind]):.2f}" for kind in (BARE, ALL, WRITES)),
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


def _script(client: redis.Redis, connection: socket.socket, requests: list[bytes], way: str) -> float:
    client.config_resetstat()
    batches = [b"".join(requests)] if way == IN_A_ROW else requests
    for batch in batches:
        connection.sendall(batch)
        wanted = b"$1\r\ny\r\n" * (len(requests) // len(batches))
        got = b""
        while len(got) < len(wanted):
            got += connection.recv(1 << 16)
        if got != wanted:
            raise RuntimeError(f"the server replied {got[:100]!r}")
    return client.info("commandstats")["cmdstat_evalsha"]["usec"] / len(requests)


def _bare_requests(client: redis.Redis, commands: Commands, orders: Sequence[New]) -> list[bytes]:
    """Return one request for each order, which runs the commands in a script that does nothing else."""
    arguments = {"ORDER": "ARGV[1]", "SEQUENCE": "ARGV[2]"}
    lines = []
    for command in commands:
        words = (arguments.get(_SEQUENCE.sub("SEQUENCE", word), json.dumps(word)) for word in command)
        lines.append(f"redis.call({', '.join(words)})")
    sha = client.script_load("\n".join((*lines, "return 1")))
    return [
        encode_command(("EVALSHA", sha, 0, order[0], _sequence(number)))
        for number, order in enumerate(orders)
    ]


def _plain(client: redis.Redis, commands: Commands, orders: Sequence[New], way: str) -> float:
    numbered = [_for_order(command, order, n) for n, order in enumerate(orders) for command in commands]
    client.config_resetstat()
    if way == IN_A_ROW:
        pipe = client.pipeline(transaction=False)
        for command in numbered:
            pipe.execute_command(*command)
        pipe.execute()
    else:
        for command in numbered:
            client.execute_command(*command)
    stats = client.info("commandstats")
    names = {f"cmdstat_{command[0].lower()}" for command in commands}
    return sum(stats[name]["usec"] for name in names) / len(orders)


def _for_order(command: list[str], order: New, number: int) -> list[str]:
    return [
        order[0] if word == "ORDER" else _sequence(number) if _SEQUENCE.fullmatch(word) else word
        for word in command
    ]


def _sequence(number: int) -> str:
    return str(1_700_000_000_000_000 + number)
