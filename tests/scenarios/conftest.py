"""Fixtures: where the orders of a scenario are."""

from typing import NamedTuple

import pytest

from tests.support.consistency import Client


class Backend(NamedTuple):
    """One server or a Redis Cluster, which the test neither stops nor configures.

    Attributes:
        url: by which a system is opened.
        raw: a client of redis-py's own, to look in from outside.
    """

    url: str
    raw: Client


@pytest.fixture
def on_server(server):
    with server.client() as raw:
        yield Backend(server.url, raw)


@pytest.fixture
def on_cluster(cluster, cluster_raw):
    return Backend(cluster.url, cluster_raw)


@pytest.fixture(params=["server", "cluster"])
def backend(request, namespace):
    return request.getfixturevalue(f"on_{request.param}")
