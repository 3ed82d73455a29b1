"""The program `cryptoorders`, run as a person or a script runs it."""

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

MODULE = (sys.executable, "-m", "cryptoorders_redis")
SCRIPT = (str(Path(sys.executable).parent / "cryptoorders"),)


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
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (50, 120))
        with subprocess.Popen(
            [*MODULE, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=self.environment
        ) as process:
            os.close(theirs)
            shown = b"".join(_until_closed(ours))
            os.close(ours)
        return process.returncode, shown.decode()


def _until_closed(terminal: int) -> Iterator[bytes]:
    try:
        while data := os.read(terminal, 65_536):
            yield data
    except OSError:  # how Linux says that nobody has it open any more
        return
