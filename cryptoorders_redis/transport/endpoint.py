"""Turns a URL or a client into a factory of connections. Nothing here sends anything."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from cryptoorders_redis.transport.cluster_endpoint import (
    CLUSTER_SCHEMES,
    address_in,
    describe_cluster,
    settings_of,
    urls_of_nodes,
)
from cryptoorders_redis.transport.embedded.folder_server import FolderServer
from cryptoorders_redis.transport.embedded.memory import make_memory_client
from cryptoorders_redis.transport.embedded.ownership import with_peer_check
from cryptoorders_redis.transport.sentinel_endpoint import (
    DEFAULT_PORT,
    SENTINEL_SCHEME,
    SENTINEL_TIMEOUT_SECONDS,
    Sentinels,
    split_sentinel_url,
    take_credentials,
    with_master,
)
from cryptoorders_redis.transport.topology import Address, Remap, split_address

DEFAULT_URL = "redis://localhost:6379/0"
URL_VARIABLE = "CRYPTOORDERS_URL"

MAX_CONNECTIONS = 50
"""The maximum number of connections of one system. If all are busy, a call waits for one."""

TIMEOUT_SECONDS = 5
"""The time-out for connecting, and for each reply, in seconds."""

_REDIS_SCHEMES = ("redis", "rediss", "unix")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_DATABASE = re.compile(r"(/[0-9]*)?")

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
"""`urlsplit` silently removes some of these characters, also from a password."""

_WHAT_TO_DO = "percent-encode '/', '@', '#', '?' and ':' in a password: urllib.parse.quote(password, safe='')"

_MAINTENANCE = (
    "maint_notifications_config",
    "maint_notifications_pool_handler",
    "oss_cluster_maint_notifications_handler",
)
"""Settings for notifications that a node moves. From redis-py 7.0 a pool with RESP3 has them.

They belong to the client's pool, which our connections must not change. With them redis-py 7.0 to 8.0.0
cannot connect to a Unix socket ("Cannot enable maintenance notifications").
"""


@dataclass(frozen=True)
class Endpoint:
    """Makes the connections of a system.

    They are redis-py's connections, without its client and its pool. The client sends a command again when
    a reply was lost: a cancel that runs twice answers False although it cancelled. Of the caller's client
    only the settings are used, so it does not change for its owner.

    Attributes:
        make: Makes a connection that is not connected yet, and that never retries. Its arguments replace
            settings.
        max_connections: The maximum number of connections at one time; of a cluster, to each node.
        where: A URL for people to read, without user and password.
        in_memory: Whether the store is in this process, so that its connections have no transport.
        server: The private server that must run for the connections, or None.
        follows_master: Whether each connection is to the master of the moment. So one that turns out to be a
            replica is left, and what it refused is sent again.
        startup: The nodes of a Redis Cluster to ask first; none for a standalone server.
        remap: Turns the host and port that a node announces into those by which it is reached.
    """

    make: Callable[..., Any]
    max_connections: int
    where: str
    in_memory: bool
    server: FolderServer | None = None
    follows_master: bool = False
    startup: Sequence[Address] = ()
    remap: Remap | None = None

    def at(self, address: Address) -> "Endpoint":
        """Return the endpoint of one node of the cluster."""
        host, port = split_address(address)
        return replace(self, make=partial(self.make, host=host, port=port))


def make_endpoint(url: str | None, client: object, library: Any) -> Endpoint:
    """Return the endpoint of the client, of the URL or of $CRYPTOORDERS_URL.

    Args:
        url: The URL, or None.
        client: A client of `library`, a `Redis` or a `RedisCluster`, or None.
        library: `redis`, or `redis.asyncio` for the async API.

    Raises:
        TypeError: The client is not a client of this library, or the URL is not a `str`.
        ValueError: The URL is not legal, or both a URL and a client are given.
    """
    if client is None:
        return _from_url(url or os.environ.get(URL_VARIABLE) or DEFAULT_URL, library)
    if url is not None:
        raise ValueError("give a url or a client, not both")
    if isinstance(client, library.RedisCluster):
        return _from_cluster_client(client, library)
    if not isinstance(client, library.Redis):
        wanted = " or ".join(map(_qualified_name, (library.Redis, library.RedisCluster)))
        raise TypeError(f"client must be a {wanted}, not a {_qualified_name(type(client))}")
    return _from_client(client, library)


def _from_url(url: str, library: Any) -> Endpoint:
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"url must be a str, not {type(url).__name__}")
    scheme, colon, rest = url.partition(":")
    if scheme == "file" and colon:
        server = FolderServer(rest)
        return _from_redis_url(f"unix://{quote(str(server.socket))}", library, server)
    if rest.startswith("//"):
        if scheme == "memory":
            return _from_client(make_memory_client(rest[2:], library), library)
        if scheme in _REDIS_SCHEMES:
            _check_redis_url(url)
            return _from_redis_url(url, library)
        if scheme in CLUSTER_SCHEMES:
            return _from_cluster_url(url, library)
        if scheme == SENTINEL_SCHEME:
            return _from_sentinel_url(url, library)
    known = ", ".join(
        f"{known}://" for known in (*_REDIS_SCHEMES, *CLUSTER_SCHEMES, SENTINEL_SCHEME, "memory")
    )
    # Without "://" behind it, the text may be a password: in a URL whose scheme was forgotten.
    is_scheme = rest.startswith("//") and _SCHEME.fullmatch(scheme)
    begins = f", not with {scheme[:20]!r}" if is_scheme else ""
    raise ValueError(f"the url must begin with one of {known} or file:{begins}")


def _check_redis_url(url: str) -> None:
    """Refuse a malformed URL before redis-py reads it: redis-py's messages may contain the password.

    If a password contains `/`, `?` or `#`, the host ends there. The rest of the password and the "@" are then
    parsed as path, query or fragment. So no message here contains any of these.
    """
    if _CONTROL_CHARACTER.search(url):
        raise _malformed_url("it contains a control character")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _malformed_url("its host is not valid") from None
    if "#" in url:
        raise _malformed_url("it contains a '#'")
    if "@" in parts.query:
        raise _malformed_url("it contains an '@' after the '?'")
    if parts.scheme == "unix":
        if parts.netloc and not parts.netloc.endswith("@"):
            raise _malformed_url("it must be unix:///path or unix://user:password@/path")
        if parts.netloc and "@" in parts.path:
            raise _malformed_url("it contains an '@' in the path")
        return
    if "@" in parts.path:
        raise _malformed_url("it contains an '@' in the path")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise _malformed_url("its port is not a number from 1 to 65535")
    if not _DATABASE.fullmatch(parts.path):
        raise _malformed_url("its database is not a number, as in redis://host:6379/0")


def _malformed_url(what: str) -> ValueError:
    return ValueError(f"the url is malformed: {what}; {_WHAT_TO_DO}")


def _from_redis_url(url: str, library: Any, server: FolderServer | None = None) -> Endpoint:
    try:
        pool = _make_pool(url, library)
        if server:
            pool.connection_class = with_peer_check(pool.connection_class)
        return _from_pool(pool, library, server)
    except (AttributeError, RedisError, TypeError, ValueError):
        # redis-py's own message may contain the value, which may be a password.
        names = ", ".join(map(repr, _invalid_options(url, library)))
    raise ValueError(f"invalid option in the URL: {names}")


def _make_pool(url: str, library: Any) -> Any:
    return library.ConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        protocol=2,
    )


def _invalid_options(url: str, library: Any) -> list[str]:
    """Return the one option whose removal makes the URL valid, or all options if there is no such one."""
    address, _, query = url.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    names = list(dict.fromkeys(name for name, _ in options))
    for name in names:
        others = urlencode([option for option in options if option[0] != name])
        try:
            _from_pool(_make_pool(f"{address}?{others}", library), library)
        except (AttributeError, RedisError, TypeError, ValueError):
            continue
        return [name]
    return names


def _from_cluster_url(url: str, library: Any) -> Endpoint:
    of_nodes = urls_of_nodes(url)
    for of_node in of_nodes:
        _check_redis_url(of_node)
        if not urlsplit(of_node).hostname:
            raise _malformed_url("a host is missing, as in redis+cluster://host:port,host:port")
    startup = tuple(map(address_in, of_nodes))
    endpoint = _from_redis_url(of_nodes[0], library)
    if endpoint.make().db:
        raise ValueError("the url names a database, and a Redis Cluster has only database 0: leave it out")
    return replace(endpoint, startup=startup, where=describe_cluster(url, startup))


def _from_cluster_client(client: Any, library: Any) -> Endpoint:
    settings = settings_of(client)
    endpoint = _from_pool(settings, library)
    scheme = "rediss" if endpoint.where.startswith("rediss") else "redis"
    where = describe_cluster(f"{scheme}+cluster:", settings.startup)
    return replace(endpoint, startup=settings.startup, remap=settings.remap, where=where)


def _from_sentinel_url(url: str, library: Any) -> Endpoint:
    parts = split_sentinel_url(url)
    if "@" in parts.master:
        raise _malformed_url("it contains an '@' in the path")
    for of_sentinel in parts.of_sentinels:
        _check_redis_url(of_sentinel)
        if not urlsplit(of_sentinel).hostname:
            raise _malformed_url(f"a host is missing, as in {SENTINEL_SCHEME}://host:26379,host:26379/master")
    if not parts.has_legal_master():
        raise _malformed_url(f"it names no master, as in {SENTINEL_SCHEME}://host:26379/master/0")
    of_master, credentials = take_credentials(parts.of_sentinels[0])
    _from_redis_url(of_master, library)  # for its checks of the options
    pool = _make_pool(of_master, library)
    for name, value in pool.connection_kwargs.items():
        if name.startswith("socket_"):
            is_long = name in {"socket_timeout", "socket_connect_timeout"}
            credentials[name] = min(value, SENTINEL_TIMEOUT_SECONDS) if is_long else value
    addresses = [urlsplit(of_sentinel) for of_sentinel in parts.of_sentinels]
    asked = [
        library.ConnectionPool(host=address.hostname, port=address.port or DEFAULT_PORT, **credentials)
        for address in addresses
    ]
    return _from_sentinels(pool, asked, library, parts.master)


def _from_sentinels(pool: Any, asked: list[Any], library: Any, master: str, **how: Any) -> Endpoint:
    """Return the endpoint of a master. `pool` and `asked` have the settings for it, and for each sentinel."""
    sentinels = Sentinels(master, [_from_pool(sentinel, library).make for sentinel in asked], **how)
    is_encrypted = issubclass(pool.connection_class, library.SSLConnection)
    settings = dict(pool.connection_kwargs)
    settings.pop("connection_pool", None)  # redis-py's own way to the sentinels
    like_pool = SimpleNamespace(
        connection_class=with_master(
            library.SSLConnection if is_encrypted else library.Connection, sentinels
        ),
        connection_kwargs=settings,
        max_connections=pool.max_connections,
    )
    hosts = ",".join("{host}:{port}".format_map(sentinel.connection_kwargs) for sentinel in asked)
    where = f"{SENTINEL_SCHEME}://{hosts}/{master}/{settings.get('db') or 0}"
    return replace(_from_pool(like_pool, library), where=where, follows_master=True)


def _from_client(client: Any, library: Any) -> Endpoint:
    pool = client.connection_pool
    if not isinstance(pool, library.sentinel.SentinelConnectionPool):
        return _from_pool(pool, library)
    if not pool.is_master:
        raise ValueError("client leads to replicas, which refuse changes: use one that master_for() returns")
    manager = pool.sentinel_manager
    return _from_sentinels(
        pool,
        [sentinel.connection_pool for sentinel in manager.sentinels],
        library,
        pool.service_name,
        min_others=manager.min_other_sentinels,
        host=manager._force_master_ip,  # noqa: SLF001 - there is no other way
    )


def _from_pool(pool: Any, library: Any, server: FolderServer | None = None) -> Endpoint:
    settings: dict[str, Any] = {**pool.connection_kwargs, "retry_on_error": []}
    for name in _MAINTENANCE:
        settings.pop(name, None)
    for name in ("socket_timeout", "socket_connect_timeout"):
        if settings.get(name) is None:  # without a time-out, a call to a server that hangs would never end
            settings[name] = TIMEOUT_SECONDS
    retry = library.retry.Retry(NoBackoff(), 0)

    def make(**others: Any) -> Any:
        connection = pool.connection_class(**{**settings, **others})
        connection.retry = retry
        return connection

    try:
        make()
    except TypeError as error:
        raise ValueError(f"invalid setting of the client: {error}") from error
    settings["protocol"] = 2  # only now, for a URL with an illegal one is refused
    where = f"file:{server.folder}" if server else _describe(settings, pool.connection_class)
    return Endpoint(make, min(pool.max_connections, MAX_CONNECTIONS), where, "server" in settings, server)


def _describe(settings: dict[str, Any], connection_class: type) -> str:
    database = settings.get("db") or 0
    if path := settings.get("path"):
        return f"unix://{path}?db={database}"
    if "server" in settings:
        return "memory://"
    scheme = "rediss" if "SSL" in connection_class.__name__ else "redis"
    return f"{scheme}://{settings.get('host', 'localhost')}:{settings.get('port', 6379)}/{database}"


def _qualified_name(of: type) -> str:
    return f"{re.sub(r'[.](client|cluster)$', '', of.__module__)}.{of.__qualname__}"
