"""The synchronous way of sending a request: once, and never again by itself."""

import contextlib
import os
import threading
import weakref
from typing import Protocol

import redis

from cryptoorders_redis import errors
from cryptoorders_redis.connect import BUSY_SECONDS, Source
from cryptoorders_redis.refusals import ends_connection, refusal, without_reply
from cryptoorders_redis.resp import Reply


class Connection(Protocol):
    """What is used of a redis-py connection."""

    def connect(self) -> None: ...
    def can_read(self) -> bool: ...
    def send_packed_command(self, command: list[bytes]) -> None: ...
    def read_response(self, disable_decoding: bool) -> Reply: ...
    def disconnect(self) -> None: ...


class Connections:
    """The connections of one system, for any number of threads, and for a child after a fork."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._closed = False
        self._forget_all()
        if source.server:
            # At the latest when the process ends, also if nobody calls close().
            self._leave_server = weakref.finalize(self, source.server.leave)

    def exchange(self, request: bytes, num_replies: int) -> list[Reply]:
        """Send the request and return its replies; one that is an error stands among them.

        Raises:
            StoreUnavailable, AccessDenied: certainly nothing was done.
            StoreClosed: after `close`.
            ReplyLost: it may have been done.
        """
        connection = self._take()
        try:
            self._make_ready(connection)
            try:
                connection.send_packed_command([request])
                return [_read(connection) for _ in range(num_replies)]
            except (redis.RedisError, OSError) as error:
                raise without_reply(error, num_replies) from error
        except BaseException:
            # Also when interrupted: whoever comes next must not read the reply to this request.
            connection.disconnect()
            raise
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Refuse further requests, close the connections, and leave a server that we joined."""
        self._closed = True
        with contextlib.suppress(IndexError):  # another thread may close them with us
            while True:
                self._idle.pop().disconnect()
        if self._source.server:
            self._leave_server()

    def _forget_all(self) -> None:
        self._idle: list[Connection] = []
        self._free = threading.Semaphore(self._source.max_connections)
        self._pid = os.getpid()  # last: by it other threads of a child know that this is done

    def _take(self) -> Connection:
        if self._pid != os.getpid():
            self._forget_all()  # those that we know are the parent's
        if self._closed:
            raise errors.StoreClosed("this system is closed")
        if not self._free.acquire(timeout=BUSY_SECONDS):
            raise errors.StoreUnavailable("all connections are busy")
        try:
            return self._idle.pop()
        except IndexError:
            return self._source.make()

    def _give_back(self, connection: Connection) -> None:
        self._idle.append(connection)
        self._free.release()
        if self._closed:
            self.close()

    def _make_ready(self, connection: Connection) -> None:
        server = self._source.server
        try:
            if server:
                server.join()
            try:
                _connect(connection)
            except (redis.ConnectionError, OSError):
                if not server:
                    raise
                server.revive()
                _connect(connection)
        except (redis.RedisError, OSError) as error:
            raise refusal(error) from error


def _connect(connection: Connection) -> None:
    """Connect, also anew where the server has closed an idle connection: nothing is sent into that."""
    connection.connect()
    try:
        stale = connection.can_read()
    except (redis.RedisError, OSError):
        stale = True
    if stale:
        connection.disconnect()
        connection.connect()


def _read(connection: Connection) -> Reply:
    try:
        return connection.read_response(disable_decoding=True)
    except redis.ResponseError as error:
        if ends_connection(error):
            connection.disconnect()
        return error
