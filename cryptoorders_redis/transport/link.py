"""What runs operations on a store, for programs that need others than those of the API."""

from collections.abc import Callable
from functools import partial
from typing import Self, TypeVar

import redis

from cryptoorders_redis.operations import Operation
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.transport.cluster_connections import ClusterConnections
from cryptoorders_redis.transport.composition import Options, compose
from cryptoorders_redis.transport.connections import Connections
from cryptoorders_redis.transport.driver import Driver
from cryptoorders_redis.transport.endpoint import make_endpoint

T = TypeVar("T")

DEADLINE_SECONDS = 10.0
"""How long an operation tries again while the server does not answer."""


class Link:
    """A store, and connections to it.

    Args:
        url: as for a `CryptoOrderSystem`.
        namespace: the namespace.
        make_opening: makes the first operation of all, which the constructor carries out.

    Attributes:
        store: makes the operations.
        where: a URL for people to read, without user and password.
    """

    def __init__(
        self, url: str | None, namespace: str, make_opening: Callable[[Store], Operation[None]]
    ) -> None:
        endpoint = make_endpoint(url, None, redis)
        parts = compose(endpoint, namespace, Options(DEADLINE_SECONDS, None, 0))
        self.store: Store = parts.store
        self.where: str = endpoint.where
        connect = ClusterConnections if endpoint.startup else Connections
        connections = connect(endpoint, f"cryptoorders_redis:{namespace}")
        self._driver = Driver(parts.executor, connections, partial(make_opening, self.store))

    def run(self, operation: Operation[T]) -> T:
        """Carry out an operation, and return its result."""
        return self._driver.run(operation)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._driver.close()
