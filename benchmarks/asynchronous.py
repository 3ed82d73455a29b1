"""The async API with 1, 10 and 100 tasks, on asyncio and on uvloop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, NamedTuple

import redis.asyncio
import uvloop

from benchmarks import cores
from benchmarks.harness import HIREDIS, Samples, Scale, Section, Table, Worker, per_second, ratios, spread
from benchmarks.peers import CALLS, STREAMS, New, new_order
from benchmarks.servers import MeasuredServer, redis_server
from cryptoorders_redis import AsyncCryptoOrderSystem

FLOOR, SUBJECT = "redis-py, empty script", "this library"
SUBJECTS = (SUBJECT, FLOOR)
TASKS = (1, 10, 100)
LOOPS = ("asyncio", "uvloop")
GOALS = {"place": 2.0, "pause": 4.0}
PROCESSOR_GOAL = 5

HOW = (
    "One process and one event loop, over a Unix socket, append-only file on. The tasks share a set of "
    "orders and place them all, then pause, resume and cancel them. The peer is redis-py's asyncio "
    "client, which sends an empty script without arguments from the same number of tasks; it opens one "
    "connection for each task. *Times as many* is the number of calls in the same time. Processor time is "
    "that of all the process and of all the server, divided by the number of calls. One task shares a "
    "core with the server; more tasks have a core of their own."
)


class Cost(NamedTuple):
    """Of a call, in seconds."""

    time: float
    client: float
    server: float


class Loop:
    """Both subjects in one process and one event loop."""

    def __init__(self, url: str, loop: str) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None)
        self._runner.run(self._open(url))

    async def _open(self, url: str) -> None:
        self._system = AsyncCryptoOrderSystem(STREAMS, url=url)
        self._client = redis.asyncio.Redis.from_url(url)
        self._sha = await self._client.script_load("return 1")

    def run(
        self, subject: str, call: str, tasks: int, calls: int, whose: str = "async"
    ) -> tuple[float, float, float]:
        """Return the clock before and after, and the processor time of this process."""
        orders = [new_order(whose, number) for number in range(calls)]
        return self._runner.run(self._run(self._call(subject, call), tasks, orders))

    def _call(self, subject: str, name: str) -> Callable[[New], Awaitable[Any]]:
        if subject == FLOOR:
            return lambda _: self._client.evalsha(self._sha, 0)
        method = getattr(self._system, name)
        return (lambda order: method(*order)) if name == "place" else (lambda order: method(order[0]))

    @staticmethod
    async def _run(
        call: Callable[[New], Awaitable[Any]], tasks: int, orders: list[New]
    ) -> tuple[float, float, float]:
        async def task(number: int) -> bool:
            return all([await call(order) for order in orders[number::tasks]])

        began, processor = time.perf_counter(), time.process_time()
        answers = await asyncio.gather(*map(task, range(tasks)))
        ended, processor = time.perf_counter(), time.process_time() - processor
        if not all(answers):
            raise RuntimeError("a measured call answered False: it must change its order")
        return began, ended, processor


def run(scale: Scale) -> Section:
    section = Section("The async API", HOW)
    for loop in LOOPS:
        for hiredis, leg in HIREDIS.items():
            # A server for each leg, so that no leg finds sessions and connections of another.
            with redis_server() as server:
                worker = Worker(Loop, server.url, loop, hiredis=hiredis)
                costs = {tasks: _measure(worker, server, tasks, scale) for tasks in TASKS}
                worker.close()
            section.tables.append(_table(f"{loop}, {leg}", costs))
            section.data[f"{loop}, {leg}"] = costs
            if loop == "uvloop":
                _set_goals(section, leg, costs[TASKS[-1]])
    at_best = section.data[f"uvloop, {HIREDIS[True]}"][TASKS[-1]]
    for call in ("pause", "place"):
        section.number(
            f"{call}s a second, one async process with {TASKS[-1]} tasks",
            per_second(_times(at_best[SUBJECT][call])),
            FLOOR,
            per_second(_times(at_best[FLOOR][call])),
        )
    return section


Costs = dict[str, dict[str, list[Cost]]]
"""By subject and call, one for each round."""


def _measure(worker: Worker, server: MeasuredServer, tasks: int, scale: Scale) -> Costs:
    calls = 8 * scale.calls
    server.keep_to(cores.CLIENT if tasks == 1 else cores.SERVER)
    costs: Costs = {subject: {call: [] for call in CALLS} for subject in SUBJECTS}
    for number in range(-1, max(scale.rounds * 2 // 3, 3)):
        for call in CALLS:
            for subject in SUBJECTS if number % 2 else SUBJECTS[::-1]:
                before = server.processor_seconds()
                began, ended, client = worker.call("run", subject, call, tasks, calls)
                in_server = server.processor_seconds() - before
                if number >= 0:
                    each = Cost((ended - began) / calls, client / calls, in_server / calls)
                    costs[subject][call].append(each)
    return costs


def _times(costs: list[Cost]) -> Samples:
    return [cost.time for cost in costs]


def _table(title: str, costs: dict[int, Costs]) -> Table:
    table = Table(
        (
            "tasks, call", "calls a second", "the peer's", "times as many",
            "processor time, client", "server", "the peer's client",
        ),
        title=title,
    )  # fmt: skip
    for tasks, of_subject in costs.items():
        for call in CALLS:
            ours, theirs = of_subject[SUBJECT][call], of_subject[FLOOR][call]
            table.add(
                f"{tasks}, {call}",
                f"{per_second(_times(ours))} {spread(_times(ours))}",
                f"{per_second(_times(theirs))} {spread(_times(theirs))}",
                f"{median(ratios(_times(theirs), _times(ours))):.2f}",
                f"{1e6 * median(cost.client for cost in ours):.1f} µs",
                f"{1e6 * median(cost.server for cost in ours):.1f} µs",
                f"{1e6 * median(cost.client for cost in theirs):.1f} µs",
            )
    return table


def _set_goals(section: Section, leg: str, costs: Costs) -> None:
    where = f"{TASKS[-1]} tasks, uvloop {leg}"
    for call, limit in GOALS.items():
        times = ratios(_times(costs[FLOOR][call]), _times(costs[SUBJECT][call]))
        section.goal(f"{call}, {where}: times as many calls as the empty script", times, limit, at_least=True)
    for call in ("place", "pause", "cancel"):
        processor = [1e6 * cost.client for cost in costs[SUBJECT][call]]
        section.goal(f"{call}, {where}: client processor time", processor, PROCESSOR_GOAL, " µs")
