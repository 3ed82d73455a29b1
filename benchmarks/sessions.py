"""What request numbers cost, which let a call that is sent twice run once: the library with and without."""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Samples, Scale, Section, Table, Worker, micros, ratio, ratios
from benchmarks.peers import CALLS, Library
from benchmarks.servers import redis_server

HOW = (
    "The same calls on the same server in three ways: unchanged; with a `lua/include/session.lua` that does "
    "nothing; and without request numbers, so that none is made, sent or read."
)

AS_IT_IS, NO_SCRIPT, NOTHING = "unchanged", "without the server's part", "without request numbers"

_DOES_NOTHING = """
local function answered() end
local function answer(_, _, _, reply) return reply end
"""

_NEITHER_TOLD = "local sessions, session, request_number\n"
"""The names that scripts use, for when no client sends their values."""


class WithoutTheServersPart(Library):
    def __init__(self, process: int, url: str) -> None:
        _use_scripts(_DOES_NOTHING)
        super().__init__(process, url)


class WithoutAnyOfIt(Library):
    def __init__(self, process: int, url: str) -> None:
        from cryptoorders_redis.operations import Call, standalone

        _use_scripts(_NEITHER_TOLD + _DOES_NOTHING, _without_sessions)
        # A call that names no changes gets no session.
        standalone.Call = lambda script, keys, args, changes=(): Call(script, keys, args)  # noqa: ARG005
        super().__init__(process, url)


def run(scale: Scale) -> Section:
    section = Section("Request numbers", HOW)
    with redis_server() as server:
        makes = {AS_IT_IS: Library, NO_SCRIPT: WithoutTheServersPart, NOTHING: WithoutAnyOfIt}
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
    for name in (NO_SCRIPT, NOTHING):
        table.add(
            f"{AS_IT_IS} : {name}",
            *(f"{ratio(times[AS_IT_IS][call], times[name][call]):.2f}" for call in CALLS),
        )
    section.tables.append(table)
    for call in CALLS:
        section.goal(
            f"{call}, compared with itself {NO_SCRIPT}",
            ratios(times[AS_IT_IS][call], times[NO_SCRIPT][call]),
            1.10,
        )
    return section


def _use_scripts(session: str, change: Callable[[str], str] = str) -> None:
    """Let this process use a copy of lua/ with another include/session.lua and with changed scripts."""
    from cryptoorders_redis.schema import scripts

    folder = Path(tempfile.mkdtemp(prefix="bench-")) / "lua"
    shutil.copytree(scripts._folder(), folder)  # noqa: SLF001
    for path in folder.glob("*.lua"):
        path.write_text(change(path.read_text()))
    (folder / "include" / "session.lua").write_text(session)
    scripts._folder = lambda: folder  # noqa: SLF001


def _without_sessions(text: str) -> str:
    """Return the script without the arguments session and request number."""
    if 'include "session"' not in text:
        return text
    for told, left in (
        (r"^local sessions, ", "local "),
        (r"^local session, request_number, ", "local "),
        (r"^local (session|request_number) = table.remove\(ARGV, 1\)\n", ""),
    ):
        text = re.sub(told, left, text, flags=re.MULTILINE)
    return text
