"""Fixtures: what stands between a system and its server, and makes it hard for both."""

import pytest

from tests.support.consistency import assert_consistent


@pytest.fixture
def raw(server, namespace):
    """A client of redis-py's own at the server itself; afterwards the keys tell one story."""
    with server.client() as client:
        yield client
        assert_consistent(client, namespace)
