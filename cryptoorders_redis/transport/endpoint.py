"""From a URL or a client to how connections are made. Nothing here sends anything."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from cryptoorders_redis.transport.embedded.folder_server import FolderServer
from cryptoorders_redis.transport.embedded.memory import memory_client
from cryptoorders_redis.transport.embedded.ownership import checked

DEFAULT_URL = "redis://localhost:6379/0"
URL_VARIABLE = "CRYPTOORDERS_URL"

MAX_CONNECTIONS = 50
"""Of one system. A call that finds all of them busy waits for one."""

TIMEOUT_SECONDS = 5
"""For a connection to be made, and for a reply to come."""

_REDIS_SCHEMES = ("redis", "rediss", "unix")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_DATABASE = re.compile(r"(/[0-9]*)?")

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
"""`urlsplit` drops some of them without a word, and a password would lose them."""

_WHAT_TO_DO = "percent-encode '/', '@', '#', '?' and ':' in a password: urllib.parse.quote(password, safe='')"

_MAINTENANCE = (
    "maint_notifications_config",
    "maint_notifications_pool_handler",
    "oss_cluster_maint_notifications_handler",
)
"""By which redis-py is told that a node moves: from 7.0 on they are in the settings of a pool with RESP3.

They are the pool's own, which must not change by what our connections are told; and redis-py 7.0 to 8.0.0
cannot connect to a Unix socket with them ("Cannot enable maintenance notifications").
"""


@dataclass(frozen=True)
class Endpoint:
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


def make_endpoint(url: str | None, client: object, library: Any) -> Endpoint:
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


def _by_url(url: str, library: Any) -> Endpoint:
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
            _check_redis_url(url)
            return _of_redis_url(url, library)
    known = ", ".join(f"{known}://" for known in (*_REDIS_SCHEMES, "memory"))
    # What no "://" follows may be a password, as in a URL whose scheme was forgotten.
    is_scheme = rest.startswith("//") and _SCHEME.fullmatch(scheme)
    begins = f"; it begins with {scheme[:20]!r}" if is_scheme else ""
    raise ValueError(f"the url must begin with one of {known} or file:{begins}")


def _check_redis_url(url: str) -> None:
    """Refuse a URL that is wrong before redis-py reads it, whose messages may hold the password.

    A password with one of `/`, `?` and `#` in it ends the host early: the rest of it, with the "@"
    behind it, is then taken for a path, a query or a fragment. So no message tells any of these.
    """
    if _CONTROL_CHARACTER.search(url):
        raise _malformed("it contains a control character")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _malformed("its host is not valid") from None
    if "#" in url:
        raise _malformed("it contains a '#'")
    if "@" in parts.query:
        raise _malformed("it contains an '@' behind the '?'")
    if parts.scheme == "unix":
        if parts.netloc and not parts.netloc.endswith("@"):
            raise _malformed("it must be unix:///path or unix://user:password@/path")
        if parts.netloc and "@" in parts.path:
            raise _malformed("it contains an '@' in the path")
        return
    if "@" in parts.path:
        raise _malformed("it contains an '@' in the path")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise _malformed("its port is not a number from 1 to 65535")
    if not _DATABASE.fullmatch(parts.path):
        raise _malformed("its database is not a number, as in redis://host:6379/0")


def _malformed(what: str) -> ValueError:
    return ValueError(f"the url is malformed: {what}; {_WHAT_TO_DO}")


def _of_redis_url(url: str, library: Any, server: FolderServer | None = None) -> Endpoint:
    try:
        pool = _pool_of_url(url, library)
        if server:
            pool.connection_class = checked(pool.connection_class)
        return _of_pool(pool, library, server)
    except (AttributeError, RedisError, TypeError, ValueError):
        # redis-py's own message may hold the value, which may be a password.
        names = ", ".join(map(repr, _invalid_options(url, library)))
    raise ValueError(f"invalid option in the URL: {names}")


def _pool_of_url(url: str, library: Any) -> Any:
    return library.ConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        protocol=2,
    )


def _invalid_options(url: str, library: Any) -> list[str]:
    """Return the option without which a connection can be made, or all if there is no single one."""
    address, _, query = url.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    names = list(dict.fromkeys(name for name, _ in options))
    for name in names:
        others = urlencode([option for option in options if option[0] != name])
        try:
            _of_pool(_pool_of_url(f"{address}?{others}", library), library)
        except (AttributeError, RedisError, TypeError, ValueError):
            continue
        return [name]
    return names


def _of_client(client: Any, library: Any) -> Endpoint:
    return _of_pool(client.connection_pool, library)


def _of_pool(pool: Any, library: Any, server: FolderServer | None = None) -> Endpoint:
    settings: dict[str, Any] = {**pool.connection_kwargs, "retry_on_error": []}
    for name in _MAINTENANCE:
        settings.pop(name, None)
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
        raise ValueError(f"invalid setting of the client: {error}") from error
    where = f"file:{server.folder}" if server else _where(settings, pool.connection_class)
    return Endpoint(make, min(pool.max_connections, MAX_CONNECTIONS), where, server)


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
