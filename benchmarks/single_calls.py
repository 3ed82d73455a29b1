"""Single calls that block: place, pause, resume and cancel, in one process and in four."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks import cores
from benchmarks.harness import (
    HIREDIS,
    Samples,
    Scale,
    Section,
    Table,
    Worker,
    per_second,
    ratio,
    ratios,
    spread,
)
from benchmarks.peers import CALLS, EmptyScript, Library, Peer, Postgresql, Sqlite, Watch
from benchmarks.servers import postgresql, redis_server

FLOOR, SUBJECT = "redis-py, empty script", "this library"
WATCH, POSTGRESQL, SQLITE = "redis-py, WATCH", "PostgreSQL", "SQLite"
PROCESSES = (1, 4)
GOALS = {
    False: {"place": 1.15, "pause": 0.85, "cancel": 0.95},
    True: {"place": 1.3, "pause": 0.9, "cancel": 1.0},
}
POSTGRESQL_GOAL = 0.8

HOW = (
    "Calls a second, of all processes together, over a Unix socket. In brackets is the time of a call as "
    "a multiple of the floor. The floor is redis-py's own client, which sends an empty script without "
    "arguments. *WATCH* is the same contract with redis-py's optimistic transactions. Redis uses "
    "`deploy/redis.conf` (append-only file, `everysec`), PostgreSQL has `synchronous_commit=off`, and "
    "SQLite is in WAL mode with `synchronous=NORMAL`: none of them waits for the disk."
)


def title_of(processes: int, *, hiredis: bool) -> str:
    return f"{processes} process{'es' if processes > 1 else ''}, {HIREDIS[hiredis]}"


def run(scale: Scale) -> Section:
    section = Section("Single calls that block", HOW)
    with redis_server() as server, postgresql() as where, tempfile.TemporaryDirectory() as folder:
        if where is None:
            section.findings.append("PostgreSQL is not installed here, so its row is missing.")
        peers: dict[str, tuple[Callable[..., Peer], str]] = {
            FLOOR: (EmptyScript, server.url),
            SUBJECT: (Library, server.url),
            WATCH: (Watch, server.url),
            **({POSTGRESQL: (Postgresql, where)} if where else {}),
            SQLITE: (Sqlite, str(Path(folder) / "orders.sqlite")),
        }
        for processes in PROCESSES:
            server.keep_to(cores.CLIENT if processes == 1 else cores.ALL)
            for hiredis in HIREDIS:
                times = _measure(peers, processes, scale, hiredis=hiredis)
                title = title_of(processes, hiredis=hiredis)
                section.tables.append(_table(title, times))
                section.data[title] = times
                _set_goals(section, title, times, None if processes > 1 else GOALS[hiredis])
    _set_numbers(section)
    return section


def _measure(
    peers: dict[str, tuple[Callable[..., Peer], str]], processes: int, scale: Scale, *, hiredis: bool
) -> dict[str, dict[str, Samples]]:
    to = cores.CLIENT if processes == 1 else cores.ALL
    workers = {
        name: [Worker(make, number, where, to=to, hiredis=hiredis) for number in range(processes)]
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


def _set_goals(
    section: Section,
    title: str,
    times: dict[str, dict[str, Samples]],
    limits: dict[str, float] | None,
) -> None:
    """`limits`: those of one process, compared with the empty script. Four are compared with PostgreSQL."""
    peer = FLOOR if limits else POSTGRESQL
    if peer not in times:
        return
    for call, limit in (limits or dict.fromkeys(CALLS, POSTGRESQL_GOAL)).items():
        of_peer = ratios(times[SUBJECT][call], times[peer][call])
        section.goal(f"{call}, {title}: time of a call, compared with {peer}", of_peer, limit)


def _set_numbers(section: Section) -> None:
    one, four = (section.data[title_of(processes, hiredis=True)] for processes in PROCESSES)
    for times, call, where, peer in (
        (one, "place", "one process that blocks", FLOOR),
        (one, "pause", "one process that blocks", SQLITE),
        (four, "place", "four processes that block", POSTGRESQL),
    ):
        if peer in times:
            section.number(
                f"{call}s a second, {where}",
                per_second(times[SUBJECT][call]),
                peer,
                per_second(times[peer][call]),
            )
    faster = [median(one[SUBJECT][call]) / median(one[SQLITE][call]) for call in CALLS]
    section.findings.append(
        "SQLite works inside the process of its caller, and one process alone has no round trip to pay. It "
        "then makes this multiple of the library's calls: "
        + ", ".join(f"{call} {times:.1f}" for call, times in zip(CALLS, faster, strict=True))
        + ". It stays on one machine."
    )
