"""Starts processes of caller.py, and keeps the history of their calls."""

import contextlib
import json
import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.caller import WEIGHTS
from tests.support.linearizability import UNKNOWN, Call
from tests.support.processes import PythonProcess

NOTHING_DONE = "NOTHING DONE"


class Caller:
    """A running caller.py.

    Args:
        orders: the users and order ids that it uses in its calls.
        operations: the calls that it makes.
        lua: a folder of scripts that replaces the library's.
    """

    def __init__(
        self,
        url: str,
        namespace: str,
        orders: Mapping[str, Sequence[str]],
        *,
        seed: int = 0,
        calls: int = 1_000_000,
        deadline_seconds: float = 60,
        operations: Sequence[str] = tuple(WEIGHTS),
        lua: Path | None = None,
    ) -> None:
        options = {
            "url": url, "namespace": namespace, "orders": orders, "seed": seed, "calls": calls,
            "deadline_seconds": deadline_seconds, "lua": lua and str(lua),
            "operations": operations,
        }  # fmt: skip
        self.calls: list[Call] = []
        """In the order of the calls. The last one has an unknown outcome if the process was killed in it."""
        self._ended = False
        self._changed = threading.Condition()
        self._process = PythonProcess("tests.support.caller", json.dumps(options), hash_seed=seed)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, more_calls: int) -> None:
        """Wait until it has made this number of further calls."""
        self.wait_until(len(self.calls) + more_calls)

    def wait_until(self, calls: int) -> None:
        """Wait until it has made this number of calls in all."""
        with self._changed:
            reached = self._changed.wait_for(lambda: len(self.calls) >= calls or self._ended, timeout=60)
        assert reached, "a caller made no call for a minute"
        assert len(self.calls) >= calls, "a caller ended too early; its error is above"

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._close()

    def stop(self) -> None:
        """Let it finish the call that it is in."""
        self._process.close_input()
        self.finish()

    def finish(self) -> None:
        """Wait until it has made all its calls."""
        assert self._close() == 0, "a caller failed; its error is above"

    def _close(self) -> int:
        self._reader.join()
        return self._process.end()

    def _read(self) -> None:
        with contextlib.suppress(EOFError):
            while True:
                begin, operation, *arguments = self._process.receive()
                end, answer = math.inf, UNKNOWN
                with contextlib.suppress(EOFError):
                    end, answer = self._process.receive()
                if answer == UNKNOWN:
                    end = math.inf
                if answer != NOTHING_DONE:
                    self.calls.append(Call(operation, tuple(arguments), begin, end, answer))
                    self._tell()
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()
