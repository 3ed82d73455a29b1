"""Operations of one or several steps in slots of a cluster, and what carries them out without a system."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
import redis.asyncio

from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Step, Steps
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.transport.aio_cluster_connections import AsyncClusterConnections
from cryptoorders_redis.transport.aio_driver import AsyncDriver
from cryptoorders_redis.transport.cluster_connections import ClusterConnections
from cryptoorders_redis.transport.cluster_executor import ClusterExecutor
from cryptoorders_redis.transport.driver import Driver
from cryptoorders_redis.transport.endpoint import make_endpoint
from cryptoorders_redis.transport.sessions import Sessions
from cryptoorders_redis.transport.topology import Topology
from tests.support.blocking import LOOP

Run = Callable[[Operation[Any]], Any]


def slot_of(stream: int, namespace: str = "ns") -> str:
    return f"{{{namespace}:{stream}}}"


def set_once(stream: int, namespace: str = "ns") -> Call:
    """Return a change: b"y" where it is the first in its slot, else b"n"."""
    slot = slot_of(stream, namespace)
    return Call("create", slot, pack((slot + ":settings",)), pack((1, 1, 1, "modulo", "")), (f"id{stream}",))


def read(stream: int, *commands: Sequence[str], namespace: str = "ns", node: str = "") -> ReadTransaction:
    """Return reads of keys in a slot, each a command's name and the end of its key."""
    slot = slot_of(stream, namespace)
    return ReadTransaction(slot, [(name, slot + key, *rest) for name, key, *rest in commands], node)


def operation_of(*rounds: Sequence[Step]) -> Operation[list[list[Any]]]:
    """Return an operation that sends rounds of steps, and answers with the replies to all of them."""

    def steps() -> Steps[list[list[Any]]]:
        replies: list[list[Any]] = []
        for steps_of_round in rounds:
            replies += [(yield steps_of_round)]
        return replies

    return Operation("test", "change", (), steps())


@contextmanager
def sync_transport(url: str | None = None, client: Any = None, **options: Any) -> Iterator[Run]:
    """Carry operations out by the sync API's transport."""
    endpoint = make_endpoint(url, client, redis)
    executor = _make_executor(endpoint, **options)
    driver = Driver(executor, ClusterConnections(endpoint, "test"), _open)
    try:
        yield driver.run
    finally:
        driver.close()


@contextmanager
def async_transport(url: str | None = None, client: Any = None, **options: Any) -> Iterator[Run]:
    """Carry operations out by the async API's transport, in the loop of all blocking systems."""
    endpoint = make_endpoint(url, client, redis.asyncio)
    executor = _make_executor(endpoint, **options)
    driver = AsyncDriver(executor, AsyncClusterConnections(endpoint, "test"), _open)

    async def run(operation: Operation[Any]) -> Any:
        return await driver.run(operation)

    try:
        yield lambda operation: LOOP.run(run(operation))
    finally:
        LOOP.run(driver.close())


def _open() -> Operation[None]:
    def steps() -> Steps[None]:
        yield from ()

    return Operation("open", "read", (), steps())


def _make_executor(endpoint: Any, deadline_seconds: float = 10.0, **options: Any) -> ClusterExecutor:
    topology = Topology(endpoint.startup, endpoint.remap)
    sessions = Sessions(ClusterKeys("ns"))
    return ClusterExecutor(sessions, deadline_seconds, options.pop("observer", None), topology, **options)
