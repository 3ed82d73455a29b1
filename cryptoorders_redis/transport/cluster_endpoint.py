"""What a URL of a Redis Cluster and a cluster client of redis-py say. Nothing here sends anything."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cryptoorders_redis.transport.topology import Address, Remap, make_address

CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster")

DEFAULT_PORT = 6379

_AUTHORITY = re.compile(r"[^/?#]*")

_LEFT_OUT = ("host", "port", "retry", "redis_connect_func")
"""Settings that are those of one node, or of redis-py's own way of using a cluster.

Its `redis_connect_func` makes a connection read from replicas, and calls the owner's after that.
"""


class ClusterSettings(NamedTuple):
    """What is used of a cluster client. The first three are as in a pool of redis-py."""

    connection_class: Any
    connection_kwargs: dict[str, Any]
    max_connections: int
    startup: Sequence[Address]
    remap: Remap | None


def urls_of_nodes(url: str) -> list[str]:
    """Return a `redis://` or `rediss://` URL for each host of a cluster's URL."""
    scheme, _, rest = url.partition("://")
    authority = _AUTHORITY.match(rest)
    assert authority
    user, at, hosts = authority.group().rpartition("@")
    plain = scheme.removesuffix("+cluster")
    return [f"{plain}://{user}{at}{host}{rest[authority.end() :]}" for host in hosts.split(",")]


def address_in(url: str) -> Address:
    """Return the address that the URL of one node says."""
    parts = urlsplit(url)
    return make_address(parts.hostname or "", parts.port or DEFAULT_PORT)


def describe_cluster(url: str, startup: Sequence[Address]) -> str:
    """Return a URL for people to read, of the scheme of `url`, without user and password."""
    return f"{url.partition(':')[0]}://{','.join(startup)}"


def settings_of(client: Any) -> ClusterSettings:
    """Return what a `RedisCluster` of either API connects by. The client does not change."""
    manager = client.nodes_manager
    nodes = list({**manager.startup_nodes, **manager.nodes_cache}.values())
    node = nodes[-1]
    # Of the async API's client a node keeps its own settings; of the other its pool does.
    pool = node if hasattr(node, "connection_kwargs") else client.get_redis_connection(node).connection_pool
    kwargs = {name: value for name, value in pool.connection_kwargs.items() if name not in _LEFT_OUT}
    if call_owner := getattr(client, "user_on_connect_func", None):

        def introduce(connection: Any) -> None:
            connection.on_connect()
            call_owner(connection)

        kwargs["redis_connect_func"] = introduce
    startup = [make_address(node.host, node.port) for node in nodes]
    return ClusterSettings(
        pool.connection_class, kwargs, pool.max_connections, startup, manager.address_remap
    )
