"""What the library sends, byte for byte: recorded on its way, whatever the library's inside looks like."""

import re
import socket
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import redis

from cryptoorders_redis import CryptoOrderSystem

_SESSIONS = re.compile(rb"\{[\w.-]+\}:sessions:\w+")


def recorded(
    url: str, num_streams: int, orders: Sequence[tuple[str, str, str, str, str]]
) -> tuple[dict[str, list[bytes]], list[bytes], socket.socket]:
    """Place, pause, resume and cancel the orders.

    Returns:
        the bytes of each call; the keys in which the server remembers them; a socket to the server.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "recorder.sock"
        recorder = _Recorder(path, url)
        with CryptoOrderSystem(num_streams, url=f"unix://{path}") as system:
            calls: dict[str, list[bytes]] = {}
            for name in ("place", "pause", "resume", "cancel"):
                call = getattr(system, name)
                for order in orders:
                    answer = call(*order) if name == "place" else call(order[0])
                    assert answer
                    calls.setdefault(name, []).append(recorder.last)
        keys = {key for requests in calls.values() for key in _SESSIONS.findall(b"".join(requests))}
        return calls, list(keys), connected(url)


def forget_answers(client: redis.Redis, sessions: Sequence[bytes]) -> None:
    """Have the server forget that it has answered recorded requests, so that it carries them out again."""
    for key in sessions:
        answers = [name for name in client.hkeys(key) if name != b"begun"]
        client.hdel(key, *answers, "none")


def connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(parts.path)
        return connection
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class _Recorder:
    """Passes everything on to the server, and remembers the last request. A caller at a time."""

    def __init__(self, path: Path, url: str) -> None:
        self.last = b""
        self._url = url
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listening.accept()
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, connected(self._url) as server:
            while request := client.recv(1 << 20):
                self.last = request
                server.sendall(request)
                client.sendall(server.recv(1 << 20))
