"""To which store a URL, a client or the environment leads."""

import logging

import pytest
import redis
import redis.asyncio

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.transport.embedded import memory
from tests.support.blocking import BlockingSystem
from tests.support.consistency import assert_consistent
from tests.support.model import live_order


def test_a_redis_url_reaches_a_server_by_tcp(tcp_server, namespace):
    _, port = tcp_server
    with CryptoOrderSystem(2, url=f"redis://127.0.0.1:{port}/3", namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
    with redis.Redis(port=port, db=3) as raw:
        assert raw.exists(f"{{{namespace}}}:config")
    with CryptoOrderSystem(2, url=f"redis://127.0.0.1:{port}", namespace=namespace) as system:
        assert system.count() == 0


def test_a_unix_url_reaches_a_server_by_its_socket(server, namespace):
    with CryptoOrderSystem(2, url=f"{server.url}?db=5", namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
    with server.client(db=5) as raw:
        assert_consistent(raw, namespace)
        assert raw.exists(f"{{{namespace}}}:config")


def test_without_a_url_the_environment_says_where(server, namespace, monkeypatch):
    monkeypatch.setenv("CRYPTOORDERS_URL", server.url)
    with CryptoOrderSystem(2, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
    with CryptoOrderSystem(2, url="memory://", namespace=namespace) as system:
        assert system.count() == 0
    with server.client() as raw:
        assert raw.exists(f"{{{namespace}}}:config")


def test_a_client_comes_before_the_environment(server, namespace, monkeypatch):
    monkeypatch.setenv("CRYPTOORDERS_URL", "redis://127.0.0.1:1")
    with server.client() as client, CryptoOrderSystem(2, client=client, namespace=namespace) as system:
        assert system.count() == 0


@pytest.mark.parametrize("unset", [None, ""])
def test_without_a_url_or_environment_it_is_the_local_server(monkeypatch, unset):
    """What is on this machine's port 6379 is not for a test to touch, so it looks at where it would go."""
    from cryptoorders_redis.transport import endpoint as connect

    if unset is None:
        monkeypatch.delenv("CRYPTOORDERS_URL", raising=False)
    else:
        monkeypatch.setenv("CRYPTOORDERS_URL", unset)
    where = connect.make_endpoint(None, None, redis).make()
    assert (where.host, where.port, where.db) == ("localhost", 6379, 0)


UNKNOWN_URLS = [
    "http://localhost",
    "localhost:6379",
    "REDIS+X://h",
    "redis:/h",
    "memory:",
    "memory",
    "file",
    " redis://h",
]


@pytest.mark.parametrize("url", UNKNOWN_URLS)
def test_an_unknown_url_scheme_is_refused_with_the_known_ones(url):
    with pytest.raises(ValueError, match="must begin with one of redis://, rediss://, unix://"):
        CryptoOrderSystem(url=url)


def test_a_url_and_a_client_are_not_given_both(server):
    with server.client() as client, pytest.raises(ValueError, match="a url or a client, not both"):
        CryptoOrderSystem(url=server.url, client=client)


WRONG_CLIENTS = [
    pytest.param(redis.asyncio.Redis, id="async"),
    pytest.param(lambda: "redis://localhost", id="str"),
    pytest.param(redis.ConnectionPool, id="pool"),
    pytest.param(lambda: redis.Redis, id="class"),
]


@pytest.mark.parametrize("wrong", WRONG_CLIENTS)
def test_what_is_no_client_is_refused(wrong):
    with pytest.raises(TypeError, match=r"client must be a redis\.Redis or redis\.RedisCluster, not"):
        CryptoOrderSystem(client=wrong())


def test_a_named_memory_store_is_shared_an_unnamed_one_private(namespace):
    one, two = (CryptoOrderSystem(2, url=f"memory://{namespace}") for _ in range(2))
    other = CryptoOrderSystem(2, url=f"memory://{namespace}2")
    unnamed, unnamed2 = (CryptoOrderSystem(2, url="memory://") for _ in range(2))
    assert one.place("o", "alice", "BTC", 1, 1)
    assert live_order(two, "o").user_id == "alice"
    assert other.count() == unnamed.count() == unnamed2.count() == 0
    assert unnamed.place("o", "alice", "BTC", 1, 1)
    assert unnamed2.count() == 0
    one.close()
    two.close()
    with CryptoOrderSystem(url=f"memory://{namespace}") as again:
        assert again.count() == 1


def test_a_memory_store_says_once_that_it_does_not_last(namespace, caplog):
    memory._warn_once.cache_clear()
    with caplog.at_level(logging.WARNING, logger="cryptoorders_redis"):
        for _ in range(3):
            CryptoOrderSystem(2, url="memory://").close()
        CryptoOrderSystem(2, url=f"memory://{namespace}").close()
    assert [record.message for record in caplog.records] == [
        "a memory:// store exists only in this process, and its orders are lost when the process ends"
    ]


DEADLINES = [
    pytest.param(-1, ValueError, id="negative"),
    pytest.param(601, ValueError, id="too-long"),
    pytest.param(float("nan"), ValueError, id="nan"),
]


@pytest.mark.parametrize(("deadline", "error"), DEADLINES)
def test_a_deadline_is_0_to_600_seconds(deadline, error):
    with pytest.raises(error, match="deadline_seconds"):
        CryptoOrderSystem(url="memory://", deadline_seconds=deadline)


@pytest.mark.parametrize("api", [CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
def test_a_database_that_the_server_has_not_is_its_error(server, api):
    with pytest.raises(errors.ServerError, match="DB index is out of range"):
        api(url=f"{server.url}?db=99")
