"""From a URL or a client to how connections are made. Nothing here sends anything."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from redis.backoff import NoBackoff

from cryptoorders_redis.embedded import FolderServer, memory_client

DEFAULT_URL = "redis://localhost:6379/0"
URL_VARIABLE = "CRYPTOORDERS_URL"

MAX_CONNECTIONS = 50
"""Of one system. A call that finds all of them busy waits for one."""

TIMEOUT_SECONDS = 5
"""For a connection to be made, and for a reply to come."""

_REDIS_SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True)
class Source:
    """Where a system's connections come from.

    They are of redis-py, and are used without its client and its pool, because the client sends a
    command again when a reply was lost: a cancel run twice answers False though it cancelled. Of a
    client that was handed in only the settings are taken, so that it stays as it is for its owner.

    Attributes:
        make: makes a connection that is not connected yet, and that never tries anything twice.
        max_connections: how many there may be at one time.
        where: a URL for people to read, without user and password.
        server: the private server that has to run for them, if there is one.
    """

    make: Callable[[], Any]
    max_connections: int
    where: str
    server: FolderServer | None = None


def source_of(url: str | None, client: object, library: Any) -> Source:
    """Return the source by the client, or by the URL, or by $CRYPTOORDERS_URL.

    Args:
        library: `redis`, or `redis.asyncio` for connections to await.

    Raises:
        TypeError, ValueError: what was given is not such a client, or not a URL that we know.
    """
    if client is None:
        return _by_url(url or os.environ.get(URL_VARIABLE) or DEFAULT_URL, library)
    if url is not None:
        raise ValueError("give a url or a client, not both")
    if not isinstance(client, library.Redis):
        wanted, given = _name(library.Redis), _name(type(client))
        raise TypeError(f"client must be a {wanted}, not a {given}")
    return _of_client(client, library)


def _by_url(url: str, library: Any) -> Source:
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"url must be a str, not {type(url).__name__}")
    scheme, colon, rest = url.partition(":")
    if scheme == "file" and colon:
        server = FolderServer(rest)
        return _of_redis_url(f"unix://{quote(str(server.socket))}", library, server)
    if rest.startswith("//"):
        if scheme == "memory":
            return _of_client(memory_client(rest[2:], library), library)
        if scheme in _REDIS_SCHEMES:
            return _of_redis_url(url, library)
    known = ", ".join(f"{known}://" for known in (*_REDIS_SCHEMES, "memory"))
    raise ValueError(f"the url must begin with one of {known} or file:; it begins with {scheme[:20]!r}")


def _of_redis_url(url: str, library: Any, server: FolderServer | None = None) -> Source:
    pool = library.ConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        protocol=2,
    )
    return _of_pool(pool, library, server)


def _of_client(client: Any, library: Any) -> Source:
    return _of_pool(client.connection_pool, library)


def _of_pool(pool: Any, library: Any, server: FolderServer | None = None) -> Source:
    settings: dict[str, Any] = {**pool.connection_kwargs, "retry_on_error": []}
    for name in ("socket_timeout", "socket_connect_timeout"):
        if settings.get(name) is None:  # without one, a call on a server that hangs would never end
            settings[name] = TIMEOUT_SECONDS
    retry = library.retry.Retry(NoBackoff(), 0)

    def make() -> Any:
        connection = pool.connection_class(**settings)
        connection.retry = retry
        return connection

    try:
        make()
    except TypeError as error:
        raise ValueError(f"a connection cannot be made as the url says: {error}") from error
    where = f"file:{server.folder}" if server else _where(settings, pool.connection_class)
    return Source(make, min(pool.max_connections, MAX_CONNECTIONS), where, server)


def _where(settings: dict[str, Any], connection_class: type) -> str:
    database = settings.get("db") or 0
    if path := settings.get("path"):
        return f"unix://{path}?db={database}"
    if "server" in settings:
        return "memory://"
    scheme = "rediss" if "SSL" in connection_class.__name__ else "redis"
    return f"{scheme}://{settings.get('host', 'localhost')}:{settings.get('port', 6379)}/{database}"


def _name(of: type) -> str:
    return f"{of.__module__.removesuffix('.client')}.{of.__qualname__}"
