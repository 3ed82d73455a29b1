"""Fixtures: what stands between a system and its server, and makes it hard for both."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.blocking import BlockingSystem
from tests.support.consistency import assert_consistent
from tests.support.faulty_proxy import FaultyProxy
from tests.support.servers import RedisServer


@pytest.fixture
def proxy_before() -> Iterator[Callable[..., FaultyProxy]]:
    """Puts proxies before servers."""
    with contextlib.ExitStack() as stack:

        def start(server: RedisServer, **options) -> FaultyProxy:
            proxy = FaultyProxy(server, **options)
            stack.callback(proxy.close)
            return proxy

        yield start


@pytest.fixture
def proxy(server, proxy_before) -> FaultyProxy:
    """Before the server of all tests: with faults that the test plans one by one."""
    return proxy_before(server)


@pytest.fixture(params=[CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
def api(request):
    """Opens a system whose calls block: what goes wrong on the way must not differ by the API."""
    return request.param


@pytest.fixture
def raw(server, namespace):
    """A client of redis-py's own at the server itself; afterwards the keys tell one story."""
    with server.client() as client:
        yield client
        assert_consistent(client, namespace)
