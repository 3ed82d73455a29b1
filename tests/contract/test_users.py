"""`user(...)`: one user's orders, blind to all others."""

import pytest

from cryptoorders_redis import errors
from tests.support.consistency import contents

CALLS = [
    pytest.param(lambda user: user.pause("o"), id="pause"),
    pytest.param(lambda user: user.resume("o"), id="resume"),
    pytest.param(lambda user: user.cancel("o"), id="cancel"),
]


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("stranger", ["alice", "bob2", "carol", "dave", "ob", "erin"])
@pytest.mark.parametrize("call", CALLS)
def test_another_users_order_is_as_if_it_did_not_exist(system, store, call, stranger, paused):
    system.place("o", "bob", "BTC", 1, 1)
    if paused:
        system.pause("o")
    before = contents(store.raw, store.namespace)
    assert call(system.user(stranger)) is False
    assert contents(store.raw, store.namespace) == before
    assert system.display_all_live_orders() == ["o(paused)" if paused else "o"]


def test_ones_own_orders_are_paused_resumed_and_cancelled(system):
    alice = system.user("alice")
    assert alice.place("o", "BTC", 1, 1) is True
    assert alice.resume("o") is False
    assert alice.pause("o") is True
    assert alice.pause("o") is False
    assert alice.resume("o") is True
    assert alice.cancel("o") is True
    assert alice.cancel("o") is False
    assert alice.pause("o") is False


def test_an_order_placed_through_a_user_is_that_users(system):
    assert system.user("alice").place("o", "BTC", "0.10", 7)
    order = system.get("o")
    assert (order.user_id, order.currency, str(order.amount), order.price) == ("alice", "BTC", "0.10", 7)
    assert system.cancel_all_by_user("alice") == 1


def test_an_id_that_is_live_for_another_user_cannot_be_placed(system):
    assert system.user("bob").place("o", "BTC", 1, 1) is True
    assert system.user("alice").place("o", "BTC", 1, 1) is False
    assert system.get("o").user_id == "bob"
    assert system.user("bob").cancel("o")
    assert system.user("alice").place("o", "BTC", 1, 1) is True


def test_a_user_lists_only_their_own_orders_in_placement_order(system):
    for number in range(12):
        system.place(f"o{number}", "alice" if number % 3 else "bob", "BTC", 1, 1)
    system.pause("o0")
    system.pause("o4")
    assert system.user("bob").display_all_live_orders() == ["o0(paused)", "o3", "o6", "o9"]
    assert system.user("alice").display_all_live_orders() == [
        "o1", "o2", "o4(paused)", "o5", "o7", "o8", "o10", "o11",
    ]  # fmt: skip
    assert system.user("nobody").display_all_live_orders() == []


def test_cancel_all_of_a_user_is_that_users_only(system):
    for number in range(6):
        system.place(f"o{number}", "alice" if number % 2 else "bob", "BTC", 1, 1)
    assert system.user("alice").cancel_all() == 3
    assert system.user("alice").cancel_all() == 0
    assert system.display_all_live_orders() == ["o0", "o2", "o4"]


def test_a_user_with_an_illegal_id_is_refused_first(system):
    with pytest.raises(ValueError, match="user_id must not be empty"):
        system.user("")
    with pytest.raises(TypeError, match="user_id must be a str, not int"):
        system.user(7)


def test_a_user_of_a_closed_system_is_closed(open_system):
    system = open_system(1)
    alice = system.user("alice")
    system.close()
    with pytest.raises(errors.StoreClosed):
        alice.place("o", "BTC", 1, 1)


def test_a_users_calls_for_many_leave_others_orders_alone(system):
    alice = system.user("alice")
    assert alice.place_many([("a1", "BTC", 1, 2), ("a2", "ETH", 3, 4), ("a1", "BTC", 1, 2)]) == [
        True, True, False,
    ]  # fmt: skip
    assert system.place("b1", "bob", "BTC", 1, 1)
    ids = ["a1", "b1", "a2", "nothing"]
    assert alice.pause_many(ids) == [True, False, True, False]
    assert system.display_all_live_orders() == ["a1(paused)", "a2(paused)", "b1"]
    assert system.pause("b1")
    assert alice.resume_many(ids) == [True, False, True, False]
    assert alice.cancel_many(ids) == [True, False, True, False]
    assert system.display_all_live_orders() == ["b1(paused)"]


def test_a_user_reads_their_own_orders_alone(system):
    alice = system.user("alice")
    alice.place_many([("a1", "BTC", 1, 2), ("a2", "ETH", 3, 4)])
    system.place("b1", "bob", "BTC", 1, 1)
    alice.pause("a2")
    assert alice.get("a1").price == 2
    assert alice.get("b1") is None
    assert [order.order_id for order in alice.live_orders()] == ["a1", "a2"]
    assert [order.order_id for order in alice.live_orders(currency="ETH")] == ["a2"]
    assert (alice.count(), alice.count(status="PAUSED"), alice.count(status="ACTIVE")) == (2, 1, 1)


def test_a_users_order_that_is_not_legal_is_named_by_its_index(system):
    with pytest.raises(ValueError, match=r"orders\[1\]: amount must be above zero"):
        system.user("alice").place_many([("a1", "BTC", 1, 2), ("a2", "BTC", 0, 2)])
    with pytest.raises(ValueError, match=r"orders\[0\]: must be a NewOrder or a tuple"):
        system.user("alice").place_many(["a1"])
    assert system.count() == 0
