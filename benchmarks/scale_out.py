"""Two servers with a store each, and a process for each store, compared with one server and one process."""

from contextlib import ExitStack
from statistics import median

from benchmarks import cores
from benchmarks.asynchronous import SUBJECT, Loop
from benchmarks.harness import HIREDIS, Samples, Scale, Section, Table, Worker, ratios, spread
from benchmarks.peers import CALLS
from benchmarks.servers import redis_server

TASKS = 100

HOW = (
    "Each process has a store of its own on a server of its own, and makes calls from 100 tasks on "
    f"uvloop, {HIREDIS[True]}, append-only file on. All processes begin together; the time is that from "
    "the first beginning to the last end. With one server and one process, each has its own core. Two of "
    "each share all cores. So the number of cores is the limit of this comparison: on two cores, what the "
    "busier of client and server leaves idle is all that can be gained."
)


def run(scale: Scale) -> Section:
    section = Section("Two servers", HOW)
    calls = 20 * scale.calls
    with ExitStack() as stack:
        servers = [stack.enter_context(redis_server()) for _ in range(2)]
        alone = [Worker(Loop, servers[0].url, "uvloop", hiredis=True)]
        both = [Worker(Loop, server.url, "uvloop", hiredis=True, to=cores.ALL) for server in servers]
        rates: dict[int, dict[str, Samples]] = {
            1: {call: [] for call in CALLS},
            2: {call: [] for call in CALLS},
        }
        for number in range(-1, scale.rounds):
            for workers in (alone, both):
                for server in servers:
                    server.keep_to(cores.SERVER if workers is alone else cores.ALL)
                for call in CALLS:
                    rate = _calls_a_second(workers, call, calls)
                    if number >= 0:
                        rates[len(workers)][call].append(rate)
        for worker in (*alone, *both):
            worker.close()
    table = Table(("", "1 server, 1 process", "2 servers, 2 processes", "times as many"))
    for call in CALLS:
        table.add(
            call,
            *(f"{1e-3 * median(rates[n][call]):.1f} k {spread(rates[n][call])}" for n in (1, 2)),
            f"{median(ratios(rates[2][call], rates[1][call])):.2f}",
        )
        what = f"{call}, two servers and two processes: times as many calls as with one of each"
        section.goal(what, ratios(rates[2][call], rates[1][call]), 1.5, at_least=True)
    section.tables.append(table)
    return section


def _calls_a_second(workers: list[Worker], call: str, calls: int) -> float:
    for worker in workers:
        worker.ask("run", SUBJECT, call, TASKS, calls)
    spans = [worker.answer() for worker in workers]
    took = max(ended for _, ended, _ in spans) - min(began for began, _, _ in spans)
    return calls * len(workers) / took
