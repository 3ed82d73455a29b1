"""Placing, pausing, resuming and cancelling."""

import pytest

from cryptoorders_redis import OrderStatus
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import contents, keys_of, orders_of

USERS = ["alice", "bob", "carol", "dave", "erin", "frank", "grace"]


def test_an_order_starts_active(system):
    assert system.place("o", "alice", "BTC", 1, 1) is True
    assert system.get("o").status is OrderStatus.ACTIVE


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("paused", [False, True])
def test_placing_an_id_that_is_live_anywhere_changes_nothing(system, store, user, paused):
    system.place("o", "alice", "BTC", 1, 1)
    if paused:
        system.pause("o")
    before = contents(store.raw, store.namespace)
    assert system.place("o", user, "ETH", 2, 2) is False
    assert contents(store.raw, store.namespace) == before
    assert system.get("o").currency == "BTC"


@pytest.mark.parametrize("user", USERS)
def test_after_a_cancel_the_id_is_free_for_any_user(system, user):
    system.place("o", "alice", "BTC", 1, 1)
    system.pause("o")
    assert system.cancel("o") is True
    assert system.place("o", user, "ETH", 2, 3) is True
    order = system.get("o")
    assert (order.user_id, order.currency, order.status) == (user, "ETH", OrderStatus.ACTIVE)
    assert system.cancel("o") is True
    assert system.get("o") is None


def test_after_a_cancel_all_the_ids_are_free(system):
    for user in USERS:
        system.place(user, user, "BTC", 1, 1)
        system.pause(user)
    for user in USERS:
        assert system.cancel_all_by_user(user) == 1
    for user in USERS:
        assert system.place(user, "alice", "BTC", 1, 1) is True
    assert system.display_all_live_orders() == USERS


def test_only_an_active_order_is_paused(system):
    assert system.pause("o") is False
    system.place("o", "alice", "BTC", 1, 1)
    assert system.pause("o") is True
    assert system.get("o").status is OrderStatus.PAUSED
    assert system.pause("o") is False
    assert system.get("o").status is OrderStatus.PAUSED
    system.cancel("o")
    assert system.pause("o") is False


def test_only_a_paused_order_is_resumed(system):
    assert system.resume("o") is False
    system.place("o", "alice", "BTC", 1, 1)
    assert system.resume("o") is False
    system.pause("o")
    assert system.resume("o") is True
    assert system.get("o").status is OrderStatus.ACTIVE
    assert system.resume("o") is False
    system.cancel("o")
    assert system.resume("o") is False


@pytest.mark.parametrize("paused", [False, True])
def test_an_active_and_a_paused_order_can_be_cancelled_once(system, paused):
    assert system.cancel("o") is False
    system.place("o", "alice", "BTC", 1, 1)
    if paused:
        system.pause("o")
    assert system.cancel("o") is True
    assert system.cancel("o") is False
    assert system.get("o") is None
    assert system.display_all_live_orders() == []


def test_pausing_and_resuming_change_nothing_else_of_an_order(system):
    system.place("o", "alice", "BTC", "1.50", "0")
    placed = system.get("o")
    system.pause("o")
    system.resume("o")
    assert system.get("o") == placed


@pytest.mark.parametrize("call", ["pause", "resume", "cancel"])
def test_a_call_that_returns_false_changes_nothing(system, store, call):
    system.place("active", "alice", "BTC", 1, 1)
    system.place("paused", "alice", "BTC", 1, 1)
    system.pause("paused")
    before = contents(store.raw, store.namespace)
    assert getattr(system, call)("unknown") is False
    if call == "pause":
        assert system.pause("paused") is False
    if call == "resume":
        assert system.resume("active") is False
    assert contents(store.raw, store.namespace) == before


def test_cancel_all_counts_all_orders_of_that_user_only(system):
    for number in range(12):
        system.place(f"a{number}", "alice", "BTC", 1, 1)
        system.place(f"b{number}", "bob", "BTC", 1, 1)
    for number in range(0, 12, 2):
        system.pause(f"a{number}")
        system.pause(f"b{number}")
    assert system.cancel_all_by_user("alice") == 12
    assert system.count() == 12
    assert [order.user_id for order in system.live_orders()] == ["bob"] * 12
    assert sum(order.status is OrderStatus.PAUSED for order in system.live_orders()) == 6


def test_cancel_all_touches_the_users_own_stream_alone(system, store):
    for user in USERS:
        system.place(user, user, "BTC", 1, 1)
        system.pause(user)
    mine = stream_of_user("alice", 3)
    before = contents(store.raw, store.namespace)
    system.cancel_all_by_user("alice")
    after = contents(store.raw, store.namespace)
    own = [b"{%b:%d}" % (store.namespace.encode(), mine), b"{%b:directory" % store.namespace.encode()]
    changed = [key for key in before | after if before.get(key) != after.get(key)]
    assert changed
    assert [key for key in changed if not key.startswith(tuple(own))] == []


def test_cancel_all_by_user_leaves_others_of_the_stream_alone(open_system):
    system = open_system(1)
    system.place("o1", "alice", "BTC", 1, 1)
    system.place("o2", "alice2", "BTC", 1, 1)
    system.place("o3", "lice", "BTC", 1, 1)
    system.pause("o2")
    assert system.cancel_all_by_user("alice") == 1
    assert system.display_all_live_orders() == ["o2(paused)", "o3"]


def test_a_cancelled_order_is_gone_from_every_key(system, store):
    system.place("stays", "alice", "BTC", 1, 1)
    before = orders_of(store.raw, store.namespace)
    for user in USERS:
        system.place("goes", user, "BTC", 1, 1)
        system.pause("goes")
        system.cancel("goes")
    after = orders_of(store.raw, store.namespace)
    assert after.keys() == before.keys()
    for key in after:
        assert b"goes" not in after[key]


@pytest.mark.parametrize("one_by_one", [True, False])
def test_when_all_orders_are_gone_only_bookkeeping_remains(system, store, one_by_one):
    for number in range(20):
        system.place(f"o{number}", USERS[number % 7], "BTC", 1, 1)
        if number % 3 == 0:
            system.pause(f"o{number}")
    assert len(orders_of(store.raw, store.namespace)) > 7
    if one_by_one:
        assert sum(system.cancel(f"o{number}") for number in range(20)) == 20
    else:
        assert sum(system.cancel_all_by_user(user) for user in USERS) == 20
    assert orders_of(store.raw, store.namespace) == {}
    assert f"{{{store.namespace}}}:config".encode() in keys_of(store.raw, store.namespace)
    assert system.count() == 0


def test_what_one_system_did_another_one_sees_at_once(open_system):
    mine, yours = open_system(3), open_system(3)
    assert mine.place("o", "alice", "BTC", 1, 1)
    assert not yours.place("o", "bob", "BTC", 1, 1)
    assert yours.pause("o")
    assert mine.display_all_live_orders() == ["o(paused)"]
    assert not mine.pause("o")
    assert mine.cancel("o")
    assert yours.get("o") is None
    assert not yours.cancel("o")
