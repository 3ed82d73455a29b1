"""Other processes that share a store with the test."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from tests.support.servers import REPOSITORY


class Process:
    """A running worker.py."""

    def __init__(self, url: str, namespace: str, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker", url, namespace, name],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": str(sum(name.encode()))},
        )

    def start(self, call: str, *arguments: Any) -> None:
        self._process.stdin.write(json.dumps([call, *arguments]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        line = self._process.stdout.readline()
        assert line, f"worker {self.name} failed; its error is above"
        return json.loads(line)

    def run(self, call: str, *arguments: Any) -> Any:
        self.start(call, *arguments)
        return self.answer()

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()


@contextlib.contextmanager
def processes(url: str, namespace: str, names: Sequence[str]) -> Iterator[list[Process]]:
    """Workers that are ready, each with another PYTHONHASHSEED."""
    with contextlib.ExitStack() as stack:
        workers = []
        for name in names:
            workers.append(Process(url, namespace, name))
            stack.callback(workers[-1].end)
        for worker in workers:
            assert worker.answer() == "ready"
        yield workers


def at_once(workers: Sequence[Process], call: str, *arguments: Any) -> list[Any]:
    """What all of them answer when they do it at the same time."""
    for worker in workers:
        worker.start(call, *arguments)
    return [worker.answer() for worker in workers]
