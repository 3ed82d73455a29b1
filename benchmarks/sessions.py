"""What it costs to run a call once that is sent twice: the library with and without kept answers."""

import shutil
import tempfile
from pathlib import Path

from benchmarks.harness import Samples, Scale, Section, Table, Worker, micros, ratio, ratios
from benchmarks.peers import CALLS, Library
from benchmarks.servers import redis_server

HOW = (
    "The same calls on the same server in two ways: unchanged, and with a `lua/include/session.lua` that "
    "does nothing, so that the server keeps no answers."
)

AS_IT_IS, NO_SCRIPT = "unchanged", "without the server's part"

_DOES_NOTHING = """
local function answer(_, _, _, reply) return reply end
local function answer_without_change(_, _, _, config, epoch)
  if epoch and redis.call('HGET', config, 'epoch') ~= epoch then
    return 'STALE'
  end
end
"""


class WithoutTheServersPart(Library):
    def __init__(self, process: int, url: str) -> None:
        _use_scripts(_DOES_NOTHING)
        super().__init__(process, url)


def run(scale: Scale) -> Section:
    section = Section("Request numbers", HOW)
    with redis_server() as server:
        makes = {AS_IT_IS: Library, NO_SCRIPT: WithoutTheServersPart}
        workers = {name: Worker(make, 0, server.url) for name, make in makes.items()}
        for worker in workers.values():
            worker.call("warm_up")
        times: dict[str, dict[str, Samples]] = {name: {call: [] for call in CALLS} for name in workers}
        names = list(workers)
        for _ in range(scale.rounds):
            names.append(names.pop(0))
            for call in CALLS:
                for name in names:
                    began, ended = workers[name].call("run", call, scale.calls)
                    times[name][call].append((ended - began) / scale.calls)
        for worker in workers.values():
            worker.close()
    table = Table(("", *CALLS))
    for name, of_call in times.items():
        table.add(name, *(micros(of_call[call]) for call in CALLS))
    table.add(
        f"{AS_IT_IS} : {NO_SCRIPT}",
        *(f"{ratio(times[AS_IT_IS][call], times[NO_SCRIPT][call]):.2f}" for call in CALLS),
    )
    section.tables.append(table)
    for call in CALLS:
        section.goal(
            f"{call}, compared with itself {NO_SCRIPT}",
            ratios(times[AS_IT_IS][call], times[NO_SCRIPT][call]),
            1.10,
        )
    return section


def _use_scripts(session: str) -> None:
    """Let this process use a copy of lua/ with another include/session.lua."""
    from cryptoorders_redis.schema import scripts

    folder = Path(tempfile.mkdtemp(prefix="bench-")) / "lua"
    shutil.copytree(scripts._folder(), folder)  # noqa: SLF001
    (folder / "include" / "session.lua").write_text(session)
    scripts._folder = lambda: folder  # noqa: SLF001
