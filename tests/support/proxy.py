"""A connection that fails as networks do: between the test and a real server, at the moment it is told to."""

import contextlib
import select
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Self


class Proxy:
    """Passes everything on between a Unix socket of its own and a server's, but for what it is to lose.

    `lose_replies` and `lose_requests` are how many of the next ones it loses, closing the connection
    in their place: the server has done what was asked in the first case and not in the second.
    """

    def __init__(self, server_socket: Path) -> None:
        self._server_socket = server_socket
        self._folder = tempfile.mkdtemp(prefix="cop-")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{self._folder}/proxy.sock")
        self._listener.listen(100)
        self._open: set[socket.socket] = set()
        self.lose_replies = 0
        self.lose_requests = 0
        self.requests_passed_on = 0
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        self._serving: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"unix://{self._folder}/proxy.sock"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._serving:
            thread.join()
        shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._serving.append(threading.Thread(target=self._serve, args=(client,)))
                self._serving[-1].start()

    def _serve(self, client: socket.socket) -> None:
        """What is read at once counts as one request, or as one reply: both are short."""
        self._open.add(client)
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.connect(str(self._server_socket))
            going_on = True
            while going_on:
                readable, _, _ = select.select([client, server], [], [])
                if client in readable:
                    going_on = self._pass_on_request(client, server)
                elif server in readable:
                    going_on = self._pass_on_reply(client, server)
        self._open.discard(client)

    def _pass_on_request(self, client: socket.socket, server: socket.socket) -> bool:
        request = client.recv(1 << 20)
        if self.lose_requests:
            self.lose_requests -= 1
            return False
        server.sendall(request)
        self.requests_passed_on += 1
        return bool(request)

    def _pass_on_reply(self, client: socket.socket, server: socket.socket) -> bool:
        reply = server.recv(1 << 20)
        if self.lose_replies:
            self.lose_replies -= 1
            return False
        client.sendall(reply)
        return bool(reply)
