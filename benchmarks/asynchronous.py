"""The async API with 1, 10 and 100 tasks, on asyncio and on uvloop."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import redis.asyncio
import uvloop

from benchmarks.harness import Samples, Scale, Section, Table, Worker, per_second, ratio, spread
from benchmarks.servers import redis_server
from cryptoorders_redis import AsyncCryptoOrderSystem

FLOOR, SUBJECT = "redis-py, empty script", "this library"
TASKS = (1, 10, 100)

HOW = (
    "Calls a second in one process and one event loop, over a Unix socket. Each task repeatedly pauses "
    "and resumes one order. The peer is redis-py's asyncio client, which sends an empty script from the "
    "same number of tasks. The library uses one connection; the peer opens one for each task."
)


class Loop:
    """Both subjects in one process and one event loop."""

    def __init__(self, url: str, loop: str) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None)
        self._runner.run(self._open(url))

    async def _open(self, url: str) -> None:
        self._system = AsyncCryptoOrderSystem(8, url=url)
        self._client = redis.asyncio.Redis.from_url(url)
        self._sha = await self._client.script_load("return 1")
        for number in range(max(TASKS)):
            await self._system.place(f"order{number}", f"user{number}", "BTC", "0.5", 60_000)

    def run(self, subject: str, tasks: int, calls: int) -> float:
        """Return seconds a call."""
        return self._runner.run(self._run(subject, tasks, max(calls // tasks // 2, 1)))

    async def _run(self, subject: str, tasks: int, pairs: int) -> float:
        async def library(number: int) -> None:
            order_id = f"order{number}"
            for _ in range(pairs):
                await self._system.pause(order_id)
                await self._system.resume(order_id)

        async def peer(_: int) -> None:
            for _ in range(pairs):
                await self._client.evalsha(self._sha, 0)
                await self._client.evalsha(self._sha, 0)

        task: Callable[[int], Awaitable[None]] = library if subject == SUBJECT else peer
        began = time.perf_counter()
        await asyncio.gather(*map(task, range(tasks)))
        return (time.perf_counter() - began) / (2 * pairs * tasks)


def run(scale: Scale) -> Section:
    section = Section("The async API", HOW)
    with redis_server() as server:
        for loop in ("asyncio", "uvloop"):
            worker = Worker(Loop, server.url, loop)
            table = Table(("tasks", SUBJECT, FLOOR, "time, ours : theirs"), title=loop)
            for tasks in TASKS:
                samples: dict[str, Samples] = {SUBJECT: [], FLOOR: []}
                names = list(samples)
                for subject in names:
                    worker.call("run", subject, tasks, 400)
                for _ in range(scale.rounds):
                    names.reverse()
                    for subject in names:
                        samples[subject].append(worker.call("run", subject, tasks, 4 * scale.calls))
                table.add(
                    str(tasks),
                    *(f"{per_second(samples[name])} {spread(samples[name])}" for name in (SUBJECT, FLOOR)),
                    f"{ratio(samples[SUBJECT], samples[FLOOR]):.2f}",
                )
            section.tables.append(table)
            worker.close()
    return section
