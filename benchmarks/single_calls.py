"""Single calls: place, pause, resume and cancel, in one process and in four."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import cores
from benchmarks.harness import Samples, Scale, Section, Table, Worker, per_second, ratio, ratios, spread
from benchmarks.peers import CALLS, BareSocket, EmptyScript, Library, OneSet, Peer, Postgresql, Sqlite, Watch
from benchmarks.servers import postgresql, redis_server

FLOOR = "redis-py, empty script"
SUBJECT = "this library"
GOALS = {"place": 1.15, "pause": 1.05, "resume": 1.05}

HOW = (
    "Calls a second, of all processes together. In brackets is the time of a call as a multiple of the "
    "floor. The floor is redis-py's own client, which sends an empty script without arguments. *Script of "
    "one SET* is the same client with a script that changes one key: the smallest possible change. *Bare "
    "socket* sends the library's own bytes, encoded before, and does not parse the replies. *WATCH* is the "
    "same contract with redis-py's optimistic transactions. Redis uses `deploy/redis.conf` (append-only "
    "file, `everysec`), PostgreSQL has `synchronous_commit=off`, and SQLite is in WAL mode with "
    "`synchronous=NORMAL`: none of them waits for the disk."
)


def run(scale: Scale) -> Section:
    section = Section("Single calls", HOW)
    with redis_server() as server, postgresql() as where, tempfile.TemporaryDirectory() as folder:
        if where is None:
            section.findings.append("PostgreSQL is not installed here, so its row is missing.")
        for transport, url in (("Unix socket", server.url), ("TCP", server.tcp_url)):
            for processes in (1, 4):
                peers: dict[str, tuple[Callable[..., Peer], str]] = {
                    FLOOR: (EmptyScript, url),
                    SUBJECT: (Library, url),
                    "redis-py, script of one SET": (OneSet, url),
                    "bare socket, same bytes": (BareSocket, url),
                    "redis-py, WATCH": (Watch, url),
                }
                if transport == "Unix socket":
                    if where:
                        peers["PostgreSQL"] = (Postgresql, where)
                    peers["SQLite"] = (Sqlite, str(Path(folder) / "orders.sqlite"))
                server.keep_to(cores.SERVER if processes == 1 else cores.ALL)
                times = _measure(peers, processes, scale)
                title = f"{transport}, {processes} process{'es' if processes > 1 else ''}"
                section.tables.append(_table(title, times))
                section.data[title] = times
                server.client().flushall()
    for transport in ("Unix socket", "TCP"):
        times = section.data[f"{transport}, 1 process"]
        for call, limit in GOALS.items():
            what = f"{call} over {transport}, one process, compared with the empty script"
            section.goal(what, ratios(times[SUBJECT][call], times[FLOOR][call]), limit)
    return section


def _measure(
    peers: dict[str, tuple[Callable[..., Peer], str]], processes: int, scale: Scale
) -> dict[str, dict[str, Samples]]:
    workers = {
        name: [
            Worker(make, number, where, to=cores.CLIENT if processes == 1 else cores.ALL)
            for number in range(processes)
        ]
        for name, (make, where) in peers.items()
    }
    for of_peer in workers.values():
        for worker in of_peer:
            worker.call("warm_up")
    # An order must be placed before it is paused. So a round has one kind of call after the other, and the
    # peers alternate within each kind.
    times: dict[str, dict[str, Samples]] = {name: {call: [] for call in CALLS} for name in peers}
    names = list(peers)
    for _ in range(scale.rounds):
        names.append(names.pop(0))
        for call in CALLS:
            for name in names:
                times[name][call].append(_time_of_a_call(workers[name], call, scale.calls))
    for of_peer in workers.values():
        for worker in of_peer:
            worker.close()
    return times


def _time_of_a_call(workers: list[Worker], call: str, number: int) -> float:
    for worker in workers:
        worker.ask("run", call, number)
    spans = [worker.answer() for worker in workers]
    took = max(ended for _, ended in spans) - min(began for began, _ in spans)
    return took / (number * len(workers))


def _table(title: str, times: dict[str, dict[str, Samples]]) -> Table:
    table = Table(("", *CALLS), title=title)
    for name, of_call in times.items():
        cells: list[str] = []
        for call in CALLS:
            multiple = ratio(of_call[call], times[FLOOR][call])
            cells.append(f"{per_second(of_call[call])} {spread(of_call[call])} ({multiple:.2f})")
        table.add(name, *cells)
    return table
