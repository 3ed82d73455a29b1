"""A drop that is interrupted at any of its steps says so, and can be called again."""

from collections.abc import Callable

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.schema.scripts import script
from tests.support.changes import begin_sessions
from tests.support.consistency import keys_of
from tests.support.proxy import Fault, Proxy
from tests.support.servers import RedisServer


def plan(proxy: Proxy, fault: Fault, name: str, then: Callable[[], object] = lambda: None) -> None:
    """Plan a fault for one of a drop's steps; for the scan after it has begun, there is one before that."""
    if name == "scan":
        begun = script("begin_drop").sha.decode()
        proxy.next_call(Fault.DELAY_REPLY, begun, then=lambda: proxy.next_call(fault, "SCAN", then))
    else:
        proxy.next_call(fault, script(name).sha.decode(), then)


@pytest.fixture(autouse=True)
def scripts_are_known(server):
    teach_steps(server)


def teach_steps(server: RedisServer) -> None:
    """Make the server know the scripts: else the first sending of a step carries nothing out."""
    with server.client() as raw:
        for name in ("begin_drop", "drop_keys"):
            raw.script_load(script(name).source)


@pytest.mark.parametrize("name", ["begin_drop", "scan", "drop_keys"])
@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST])
def test_a_drop_whose_step_is_lost_may_be_half_done(api, proxy, server, namespace, name, fault):
    with api(3, url=server.url, namespace=namespace) as system:
        for number in range(10):
            assert system.place(f"o{number}", "alice", "BTC", 1, 1)
        with api(url=proxy.url, namespace=namespace, deadline_seconds=0) as faulty:
            begin_sessions(faulty)
            plan(proxy, fault, name)
            with pytest.raises(errors.OutcomeUnknown, match=r"half dropped.*call drop") as unknown:
                faulty.drop()
            assert (unknown.value.operation, unknown.value.ids) == ("drop", (namespace,))
        if (name, fault) != ("begin_drop", Fault.CUT_REQUEST):
            with pytest.raises(errors.NoSuchNamespace, match="is being dropped"):
                system.place("new", "alice", "BTC", 1, 1)
        system.drop()
        with server.client() as raw:
            assert keys_of(raw, namespace) == []


@pytest.mark.parametrize("name", ["begin_drop", "scan", "drop_keys"])
@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_a_drop_whose_step_is_sent_again_drops_all(api, proxy, server, namespace, name, fault):
    with api(3, url=server.url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        with api(url=proxy.url, namespace=namespace) as faulty:
            plan(proxy, fault, name)
            faulty.drop()
            with server.client() as raw:
                assert keys_of(raw, namespace) == []
                assert system.place("o", "alice", "BTC", 1, 1) is True
                proxy.deliver_held()
                assert system.display_all_live_orders() == ["o"]
                assert system.pause("o") is True


def test_nobody_changes_an_order_once_a_drop_has_begun(api, proxy, server, namespace):
    with (
        CryptoOrderSystem(3, url=server.url, namespace=namespace) as other,
        api(url=proxy.url, namespace=namespace) as faulty,
    ):
        assert other.place("o", "alice", "BTC", 1, 1)
        begin_sessions(faulty)
        refusals = []

        def pause() -> None:
            try:
                other.pause("o")
            except errors.NoSuchNamespace as refusal:
                refusals.append(str(refusal))

        plan(proxy, Fault.CUT_REQUEST, "drop_keys", then=pause)
        faulty.drop()
        (refusal,) = refusals
        assert "is being dropped" in refusal
        with server.client() as raw:
            assert keys_of(raw, namespace) == []


def test_a_server_that_turns_read_only_leaves_a_drop_half_done(api, own_server, proxy_before, namespace):
    server = own_server()
    teach_steps(server)
    proxy = proxy_before(server)
    with (
        api(3, url=server.url, namespace=namespace) as system,
        api(url=proxy.url, namespace=namespace) as faulty,
        server.client() as raw,
    ):
        assert system.place("o", "alice", "BTC", 1, 1)
        begin_sessions(faulty)
        plan(proxy, Fault.DELAY_REPLY, "begin_drop", then=lambda: raw.replicaof("127.0.0.1", 1))
        with pytest.raises(errors.OutcomeUnknown, match=r"half dropped.*READONLY|half dropped.*read only"):
            faulty.drop()
        raw.replicaof("NO", "ONE")
        system.drop()
        assert keys_of(raw, namespace) == []


def test_a_drop_that_never_reached_the_server_did_nothing(api, own_server, namespace):
    server = own_server("--appendfsync", "always")
    with api(3, url=server.url, namespace=namespace, deadline_seconds=0) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        server.kill()
        with pytest.raises(errors.StoreUnavailable):
            system.drop()
        server.start()
        assert system.display_all_live_orders() == ["o"]
