"""Fixtures: stores on every backend. A server that is not there is a failure, never a skip."""

import contextlib
import uuid
from collections.abc import Callable, Iterator

import pytest
from blocking import LOOP
from consistency import delete_all
from hypothesis import HealthCheck, settings
from servers import RedisServer

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


@pytest.fixture
def own_server() -> Iterator[Callable[..., RedisServer]]:
    """Starts servers that the test may kill and configure."""
    with contextlib.ExitStack() as stack:

        def start(*options: str, program: str | None = None) -> RedisServer:
            server = RedisServer(*options, program=program)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    namespace = f"test-{uuid.uuid4().hex[:12]}"
    yield namespace
    if "server" in request.fixturenames:
        # Others look their own keys up among all that there are.
        with request.getfixturevalue("server").client() as client:
            delete_all(client, namespace)
