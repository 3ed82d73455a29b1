"""Decides which core does what, because chance would otherwise decide the result.

A client that waits for each reply shares one core with its server: they work alternately, and to wake another
core can take longer than a call. Where client and server work at the same time, each has its own core.
Without this, one round can take three times as long as the next.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SUPPORTED = hasattr(os, "sched_setaffinity") and hasattr(os, "SCHED_IDLE")
_VARIABLE = "BENCHMARK_CORES"
"""Tells a process that was started on some of the cores which cores there are."""

if _SUPPORTED:
    os.environ.setdefault(_VARIABLE, " ".join(map(str, os.sched_getaffinity(0))))
ALL = set(map(int, os.environ.get(_VARIABLE, "0").split()))
CLIENT, SERVER = {min(ALL)}, {max(ALL)}
"""The cores of a client and of a server that works at the same time: different ones if there are two."""


@contextmanager
def kept_to(cores: set[int]) -> Iterator[None]:
    """Keep this process, and the processes that it starts in the block, to these cores."""
    if not _SUPPORTED:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def keep(process: int, cores: set[int]) -> None:
    """Keep a running process to these cores."""
    if _SUPPORTED:
        os.sched_setaffinity(process, cores)


def keep_with_this_process(server: int) -> None:
    """Keep the process of a server to the cores of this process."""
    if _SUPPORTED:
        keep(server, os.sched_getaffinity(0))


@contextmanager
def kept_awake() -> Iterator[None]:
    """Keep each core busy with work that has the lowest priority.

    Not while PostgreSQL is measured: each of its processes is a session, and so a scheduling group of its
    own. Against another group this work counts in full, and made PostgreSQL three times slower.
    """
    spinning: list[subprocess.Popen[bytes]] = []
    try:
        for core in ALL if _SUPPORTED else ():
            with kept_to({core}):
                spinning.append(subprocess.Popen([sys.executable, "-c", _SPIN]))
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


_SPIN = """
import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""
