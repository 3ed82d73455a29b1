"""The page of a store, served by the program itself."""

import contextlib
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from tests.support.program import Program


@dataclass
class Page:
    """A page that is served.

    Attributes:
        url: Where it is.
        process: The process that serves it.
    """

    url: str
    process: subprocess.Popen[bytes]

    def request(self, path: str = "", method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
        """Ask for something; return the status, the headers and the content."""
        wanted = urllib.request.Request(self.url + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(wanted, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers, refused.read()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send it a signal; return its exit code, and what it wrote to standard error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said.decode()


@contextlib.contextmanager
def served_page(url: str, namespace: str, *arguments: str) -> Generator[Page]:
    process = Program(url, namespace).start("web", "--listen", "127.0.0.1:0", *arguments)
    with process:
        try:
            assert process.stdout
            said = process.stdout.readline().decode()
            assert said.startswith("serving "), said
            yield Page(said.split()[1], process)
        finally:
            process.kill()
