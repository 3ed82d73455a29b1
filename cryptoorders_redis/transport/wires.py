"""What carries bytes to a server and replies back, once redis-py has connected."""

import select
import socket
from collections.abc import Callable
from typing import Protocol

import redis

from cryptoorders_redis.transport.error_mapping import ends_connection, may_be_former_master
from cryptoorders_redis.transport.resp import Reply
from cryptoorders_redis.transport.resp_reader import make_read, parse_error

CHUNK = 65536
"""So many bytes are read from a socket at a time at most."""


class Connection(Protocol):
    """What is used of a redis-py connection."""

    def connect(self) -> None: ...
    def can_read(self, timeout: float = 0) -> bool: ...
    def send_packed_command(self, command: list[bytes]) -> None: ...
    def read_response(self, disable_decoding: bool) -> Reply: ...
    def disconnect(self) -> None: ...


class Wire(Protocol):
    """A connection that is up. After an error it is of no more use."""

    def has_news(self) -> object:
        """Return whether something came that was not asked for: the connection's end."""
        ...

    def send(self, request: bytes, /) -> None:
        """Send the request."""
        ...

    def receive(self, num_replies: int) -> list[Reply]:
        """Return the replies to what was sent; one that is an error stands among them."""
        ...

    def is_usable(self) -> bool:
        """Return whether the replies so far leave the connection open."""
        ...

    def disconnect(self) -> None: ...


class SocketWire:
    """The socket of a connection that redis-py has made. Without redis-py it is read and written faster."""

    def __init__(
        self, connection: Connection, where: socket.socket, leave_master: Callable[[Exception], Exception]
    ) -> None:
        if connection.can_read(0):
            raise redis.ConnectionError("the server closed the connection, or sent what was not asked for")
        self._leave_master = leave_master
        self._is_usable = True
        self.send: Callable[[bytes], None] = where.sendall
        self._receive = where.recv
        self._read = make_read(self._make_error)
        poll = select.poll()
        poll.register(where, select.POLLIN)
        self._poll = poll.poll
        self.disconnect: Callable[[], None] = connection.disconnect

    def has_news(self) -> object:
        return self._poll(0)

    def receive(self, num_replies: int) -> list[Reply]:
        replies: list[Reply] = []
        while len(replies) < num_replies:
            data = self._receive(CHUNK)
            if not data:
                raise redis.ConnectionError("the server closed the connection")
            replies += self._read(data)
        if len(replies) > num_replies:
            raise redis.InvalidResponse("the server sent what was not asked for")
        return replies

    def is_usable(self) -> bool:
        return self._is_usable

    def _make_error(self, text: str) -> Exception:
        error = parse_error(text)
        if may_be_former_master(error):
            return self._leave_master(error)
        if ends_connection(error):
            self._is_usable = False
        return error


class MemoryWire:
    """A connection to a `memory://` store, which has no socket."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.disconnect: Callable[[], None] = connection.disconnect

    def has_news(self) -> object:
        return self._connection.can_read(0)

    def send(self, request: bytes) -> None:
        self._connection.send_packed_command([request])

    def receive(self, num_replies: int) -> list[Reply]:
        return [self._read() for _ in range(num_replies)]

    def is_usable(self) -> bool:
        return True

    def _read(self) -> Reply:
        try:
            return self._connection.read_response(disable_decoding=True)
        except redis.ResponseError as error:
            return error
