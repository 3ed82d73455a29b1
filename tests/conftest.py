"""Fixtures: stores on every backend. A server that is not there is a failure, never a skip."""

import contextlib
import uuid
from collections.abc import Callable, Iterator

import pytest
from servers import RedisServer

from cryptoorders_redis import CryptoOrderSystem


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

        def start(*options: str) -> RedisServer:
            server = RedisServer(*options)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def namespace() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"
