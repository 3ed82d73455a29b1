"""The program `cryptoorders`, run as a person or a script runs it."""

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
    """Whether a command ended so, for use in an assertion."""
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
        # The one would go before the terminal's own height, the other would hide a line kept back.
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
        """Start a command whose input the test writes as it goes."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*MODULE, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, env=self.environment
        )

    def on_a_terminal(self, *arguments: str) -> tuple[int, str]:
        """Run a command on a terminal; its exit code, and everything that the terminal was sent."""
        with self.terminal(*arguments) as terminal:
            shown = terminal.read_to_end()
        return terminal.process.returncode, shown

    def terminal(self, *arguments: str, rows: int = 50) -> "Terminal":
        """Start a command on a terminal that the test reads as it goes."""
        return Terminal([*MODULE, *arguments], self.environment, rows)


class Terminal:
    """A terminal on which a command runs, and its keyboard."""

    def __init__(self, command: list[str], environment: dict[str, str], rows: int) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (rows, int(environment["COLUMNS"])))

        # Opened by the first process of a new session, it is that session's, and Ctrl-C reaches it.
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
        """Return what is shown up to a text, which has to come."""
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
        """Return all that is still shown, when the command has ended."""
        shown = b"".join(_until_closed(self._ours))
        self.process.wait()
        return shown.decode()


def _until_closed(terminal: int) -> Iterator[bytes]:
    try:
        while data := os.read(terminal, 65_536):
            yield data
    except OSError:  # how Linux says that nobody has it open any more
        return
