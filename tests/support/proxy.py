"""A proxy in front of a real server, which records the calls and can lose, delay, hold back or cut them.

Faults hit calls only: requests that run a script or end a transaction. So a test can count them, and a
connection can always be made.
"""

import contextlib
import random
import re
import select
import shutil
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from tests.support.recording import size_of_command

DELAY_SECONDS = 0.8
MOST_AT_ONCE = 1 << 20


class Fault(Enum):
    LOSE_REPLY = auto()
    """The server runs the call; the connection ends before the reply arrives."""
    DELAY_REPLY = auto()
    """The reply comes `DELAY_SECONDS` late."""
    HOLD_REQUEST = auto()
    """The connection ends. The request is kept until the test delivers it, or is lost if it never does."""
    CUT_REQUEST = auto()
    """Half of the request arrives, and the connection ends."""


class _Plan(NamedTuple):
    fault: Fault
    having: bytes
    then: Callable[[], object]


def connect(url: str) -> socket.socket:
    """Return a bare socket to the server of a `unix://` or `redis://` URL."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(parts.path)
        except OSError:
            connection.close()
            raise
        return connection
    assert parts.hostname
    assert parts.port
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


_STEP = re.compile(rb"\*\d+\r\n\$\d+\r\n(EVAL|EVALSHA|[HSZ]?SCAN|HM?GET|HEXISTS|SMEMBERS)\r\n")
"""How a step begins that is one command: a script, or a single read."""


class Proxy:
    """Listens on a Unix socket of its own, or on a port, and passes on what it has no fault for.

    A test plans faults one by one, for all calls from now on, or at random. With one seed, call number n
    meets the same fault in every run.

    Attributes:
        calls: every request that ran a script or ended a transaction, in the order of arrival.
        faults: how often each fault happened.
    """

    def __init__(self, url: str, *, seed: int = 0, on_port: bool = False, **odds: float) -> None:
        """`odds`: the share of calls that meets a fault, by the fault's name in lower case."""
        self._url = url
        self._folder = Path(tempfile.mkdtemp(prefix="cop-"))
        self.socket = self._folder / "proxy.sock"
        self._listener = socket.socket() if on_port else socket.socket(socket.AF_UNIX)
        self._listener.bind(("127.0.0.1", 0) if on_port else str(self.socket))
        self.port = self._listener.getsockname()[1] if on_port else 0
        self.url = f"redis://127.0.0.1:{self.port}" if on_port else f"unix://{self.socket}"
        self.calls: list[bytes] = []
        self.faults = Counter[Fault]()
        self._held: list[bytes] = []
        self._random = random.Random(seed)
        self._odds = {Fault[name.upper()]: share for name, share in odds.items()}
        self._plans: list[_Plan] = []
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._listener.listen(100)
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next_call(self, fault: Fault, having: str = "", then: Callable[[], object] = lambda: None) -> None:
        """Plan a fault for the next call that contains `having`; run `then` before the connection ends."""
        self._plans.append(_Plan(fault, having.encode(), then))

    def every_call(self, fault: Fault | None) -> None:
        """Let every call that has no plan of its own meet this fault. With None, calls are served again."""
        self._odds = {fault: 1.0} if fault else {}

    def deliver(self, request: bytes) -> bytes:
        """Send a request to the server, as a copy that a network made; return the reply."""
        with connect(self._url) as late:
            late.sendall(request)
            return late.recv(MOST_AT_ONCE)

    def deliver_held(self) -> list[bytes]:
        """Send to the server what was held back; return the replies, for which no client waits."""
        replies: list[bytes] = []
        while self._held:
            replies.append(self.deliver(self._held.pop(0)))
        return replies

    def close(self) -> None:
        for ending in (self._listener, *list(self._connections.values())):
            with contextlib.suppress(OSError):
                ending.shutdown(socket.SHUT_RDWR)
        for thread in (self._thread, *list(self._connections)):
            thread.join()
        self._listener.close()
        shutil.rmtree(self._folder)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,))
                self._connections[thread] = client
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError), connect(self._url) as server:
                self._relay(client, server)
        finally:
            self._connections.pop(threading.current_thread(), None)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        waiting = b""
        while True:
            readable, _, _ = select.select([client, server], [], [])
            if server in readable:
                replies = server.recv(MOST_AT_ONCE)
                if not replies:
                    return
                client.sendall(replies)
            if client in readable:
                requests = client.recv(MOST_AT_ONCE)
                if not requests:
                    return
                waiting += requests
                while size := size_of_command(waiting):
                    command, waiting = waiting[:size], waiting[size:]
                    plan = self._plan_for(command)
                    if plan is None:
                        server.sendall(command)
                    elif not self._meets(plan, command, client, server):
                        plan.then()
                        return

    def _plan_for(self, command: bytes) -> _Plan | None:
        if not (_STEP.match(command) or command.endswith(b"\r\nEXEC\r\n")):
            return None
        with self._lock:
            self.calls.append(command)
            plan = next((plan for plan in self._plans if plan.having in command), None)
            if plan:
                self._plans.remove(plan)
            else:
                plan = self._chance()
            if plan:
                self.faults[plan.fault] += 1
            return plan

    def _chance(self) -> _Plan | None:
        drawn = self._random.random()
        for fault, share in self._odds.items():
            if drawn < share:
                return _Plan(fault, b"", lambda: None)
            drawn -= share
        return None

    def _meets(self, plan: _Plan, command: bytes, client: socket.socket, server: socket.socket) -> bool:
        """Apply the fault to the command; return whether the connection survives it."""
        if plan.fault is Fault.HOLD_REQUEST:
            self._held.append(command)
        elif plan.fault is Fault.CUT_REQUEST:
            server.sendall(command[: len(command) // 2])
        else:
            server.sendall(command)
            reply = server.recv(MOST_AT_ONCE)  # the server has run it
            if plan.fault is Fault.DELAY_REPLY:
                plan.then()
                time.sleep(DELAY_SECONDS)
                client.sendall(reply)
                return True
        return False
