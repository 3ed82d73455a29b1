"""Fixtures: what stands between a system and its server, and makes it hard for both."""

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.blocking import BlockingSystem
from tests.support.consistency import assert_consistent


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
