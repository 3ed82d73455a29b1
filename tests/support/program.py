"""Runs the program `cryptoorders` as a person or a script does."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

MODULE = (sys.executable, "-m", "cryptoorders_redis")
SCRIPT = (str(Path(sys.executable).parent / "cryptoorders"),)


def write_input(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin
    process.stdin.write(data)
    process.stdin.flush()


def answered(result: Any, exit_code: int, stdout: str) -> bool:
    """Return whether a command ended with this exit code and output."""
    return (result.exit_code, result.stdout) == (exit_code, stdout)


class Program:
    """Runs commands on one namespace of a store."""

    def __init__(self, url: str, namespace: str) -> None:
        self.environment = {
            **os.environ,
            "CRYPTOORDERS_URL": url,
            "CRYPTOORDERS_NAMESPACE": namespace,
            "TERM": "xterm",
            "COLUMNS": "120",
        }
        # LINES would override the terminal's height. PYTHONUNBUFFERED would hide output that is not flushed.
        for variable in ("LINES", "PYTHONUNBUFFERED"):
            self.environment.pop(variable, None)

    def run(
        self, *arguments: str, stdin: bytes = b"", program=MODULE, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*program, *arguments],
            input=stdin,
            check=False,
            capture_output=True,
            env=self.environment,
            timeout=timeout,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command. The test writes its input while it runs."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*MODULE, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=self.environment
        )

    def on_a_terminal(self, *arguments: str) -> tuple[int, str]:
        """Run a command on a terminal; return its exit code and all its output."""
        with self.terminal(*arguments) as terminal:
            shown = terminal.read_to_end()
        return terminal.process.returncode, shown

    def terminal(self, *arguments: str, rows: int = 50) -> "Terminal":
        """Start a command on a terminal. The test reads its output while it runs."""
        return Terminal([*MODULE, *arguments], self.environment, rows)


class Terminal:
    """A terminal with its keyboard, and the command that runs on it."""

    def __init__(self, command: list[str], environment: dict[str, str], rows: int) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (rows, int(environment["COLUMNS"])))

        # The first process of a new session opens the terminal and so owns it: Ctrl-C reaches it.
        on_it = 'exec "$@" <>"$0" >&0 2>&0'
        self.process = subprocess.Popen(
            ["sh", "-c", on_it, os.ttyname(theirs), *command],
            stdin=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self._ours)

    def settings(self) -> list:
        return termios.tcgetattr(self._ours)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def read_until(self, expected: str, timeout: float = 20) -> str:
        """Wait for a text, and return what was shown up to it."""
        shown = b""
        give_up_at = time.monotonic() + timeout
        while expected.encode() not in shown:
            left = give_up_at - time.monotonic()
            if left <= 0 or not select.select([self._ours], [], [], left)[0]:
                raise AssertionError(f"{expected!r} was not shown, only {shown!r}")
            try:
                shown += os.read(self._ours, 65_536)
            except OSError:
                raise AssertionError(f"ended without {expected!r}, having shown {shown!r}") from None
        return shown.decode(errors="replace")

    def read_to_end(self) -> str:
        """Wait for the end of the command, and return what it still showed."""
        shown = b"".join(_until_closed(self._ours))
        self.process.wait()
        return shown.decode()


def _until_closed(terminal: int) -> Iterator[bytes]:
    try:
        while data := os.read(terminal, 65_536):
            yield data
    except OSError:  # on Linux: no process has the terminal open any more
        return
