"""Which operations and which executor serve an endpoint."""

from typing import NamedTuple

from cryptoorders_redis.observing import Observer
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.standalone import Standalone
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.transport.cluster_executor import ClusterExecutor
from cryptoorders_redis.transport.endpoint import Endpoint
from cryptoorders_redis.transport.executor import Executor
from cryptoorders_redis.transport.sessions import Sessions
from cryptoorders_redis.transport.topology import Topology


class Options(NamedTuple):
    """What the caller wants of every call; see `CryptoOrderSystem`."""

    deadline_seconds: float
    observer: Observer | None
    wait_replicas: int


class Parts(NamedTuple):
    """What one system consists of, besides its connections."""

    store: Store
    sessions: Sessions
    executor: Executor


def compose(endpoint: Endpoint, namespace: str, options: Options) -> Parts:
    """Return the parts for a standalone server, or for a Redis Cluster."""
    deadline_seconds, observer, wait_replicas = options
    if endpoint.startup:
        topology = Topology(endpoint.startup, endpoint.remap)
        store: Store = Cluster(namespace, topology.masters)
        sessions = Sessions(store.keys)
        executor: Executor = ClusterExecutor(
            sessions, deadline_seconds, observer, topology, wait_replicas=wait_replicas, store=store
        )
    else:
        store = Standalone(namespace)
        sessions = Sessions(store.keys)
        executor = Executor(sessions, deadline_seconds, observer, wait_replicas=wait_replicas, store=store)
    return Parts(store, sessions, executor)
