"""The contract is tested on every backend through every API.

An API opens systems whose calls block, and makes clients that can be handed in to them. To add an API, add a
line to APIS; to add a backend, add a line to BACKENDS. No test changes. Where clients are handed in, the
namespaces have a change feed, with which all keys are compared, unless a test asks for `raw`.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import fakeredis
import pytest
import redis

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.transport.embedded import memory
from tests.contract.differences import ON_A_CLUSTER, ON_ONE_SERVER, Differences
from tests.support.blocking import BlockingClient, BlockingClusterClient, BlockingSystem
from tests.support.consistency import Client, Names, assert_consistent, delete_all


class SyncApi:
    open_system = CryptoOrderSystem
    client = redis.Redis
    cluster_client = redis.RedisCluster


class AsyncApi:
    open_system = BlockingSystem
    client = BlockingClient
    cluster_client = BlockingClusterClient


APIS = [pytest.param(SyncApi, id="sync"), pytest.param(AsyncApi, id="async")]

BACKENDS = [
    pytest.param("memory", {}, id="fakeredis"),
    pytest.param("url", {}, id="unix-url"),
    pytest.param("client", {"protocol": 3, "decode_responses": True}, id="client-resp3-decoding-feed"),
    pytest.param("cluster-url", {}, id="cluster-url"),
    pytest.param("cluster-client", {"protocol": 3, "decode_responses": True}, id="cluster-client-feed"),
]

COUNTING_BACKEND = BACKENDS[1]

OF_A_CLUSTER_CLIENT = {"test_the_problem", "test_bulk", "test_records", "test_stats", "test_dropping"}
"""What of the contract is tested on a RedisCluster that is handed in: it changes how connections are made and
what they could decode. These files have each kind of reply."""


@dataclass
class Store:
    """A backend's store, which several systems can be open on."""

    namespace: str
    api: Any
    reached_by: dict[str, Any]
    raw: Client
    """Looks in from outside."""
    opened: contextlib.ExitStack
    has_feed: bool = False
    namespaces: set[str] = field(default_factory=set)

    def open_system(
        self, num_streams: int | None = None, *, namespace: str | None = None, **settings: Any
    ) -> Any:
        namespace = namespace or self.namespace
        system = self.api.open_system(num_streams, namespace=namespace, **self.reached_by, **settings)
        self.opened.callback(system.close)
        if self.has_feed and namespace not in self.namespaces:
            system.configure(feed=100_000)
        self.namespaces.add(namespace)
        return system

    @property
    def names(self) -> Names:
        return Names(self.raw, self.namespace)

    @property
    def differences(self) -> Differences:
        return ON_A_CLUSTER if self.names.is_cluster else ON_ONE_SERVER


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def store(request: pytest.FixtureRequest, api: Any, namespace: str) -> Iterator[Store]:
    """After every test all keys of its namespaces must agree with each other."""
    kind, options = request.param
    with contextlib.ExitStack() as stack:
        reached_by: dict[str, Any]
        if kind == "memory":
            reached_by = {"url": f"memory://{namespace}"}
            raw = stack.enter_context(fakeredis.FakeRedis(server=memory._named_server(namespace)))
        elif kind.startswith("cluster"):
            cluster = request.getfixturevalue("cluster")
            raw = request.getfixturevalue("cluster_raw")
            reached_by = {"url": cluster.url}
            if kind == "cluster-client":
                host, _, port = cluster.addresses[0].partition(":")
                client = api.cluster_client(host=host, port=int(port), **options)
                stack.callback(client.close)
                reached_by = {"client": client}
        else:
            server = request.getfixturevalue("server")
            raw = stack.enter_context(server.client())
            if kind == "url":
                reached_by = {"url": server.url}
            else:
                client = api.client(unix_socket_path=str(server.socket), **options)
                stack.callback(client.close)
                reached_by = {"client": client}
        with contextlib.ExitStack() as opened:
            # A test that changes keys by hand would have to change the feed too.
            has_feed = kind in ("client", "cluster-client") and "raw" not in request.fixturenames
            store = Store(namespace, api, reached_by, raw, opened, has_feed)
            yield store
        for name in store.namespaces:
            assert_consistent(raw, name)
            delete_all(raw, name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store" in metafunc.fixturenames:
        params = [pytest.param(tuple(param.values), id=param.id) for param in _backends_for(metafunc)]
        metafunc.parametrize("store", params, indirect=True)


def _backends_for(metafunc: pytest.Metafunc) -> list[Any]:
    if "sends_nothing" in metafunc.fixturenames:
        # What sends nothing is the same on all backends, and proved on one that counts what it is sent.
        return [COUNTING_BACKEND]
    if metafunc.definition.path.stem in OF_A_CLUSTER_CLIENT:
        return BACKENDS
    return [backend for backend in BACKENDS if backend.id != "cluster-client-feed"]


@pytest.fixture
def open_system(store: Store) -> Callable[..., Any]:
    return store.open_system


@pytest.fixture
def raw(store: Store) -> Client:
    return store.raw


@pytest.fixture
def system(open_system: Callable[..., Any]) -> Any:
    """A system of three streams, as in the problem's example."""
    return open_system(3)


@pytest.fixture
def sends_nothing(store: Store) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """A block in which no command reaches the store: by the server's own count."""

    @contextlib.contextmanager
    def sends_nothing() -> Iterator[None]:
        before = _commands_run(store.raw)
        yield
        assert _commands_run(store.raw) == before

    return sends_nothing


def _commands_run(raw: Client) -> dict[str, int]:
    stats = raw.info("commandstats")
    return {name: stat["calls"] for name, stat in stats.items() if name != "cmdstat_info"}
