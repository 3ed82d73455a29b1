"""A master that sentinels name: by URL and by a client of redis-py, and what is said when none is found."""

import subprocess
import sys

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.blocking import LOOP
from tests.support.sentinels import MASTER, SentinelServers
from tests.support.servers import REPOSITORY, free_port


@pytest.fixture(scope="module")
def watched():
    """A master without replicas, behind three sentinels that live as long as it."""
    with SentinelServers(replicas=0) as watched:
        yield watched


def sentinel_for(api, watched):
    return watched.as_redis_py(is_async=api is not CryptoOrderSystem)


def test_a_url_of_sentinels_leads_to_their_master(api, watched, namespace):
    with api(2, url=f"{watched.url}?client_name=mine", namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1) is True
        assert system.display_all_live_orders() == ["o"]
        with watched.client(watched.master()) as client:
            assert "mine" in {connection["name"] for connection in client.client_list()}
            assert client.exists(f"{{{namespace}}}:config")


def test_the_database_may_be_named_or_left_out(watched, namespace):
    without = watched.url.removesuffix("/0")
    with CryptoOrderSystem(2, url=f"{without}/3", namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        assert str(system).startswith(f"CryptoOrderSystem(2, url='{without}/3'")
    with CryptoOrderSystem(2, url=without, namespace=namespace) as system:
        assert system.count() == 0


def test_a_password_is_not_in_the_url_that_is_shown(watched, namespace):
    with watched.client(watched.master()) as client:
        client.acl_setuser("alice", enabled=True, passwords=["+secret"], keys="*", categories=["+@all"])
    url = watched.url.replace("://", "://alice:secret@")
    with CryptoOrderSystem(2, url=url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        assert f"url='{watched.url}'" in repr(system)


def test_a_client_of_sentinels_is_shown_as_a_url(watched, namespace):
    client = sentinel_for(CryptoOrderSystem, watched).master_for(MASTER)
    with CryptoOrderSystem(2, client=client, namespace=namespace) as system:
        assert f"url='{watched.url}'" in repr(system)


def test_a_user_who_may_not_ask_for_the_role_is_served(api, watched, namespace):
    with watched.client(watched.master()) as client:
        client.acl_setuser(
            "bob", enabled=True, nopass=True, keys="*", categories=["+@all"], commands=["-role"]
        )
    with api(2, url=watched.url.replace("://", "://bob:x@"), namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)


def test_a_client_of_sentinels_serves_and_stays_open(api, watched, namespace):
    client = sentinel_for(api, watched).master_for(MASTER)
    settings = dict(client.connection_pool.connection_kwargs)
    with api(2, client=client, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1) is True
    assert client.connection_pool.connection_kwargs == settings

    async def ping_and_close():
        pong = await client.ping()
        await client.aclose()
        for sentinel in client.connection_pool.sentinel_manager.sentinels:
            await sentinel.aclose()
        return pong

    if api is CryptoOrderSystem:
        assert client.ping()
        client.close()
    else:
        assert LOOP.run(ping_and_close())


def test_a_client_that_leads_to_replicas_is_refused(api, watched):
    client = sentinel_for(api, watched).slave_for(MASTER)
    with pytest.raises(ValueError, match="master_for"):
        api(client=client)


def test_a_process_and_its_children_use_one_system(watched, namespace):
    forking = subprocess.run(
        [sys.executable, "-m", "tests.support.forking", watched.url, namespace],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert forking.returncode == 0, forking.stderr.decode()


@pytest.fixture
def own_watched():
    """A master with one sentinel, which the test may stop."""
    with SentinelServers(0, 1, password="secret") as watched:
        yield watched


def test_sentinels_may_want_a_login_of_their_own(api, own_watched, namespace):
    for login in ("sentinel_password=secret", "sentinel_username=default&sentinel_password=%73ecret"):
        with api(2, url=f"{own_watched.url}?{login}", namespace=namespace) as system:
            assert system.count() == 0


@pytest.mark.parametrize("login", ["", "?sentinel_password=Hunter2Secret"])
def test_a_sentinel_that_does_not_let_in_denies_access(api, own_watched, login):
    with pytest.raises(errors.AccessDenied, match="no sentinel lets this client in") as caught:
        api(url=own_watched.url + login)
    assert own_watched.sentinels[0] in str(caught.value)
    assert "Hunter2Secret" not in str(caught.value)


def test_the_next_sentinel_is_asked_where_one_is_gone(api, watched, namespace):
    url = watched.url.replace("://", f"://127.0.0.1:{free_port()},")
    with api(2, url=url, namespace=namespace) as system:
        assert system.count() == 0


def test_no_sentinel_that_answers_is_unavailable(api):
    ports = free_port(), free_port()
    url = f"redis+sentinel://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/{MASTER}"
    with pytest.raises(errors.StoreUnavailable, match="no sentinel answers") as caught:
        api(url=url)
    for port in ports:
        assert f"127.0.0.1:{port}: " in str(caught.value)


def test_a_master_that_no_sentinel_knows_is_unavailable(api, watched):
    with pytest.raises(errors.StoreUnavailable, match="no sentinel knows a master 'other'"):
        api(url=watched.url.replace(f"/{MASTER}/", "/other/"))


def test_a_master_that_is_down_is_unavailable(api):
    with SentinelServers(0, 1) as watched:
        watched.freeze(watched.master())
        watched.wait_until_down()
        with pytest.raises(errors.StoreUnavailable, match="the master 'orders' is down"):
            api(url=watched.url)


def test_a_replica_that_a_sentinel_names_is_not_used(api):
    """It has not heard of a failover. Reads would be answered, and be old."""
    with SentinelServers(0, 1) as watched:
        with watched.client(watched.master()) as client:
            client.replicaof("127.0.0.1", free_port())
        with pytest.raises(errors.StoreUnavailable, match="is a replica"):
            api(url=watched.url)
