"""Changing how much an order is about: amend of what is still so, and reduce."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from cryptoorders_redis import OrderStatus, errors
from tests.support.consistency import contents, orders_of
from tests.support.nasty import NASTY_IDS

EXPECTED = [
    pytest.param({"expected_amount": "2.50"}, True, id="amount"),
    pytest.param({"expected_amount": Decimal("2.5")}, True, id="amount-by-value"),
    pytest.param({"expected_price": 100}, True, id="price"),
    pytest.param({"expected_price": "100.000"}, True, id="price-by-value"),
    pytest.param({"expected_amount": 2.5, "expected_price": 100}, True, id="both"),
    pytest.param({"expected_amount": "2.51"}, False, id="another-amount"),
    pytest.param({"expected_amount": "2.500000000000000000001"}, False, id="an-amount-close-by"),
    pytest.param({"expected_price": 0}, False, id="another-price"),
    pytest.param({"expected_amount": "2.5", "expected_price": 99}, False, id="one-of-both"),
    pytest.param({"expected_amount": 3, "expected_price": 100}, False, id="the-other-of-both"),
]


@pytest.mark.parametrize(("expected", "answer"), EXPECTED)
def test_amend_changes_only_what_is_still_so(system, raw, store, expected, answer):
    system.place("o", "alice", "BTC", "2.50", 100)
    before = contents(raw, store.namespace)
    assert system.amend("o", amount=7, **expected) is answer
    assert system.get("o").amount == (7 if answer else Decimal("2.50"))
    assert (contents(raw, store.namespace) == before) is not answer
    assert system.user("bob").amend("o", amount=8) is False
    assert system.user("alice").amend("o", price=1, expected_amount=7 if answer else "2.5") is True


def test_an_expected_value_must_be_legal(system, sends_nothing):
    with sends_nothing():
        for wrong in ({"expected_amount": 0}, {"expected_amount": "x"}, {"expected_price": -1}):
            with pytest.raises(ValueError, match=next(iter(wrong))):
                system.amend("o", amount=1, **wrong)
        with pytest.raises(ValueError, match="give an amount, a price, or both"):
            system.amend("o", expected_amount=1)


def test_reduce_takes_off_what_is_filled_and_keeps_the_rest(system):
    system.place("first", "alice", "BTC", 1, 1)
    system.place("o", "alice", "BTC", "1.50", "99.90", metadata={"side": "buy"})
    system.pause("o")
    before = system.get("o")
    assert str(system.reduce("o", "0.5")) == "1.00"
    assert system.reduce("o", 0.25) == Decimal("0.75")
    after = system.get("o")
    assert (after.amount, after.price, after.metadata) == (Decimal("0.75"), before.price, {"side": "buy"})
    assert (after.status, after.sequence) == (OrderStatus.PAUSED, before.sequence)
    assert system.display_all_live_orders() == ["first", "o(paused)"]


@pytest.mark.parametrize("by", ["0.3", "0.30", Decimal("3E-1"), "0.300000"])
def test_an_order_of_which_nothing_is_left_is_gone(system, raw, store, by):
    system.place("o", "alice", "BTC", "0.30", 1)
    system.pause("o")
    left = system.reduce("o", by)
    assert isinstance(left, Decimal)
    assert left == 0
    assert system.get("o") is None
    assert orders_of(raw, store.namespace) == {}
    assert system.reduce("o", by) is None
    assert system.place("o", "bob", "BTC", 1, 1) is True


@pytest.mark.parametrize("by", ["2.5000000000000000000000001", 3, 10**60])
def test_more_than_there_is_cannot_be_taken_off(system, raw, store, by):
    system.place("o", "alice", "BTC", "2.5", 1)
    before = contents(raw, store.namespace)
    with pytest.raises(errors.AmountExceeded, match=r"order 'o' has an amount of 2\.5") as exceeded:
        system.reduce("o", by)
    assert exceeded.value.left == Decimal("2.5")
    assert contents(raw, store.namespace) == before


def test_what_is_not_live_or_not_ones_own_is_not_reduced(system, raw, store):
    assert system.reduce("o", 1) is None
    system.place("o", "alice", "BTC", 5, 1)
    before = contents(raw, store.namespace)
    assert system.user("bob").reduce("o", 1) is None
    assert system.user("bob").reduce("o", 9) is None
    assert contents(raw, store.namespace) == before
    assert system.user("alice").reduce("o", 1) == 4
    assert system.user("alice").reduce("o", 4) == 0


@pytest.mark.parametrize("by", [0, -1, "0.0", "nan", "inf", "1e999999999", None, True, b"1", []])
def test_what_is_no_amount_is_refused(system, sends_nothing, by):
    with sends_nothing(), pytest.raises((TypeError, ValueError), match=r"^by "):
        system.reduce("o", by)


def test_a_rest_of_too_many_digits_is_refused(system, raw, store):
    system.place("o", "alice", "BTC", "1" + "0" * 60, 1)
    before = contents(raw, store.namespace)
    with pytest.raises(errors.TooManyDigits, match="by has too many digits: the rest would have 110"):
        system.reduce("o", "0." + "0" * 49 + "1")
    assert contents(raw, store.namespace) == before
    assert system.reduce("o", "0." + "0" * 38 + "1") == Decimal("9" * 60 + "." + "9" * 39)


@pytest.mark.parametrize("user", [*NASTY_IDS[:8], '","amount":"1","price":"1"}', "\\", '\\"'])
def test_a_users_text_cannot_stand_for_an_amount(system, user):
    for number, currency in enumerate([user, "BTC"]):
        order_id = f"o{number}"
        metadata = {"amount": "7", '"amount":"5"': '","amount":"5","price":"5"'}
        system.place(order_id, user, currency, 5, 5, metadata=metadata)
        assert system.amend(order_id, amount=6) is True
        assert system.reduce(order_id, 2) == 4
        order = system.get(order_id)
        assert (order.user_id, order.currency, order.metadata) == (user, currency, metadata)
        assert (order.amount, order.price) == (4, 5)
    assert system.reduce("o0", 4) == 0
    assert system.cancel("o1") is True


def test_reductions_at_the_same_time_lose_none(open_system):
    systems = [open_system(2) for _ in range(3)]
    systems[0].place("o", "alice", "BTC", 100, 1)

    def reduce_often(system):
        return [system.reduce("o", "0.1") for _ in range(100)]

    with ThreadPoolExecutor(3) as pool:
        lefts = sorted(left for answers in pool.map(reduce_often, systems) for left in answers)
    assert lefts == [Decimal(number) / 10 for number in range(700, 1000)]
    assert systems[1].get("o").amount == 70
