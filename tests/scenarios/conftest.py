"""Fixtures: where the orders of a scenario are."""

from typing import NamedTuple

import pytest

from cryptoorders_redis.operations import gate
from cryptoorders_redis.schema import scripts
from cryptoorders_redis.transport import resp
from tests.support.clocks import Clock
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


@pytest.fixture
def use_scripts(monkeypatch):
    """Makes the library run other scripts."""

    def use(folder):
        monkeypatch.setattr(scripts, "_folder", lambda: folder)
        scripts.script.cache_clear()
        resp._head.cache_clear()

    yield use
    monkeypatch.undo()
    scripts.script.cache_clear()
    resp._head.cache_clear()


@pytest.fixture
def clock(on_server, namespace, monkeypatch, tmp_path, use_scripts):
    """A server's clock that the test moves."""
    clock = Clock(on_server.raw, f"clock-of-{namespace}", tmp_path)
    monkeypatch.setattr(gate, "READ_TIME", clock.command)
    use_scripts(clock.scripts)
    yield clock
    clock.remove()
