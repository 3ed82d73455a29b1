"""A proxy in front of a real redis-server, which loses, delays, holds back and cuts what passes through it.

It does so to calls alone, which are scripts and the ends of transactions, so that shares can be counted.
"""

import contextlib
import random
import select
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from tests.support.servers import RedisServer

DELAY_SECONDS = 0.8


class Fault(Enum):
    LOSE_REPLY = auto()
    """The server carries the call out; in place of the reply the connection ends."""
    DELAY_REPLY = auto()
    """The reply comes `DELAY_SECONDS` late."""
    HOLD_REQUEST = auto()
    """The connection ends, and the request is kept, to arrive when the test says so."""
    CUT_REQUEST = auto()
    """Half of the request arrives, and the connection ends."""


class _Plan(NamedTuple):
    fault: Fault
    having: bytes
    then: Callable[[], object]


class FaultyProxy:
    """Its faults are planned one by one, or come at random: to the n-th call the same one in each run."""

    def __init__(self, server: RedisServer, *, seed: int = 0, **odds: float) -> None:
        """`odds`: the share of calls that meets a fault, by its name in lower case."""
        self.socket = server.folder / f"{uuid.uuid4().hex[:8]}.sock"
        self.url = f"unix://{self.socket}"
        self.calls: list[bytes] = []
        self.faults = Counter[Fault]()
        self._held: list[bytes] = []
        self._server = str(server.socket)
        self._random = random.Random(seed)
        self._odds = {Fault[name.upper()]: share for name, share in odds.items()}
        self._plans: list[_Plan] = []
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen(100)
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def next_call(self, fault: Fault, having: str = "", then: Callable[[], object] = lambda: None) -> None:
        """Plan a fault for the next call that has this in it; before the connection ends, do `then`."""
        self._plans.append(_Plan(fault, having.encode(), then))

    def deliver(self, request: bytes) -> bytes:
        """Let a request arrive at the server, as a copy that a network makes, and return the reply."""
        with socket.socket(socket.AF_UNIX) as late:
            late.connect(self._server)
            late.sendall(request)
            return late.recv(65536)

    def deliver_held(self) -> list[bytes]:
        """Let what was held back arrive at the server, and return its replies, which nobody waits for."""
        replies = []
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

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._carry, args=(client,))
                self._connections[thread] = client
                thread.start()

    def _carry(self, client: socket.socket) -> None:
        try:
            with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
                server.connect(self._server)
                self._relay(client, server)
        finally:
            self._connections.pop(threading.current_thread(), None)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        waiting = b""
        while True:
            readable, _, _ = select.select([client, server], [], [])
            if server in readable:
                replies = server.recv(65536)
                if not replies:
                    return
                client.sendall(replies)
            if client in readable:
                requests = client.recv(65536)
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
        if not (b"\r\nEVAL" in command[:20] or command.endswith(b"\r\nEXEC\r\n")):
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
        place = self._random.random()
        for fault, share in self._odds.items():
            if place < share:
                return _Plan(fault, b"", lambda: None)
            place -= share
        return None

    def _meets(self, plan: _Plan, command: bytes, client: socket.socket, server: socket.socket) -> bool:
        """Do to the command what is planned, and return whether the connection outlives it."""
        if plan.fault is Fault.HOLD_REQUEST:
            self._held.append(command)
        elif plan.fault is Fault.CUT_REQUEST:
            server.sendall(command[: len(command) // 2])
        else:
            server.sendall(command)
            reply = server.recv(65536)  # it is carried out
            if plan.fault is Fault.DELAY_REPLY:
                plan.then()
                time.sleep(DELAY_SECONDS)
                client.sendall(reply)
                return True
        return False


def size_of_command(requests: bytes) -> int:
    """Return how many bytes the first command has; 0 while it is not there as a whole."""
    end = requests.find(b"\r\n")
    if end < 0:
        return 0
    size = end + 2
    for _ in range(int(requests[1:end])):
        end = requests.find(b"\r\n", size)
        if end < 0:
            return 0
        size = end + 2 + int(requests[size + 1 : end]) + 2
    return size if size <= len(requests) else 0
