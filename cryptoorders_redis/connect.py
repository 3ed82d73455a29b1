"""From a URL or a client to connections that send a request once, and never again by themselves."""

import os
import weakref
from typing import Any, Protocol, cast
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cryptoorders_redis import errors
from cryptoorders_redis.embedded import FolderServer, memory_pool
from cryptoorders_redis.refusals import DISGUISED, ReplyLost, refusal
from cryptoorders_redis.resp import Reply

DEFAULT_URL = "redis://localhost:6379/0"
URL_VARIABLE = "CRYPTOORDERS_URL"

MAX_CONNECTIONS = 50
"""Of one system. A thread that finds all of them busy waits for one."""

TIMEOUT_SECONDS = 5
"""For a connection to be made, for one to be free, and for a reply to come."""

_REDIS_SCHEMES = ("redis", "rediss", "unix")


class Connection(Protocol):
    """What we use of a redis-py connection."""

    def send_packed_command(self, command: list[bytes]) -> None: ...
    def read_response(self, disable_decoding: bool) -> Reply: ...
    def disconnect(self) -> None: ...


class Pool(Protocol):
    """What we use of a redis-py connection pool."""

    def get_connection(self) -> Connection: ...
    def release(self, connection: Connection) -> None: ...
    def disconnect(self) -> None: ...


class Connections:
    """Sends requests over a redis-py connection pool.

    It goes round redis-py's client, straight to the connections of its pool, because the client
    sends a command again when a reply was lost: a cancel run twice answers False though it
    cancelled. A client that was handed in keeps its retries and its decoding for its owner; neither
    touches what is sent here.
    """

    def __init__(self, pool: Pool, *, ours: bool, server: FolderServer | None = None) -> None:
        self._pool = pool
        self._ours = ours
        self._server = server
        self._closed = False
        if server:
            # At the latest when the process ends, also if nobody calls close().
            self._leave_server = weakref.finalize(self, server.leave)

    def exchange(self, request: bytes, num_replies: int) -> list[Reply]:
        """Send the request and return its replies; one that is an error stands among them.

        Raises:
            StoreUnavailable, AccessDenied: certainly nothing was done.
            StoreClosed: after `close`.
            ReplyLost: it may have been done.
        """
        if self._closed:
            raise errors.StoreClosed("this system is closed")
        try:
            connection = self._connection()
        except (redis.RedisError, OSError) as error:
            raise refusal(error) from error
        try:
            connection.send_packed_command([request])
            return [_read(connection) for _ in range(num_replies)]
        except (redis.RedisError, OSError) as error:
            connection.disconnect()
            if num_replies == 1 and isinstance(error, DISGUISED):
                raise refusal(error) from error
            raise ReplyLost(f"{type(error).__name__}: {error}") from error
        except BaseException:
            # Interrupted between request and reply: whoever comes next must not read this reply.
            connection.disconnect()
            raise
        finally:
            self._pool.release(connection)

    def close(self) -> None:
        """Refuse further requests, and close and end what we opened and started."""
        self._closed = True
        if self._ours:
            self._pool.disconnect()
        if self._server:
            self._leave_server()

    def _connection(self) -> Connection:
        if not self._server:
            return self._pool.get_connection()
        self._server.join()
        try:
            return self._pool.get_connection()
        except (redis.ConnectionError, OSError):
            self._server.revive()
            return self._pool.get_connection()


def connect(url: str | None, client: redis.Redis | None) -> Connections:
    """Return connections of the client, or by the URL, or by $CRYPTOORDERS_URL. None is made yet.

    Raises:
        TypeError, ValueError: what was given is not a client, or not a URL that we know.
    """
    if client is None:
        return _connections(url or os.environ.get(URL_VARIABLE) or DEFAULT_URL)
    if url is not None:
        raise ValueError("give a url or a client, not both")
    if not isinstance(client, redis.Redis):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"client must be a redis.Redis, not {type(client).__name__}")
    return Connections(cast("Pool", client.connection_pool), ours=False)


def _connections(url: str) -> Connections:
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        server = FolderServer(rest)
        return Connections(_pool(f"unix://{quote(str(server.socket))}"), ours=True, server=server)
    if rest.startswith("//"):
        if scheme == "memory":
            return Connections(memory_pool(rest[2:]), ours=True)
        if scheme in _REDIS_SCHEMES:
            return Connections(_pool(url), ours=True)
    known = ", ".join(f"{known}://" for known in (*_REDIS_SCHEMES, "memory"))
    raise ValueError(f"the url must begin with {known} or file:; it begins with {scheme[:20]!r}")


def _pool(url: str) -> Pool:
    from_url = cast("Any", redis.BlockingConnectionPool).from_url
    return from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def _read(connection: Connection) -> Reply:
    try:
        return connection.read_response(disable_decoding=True)
    except redis.ResponseError as error:
        return error
