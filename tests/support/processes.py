"""Other Python processes, which tests and benchmarks start and talk to in lines of JSON."""

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.support.servers import REPOSITORY


class PythonProcess:
    """A running `python -m MODULE`. Its error output is that of the test."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        hash_seed: int | None = None,
        strict: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`strict`: whether a warning is an error in it, as in the tests themselves."""
        seed = {} if hash_seed is None else {"PYTHONHASHSEED": str(hash_seed)}
        self._process = subprocess.Popen(
            [sys.executable, *(("-W", "error") if strict else ()), "-m", module, *arguments],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **seed, **(environment or {})},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def send(self, value: Any) -> None:
        self._input.write(json.dumps(value).encode() + b"\n")
        self._input.flush()

    def receive(self) -> Any:
        """Return the value of the next line. The end of the output, also within a line, is an EOFError."""
        line = self._output.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the process has ended; its error is above")
        return json.loads(line)

    def close_input(self) -> None:
        self._input.close()

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()

    def has_sent(self) -> bool:
        """Whether the next line has begun to arrive, or the output has ended."""
        return bool(select.select([self._output], [], [], 0)[0])

    def end(self) -> int:
        """Close its input, wait until it has ended, and return its exit code."""
        self.close_input()
        code = self._process.wait(timeout=60)
        self._output.close()
        return code


class Worker:
    """An object in a process of its own, whose methods are called from here."""

    def __init__(
        self,
        make: Callable[..., object],
        *arguments: Any,
        hash_seed: int | None = None,
        strict: bool = True,
        environment: Mapping[str, str] | None = None,
        **named: Any,
    ) -> None:
        """`make`: the object's class. Its arguments must be JSON, as those of its methods must be."""
        name = f"{make.__module__}:{make.__qualname__}"
        self._process = PythonProcess(
            "tests.support.worker",
            name,
            json.dumps([arguments, named]),
            hash_seed=hash_seed,
            strict=strict,
            environment=environment,
        )

    def ask(self, method: str, *arguments: Any) -> None:
        """Have a method called, and do not wait for its answer."""
        self._process.send([method, *arguments])

    def answer(self) -> Any:
        """Wait for the method to return, and return its answer. A tuple comes as a list."""
        worked, answer = self._process.receive()
        if not worked:
            raise RuntimeError(f"a worker failed:\n{answer}")
        return answer

    def has_answered(self) -> bool:
        """Whether `answer` need not wait. Asked for one call at a time."""
        return self._process.has_sent()

    def call(self, method: str, *arguments: Any) -> Any:
        self.ask(method, *arguments)
        return self.answer()

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.end()

    def close(self) -> None:
        """Let it finish the call that it is in, and end without closing the object."""
        self._process.end()


@contextlib.contextmanager
def ready(workers: Sequence[Worker]) -> Iterator[Sequence[Worker]]:
    """Wait until the object of each worker is made; close the workers afterwards."""
    try:
        at_once(workers, "")
        yield workers
    finally:
        for worker in workers:
            worker.close()


def at_once(workers: Sequence[Worker], method: str, *arguments: Any) -> list[Any]:
    """Have all of them do it at the same time, and return their answers."""
    for worker in workers:
        worker.ask(method, *arguments)
    return [worker.answer() for worker in workers]
