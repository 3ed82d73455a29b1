"""Deadlines on servers that are loaded, full, restarted, slow to answer, or closed to writers."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from cryptoorders_redis import CryptoOrderSystem, Worker, errors
from cryptoorders_redis.operations import Operation
from cryptoorders_redis.operations.deadlines import carry_out
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import Names, assert_consistent
from tests.support.model import live_order
from tests.support.proxy import Fault
from tests.support.stepwise import Stepwise
from tests.support.waiting import wait_until

SOON = timedelta(milliseconds=30)


def place_expiring(system, number, moment, user="alice"):
    orders = [(f"{user}-{each}", user, "BTC", 1, 1, None, moment) for each in range(number)]
    assert all(system.place_many(orders))


@pytest.fixture
def opened(namespace):
    """Opens systems on servers of the test's own."""
    systems = []

    def opened(server, num_streams=3, **options):
        system = CryptoOrderSystem(num_streams, url=server.url, namespace=namespace, **options)
        systems.append(system)
        return system

    yield opened
    for system in systems:
        system.close()


def test_many_orders_expire_at_once_in_short_scripts(own_server, opened, namespace):
    server = own_server()
    system, others = opened(server, 2), [opened(server, 2) for _ in range(3)]
    users = {stream_of_user(user, 2): user for user in ("alice", "bob", "carol", "dave")}
    moment = datetime.now(UTC) + timedelta(seconds=4)
    place_expiring(system, 20_000, moment, users[0])
    assert system.place("other", users[0], "BTC", 1, 1)
    assert system.place("elsewhere", users[1], "BTC", 1, 1)
    assert system.count() == 20_002
    with server.client() as raw, ThreadPoolExecutor(len(others)) as pool:
        time.sleep(max((moment - datetime.now(UTC)).total_seconds(), 0) + 0.002)
        raw.config_resetstat()
        calls = (
            lambda: others[0].pause(f"{users[0]}-19999") is False,
            lambda: others[1].count() == 2,
            lambda: others[2].display_all_live_orders() == ["other", "elsewhere"],
        )
        assert all(future.result() for future in [pool.submit(call) for call in calls])
        scripts = raw.info("commandstats")["cmdstat_evalsha"]["calls"]
        assert scripts >= 40, "one script carries out 500 at most"
        assert_consistent(raw, namespace)


def test_what_fell_due_while_the_server_was_down_is_gone(own_server, opened):
    server = own_server("--appendfsync", "always")
    system = opened(server)
    place_expiring(system, 3, timedelta(milliseconds=200))
    assert system.place("stays", "alice", "BTC", 1, 1)
    assert system.cancel_all_after("bob", 1)
    assert system.place("bobs", "bob", "BTC", 1, 1)
    server.kill()
    time.sleep(1.1)
    server.start()
    assert system.display_all_live_orders() == ["stays"]
    assert system.verify() == []


def test_deadlines_are_carried_out_when_memory_is_full(own_server, opened, namespace):
    server = own_server()
    system = opened(server)
    system.configure(feed=1000)
    place_expiring(system, 50, timedelta(milliseconds=300))
    assert system.cancel_all_after("bob", 1)
    assert system.place("bobs", "bob", "BTC", 1, 1)
    with server.client() as raw:
        raw.set("ballast", b"x" * 3_000_000)
        raw.config_set("maxmemory", "2mb")
        time.sleep(0.3)
        assert system.display_all_live_orders() == ["bobs"]
        with pytest.raises(errors.StoreFull):
            system.cancel_all_after("bob", 60)
        assert system.cancel_all_after("alice", 0) is None
        time.sleep(0.8)
        assert system.pause("bobs") is False
        raw.config_set("maxmemory", 0)
        assert_consistent(raw, namespace)


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.HOLD_REQUEST], ids=["reply", "request"])
def test_a_switch_is_armed_once_though_a_reply_was_lost(proxy, namespace, fault):
    with CryptoOrderSystem(2, url=proxy.url, namespace=namespace) as system:
        assert system.cancel_all_after("alice", 60)
        proxy.next_call(fault)
        moment = system.cancel_all_after("alice", 120)
        assert system.cancel_all_deadline("alice") == moment
        proxy.next_call(fault)
        assert system.cancel_all_after("alice", 0) is None
        assert system.cancel_all_deadline("alice") is None
        proxy.next_call(fault)
        assert system.place("o", "alice", "BTC", 1, 1, expires_at=SOON) is True
        time.sleep(0.04)
        proxy.next_call(fault)
        assert system.place("o", "alice", "BTC", 1, 1) is True
        assert system.count() == 1


def test_who_may_only_read_waits_for_others_to_carry_out(own_server, opened, namespace):
    server = own_server()
    system = opened(server)
    with server.client() as admin:
        reads = "+@read +evalsha +eval +multi +exec +time +info +ping +select +client|setname"
        keys = f"~{{{namespace}*"
        admin.execute_command("ACL", "SETUSER", "reader", "on", ">secret", keys, "-@all", *reads.split())
    url = f"unix://reader:secret@{server.socket}"
    with CryptoOrderSystem(url=url, namespace=namespace, create=False) as reader:
        place_expiring(system, 1, timedelta(milliseconds=200))
        assert live_order(reader, "alice-0")
        time.sleep(0.22)
        for read in (lambda: reader.get("alice-0"), reader.count, reader.display_all_live_orders):
            with pytest.raises(errors.AccessDenied):
                read()
        assert system.count() == 0
        assert reader.get("alice-0") is None


@pytest.mark.parametrize("where", ["server", "cluster"])
def test_a_worker_carries_out_what_no_call_asks_for(request, namespace, where):
    backend = request.getfixturevalue(f"on_{where}")
    with CryptoOrderSystem(3, url=backend.url, namespace=namespace) as system:
        system.configure(feed=100)
        place_expiring(system, 3, timedelta(milliseconds=50))
        assert system.cancel_all_after("bob", 1)
        assert system.place("bobs", "bob", "BTC", 1, 1)
        worker = Worker(system)
        thread = threading.Thread(target=worker.run)
        thread.start()
        stream = stream_of_user("bob", 3)
        due = [f"{{{namespace}:{each}}}:due" for each in range(3)]
        try:
            wait_until(lambda: not any(map(backend.raw.exists, due)))
        finally:
            worker.stop()
            thread.join()
        assert not backend.raw.exists(f"{{{namespace}:{stream}}}:orders")
        assert_consistent(backend.raw, namespace)


def test_a_sweep_on_a_cluster_that_comes_late_looks_again(on_cluster, namespace):
    with (
        CryptoOrderSystem(3, url=on_cluster.url, namespace=namespace) as system,
        CryptoOrderSystem(3, url=on_cluster.url, namespace=namespace) as other,
    ):
        place_expiring(system, 1, SOON)
        assert system.cancel_all_after("alice", 1)
        stream = stream_of_user("alice", 3)
        for wait_seconds, renew in ((0.04, "alice-0"), (1.0, "kept")):
            time.sleep(wait_seconds)
            sweeping = Stepwise(Operation("sweep", "change", (), carry_out(system._store, [stream])), system)
            while sweeping.about_to_send != ["cluster/sweep"]:
                sweeping.step()
            assert other.place(renew, "alice", "BTC", 1, 1, expires_at=timedelta(hours=1))
            assert other.cancel_all_after("alice", 1 if wait_seconds < 1 else 60)
            while not sweeping.done:
                sweeping.step()
            assert live_order(other, renew)
        assert_consistent(on_cluster.raw, namespace)


def test_an_expired_orders_entry_is_released_on_a_cluster(on_cluster, namespace):
    with CryptoOrderSystem(3, url=on_cluster.url, namespace=namespace) as system:
        place_expiring(system, 5, SOON)
        names = Names(on_cluster.raw, namespace)
        assert on_cluster.raw.hexists(names.directory_of("alice-3"), "alice-3")
        time.sleep(0.04)
        assert system.count() == 0
        assert not on_cluster.raw.hexists(names.directory_of("alice-3"), "alice-3")


def test_spoiled_keys_of_an_order_keep_no_stream_waiting(on_server, namespace):
    with CryptoOrderSystem(1, url=on_server.url, namespace=namespace) as system:
        place_expiring(system, 3, SOON)
        on_server.raw.delete(f"{{{namespace}:0}}:user:alice")
        on_server.raw.hset(f"{{{namespace}:0}}:orders", "alice-1", "spoiled")
        on_server.raw.hdel(f"{{{namespace}:0}}:orders", "alice-2")
        time.sleep(0.04)
        assert system.count() == 1
        assert system.get("alice-1") is None
        assert not on_server.raw.exists(f"{{{namespace}:0}}:due")


@pytest.mark.parametrize("where", ["server", "cluster"])
def test_verify_names_deadlines_that_disagree(request, namespace, where):
    backend = request.getfixturevalue(f"on_{where}")
    with CryptoOrderSystem(3, url=backend.url, namespace=namespace) as system:
        place_expiring(system, 3, timedelta(hours=1))
        stream = stream_of_user("alice", 3)
        due = f"{{{namespace}:{stream}}}:due"
        backend.raw.zrem(due, "o:alice-0")
        backend.raw.zadd(due, {"o:none": 9e15, "o:alice-1": 9e15, "what": 9e15})
        backend.raw.zadd(f"{{{namespace}:{(stream + 1) % 3}}}:due", {"u:alice": 9e15})
        found = {each.subject: each.problem for each in system.verify()}
        assert found.keys() == {"alice-0", "alice-1", "none", "what", "alice"}
        assert "due says None" in found["alice-0"]
        assert "no such order" in found["none"]
        assert "dead man's switch" in found["alice"]
        backend.raw.hdel(f"{{{namespace}}}:config", "timed")
        mended = {each.subject for each in system.repair()}
        assert mended == {"alice-0", "alice-1", "none", "what", "alice", "timed"}
        assert system.verify() == []
        assert backend.raw.zscore(due, "u:alice") == 9e15
        assert backend.raw.zscore(due, "o:alice-0") == backend.raw.zscore(due, "o:alice-1") < 9e15
