"""Calls for many orders do the same as single calls, in fewer round trips."""

import random
from decimal import Decimal
from itertools import compress

import pytest

from cryptoorders_redis import NewOrder, OrderStatus, errors
from cryptoorders_redis.operations.bulk import BATCH
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import change_settings, contents
from tests.support.model import Model
from tests.support.nasty import NASTY_IDS


def many(count, user="alice"):
    return [(f"o{number}", user, "BTC", number + 1, "2.50") for number in range(count)]


def test_orders_are_placed_in_turn_and_answered_in_turn(system):
    system.place("o1", "bob", "BTC", 1, 1)
    orders = [NewOrder("o0", "alice", "BTC", 1, 1), *many(4)]
    assert system.place_many(orders) == [True, False, False, True, True]
    assert system.display_all_live_orders() == ["o1", "o0", "o2", "o3"]
    assert system.get("o1").user_id == "bob"
    assert system.get("o3").amount == Decimal(4)
    assert str(system.get("o3").price) == "2.50"


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 2 * BATCH + 500])
def test_any_number_is_sent_in_batches_and_keeps_its_order(system, store, count):
    orders = [(order_id, f"user{n % 7}", *rest) for n, (order_id, _, *rest) in enumerate(many(count))]
    ids = [order[0] for order in orders]

    def settled(listed):
        return store.differences.settle(
            listed,
            batch_of=lambda order_id: int(order_id[1:]) // BATCH,
            stream_of=lambda order_id: stream_of_user(f"user{int(order_id[1:]) % 7}", 3),
        )

    assert system.place_many(iter(orders)) == [True] * count
    assert settled(system.display_all_live_orders()) == settled(ids)
    assert system.pause_many(ids[::2]) == [True] * len(ids[::2])
    assert system.pause_many(iter(ids)) == [n % 2 == 1 for n in range(count)]
    assert system.resume_many(ids) == [True] * count
    assert system.place_many(orders) == [False] * count
    assert system.cancel_many(reversed(ids)) == [True] * count
    assert system.cancel_many(ids) == [False] * count
    assert system.count() == 0


def test_an_id_that_is_there_twice_counts_the_first_time(system):
    assert system.place_many([*many(2), *many(2, user="bob")]) == [True, True, False, False]
    assert system.pause_many(["o0", "o0", "o1"]) == [True, False, True]
    assert system.resume_many(["o0", "o0"]) == [True, False]
    assert system.cancel_many(["o0", "nobody's", "o0", "o1"]) == [True, False, False, True]


def test_nasty_ids_and_users(system, store):
    orders = [(order_id, NASTY_IDS[-1 - n], order_id, 1, 1) for n, order_id in enumerate(NASTY_IDS)]
    users = {order_id: user_id for order_id, user_id, *_ in orders}

    def settled(order_ids):
        return store.differences.settle(
            order_ids, batch_of=lambda _: 0, stream_of=lambda order_id: stream_of_user(users[order_id], 3)
        )

    assert all(system.place_many(orders))
    live = list(system.live_orders())
    assert {order.order_id: order.user_id for order in live} == users
    assert settled([order.order_id for order in live]) == settled(NASTY_IDS)
    assert all(system.pause_many(NASTY_IDS))
    assert system.display_all_live_orders() == [f"{order.order_id}(paused)" for order in live]
    assert all(system.cancel_many(NASTY_IDS))


ONE = Decimal(1)


def test_many_at_random_are_as_one_by_one(system, store):
    chance, model, batches = random.Random(5), Model(), {}
    ids = [f"o{number}" for number in range(30)]

    def settled(listed):
        return store.differences.settle(
            listed,
            batch_of=lambda line: batches[line.removesuffix("(paused)")],
            stream_of=lambda line: stream_of_user(model.live[line.removesuffix("(paused)")].user_id, 3),
        )

    for turn in range(60):
        some = chance.choices(ids, k=chance.randrange(40))
        match chance.choice(["place", "pause", "resume", "cancel"]):
            case "place":
                orders = [(order_id, chance.choice(["a", "b", "c"]), "BTC", ONE, ONE) for order_id in some]
                placed = [model.place(*order) for order in orders]
                assert system.place_many(orders) == placed
                batches |= dict.fromkeys(compress(some, placed), turn)
            case "pause":
                assert system.pause_many(some) == [model.pause(order_id) for order_id in some]
            case "resume":
                assert system.resume_many(some) == [model.resume(order_id) for order_id in some]
            case "cancel":
                assert system.cancel_many(some) == [model.cancel(order_id) for order_id in some]
        assert settled(system.display_all_live_orders()) == settled(model.display())


BAD_ORDERS = [
    pytest.param(("o", "u", "c", 0, 1), r"orders\[2\]: amount must be above zero", id="amount"),
    pytest.param(("", "u", "c", 1, 1), r"orders\[2\]: order_id must not be empty", id="id"),
    pytest.param(("o", 7, "c", 1, 1), r"orders\[2\]: user_id must be a str, not int", id="type"),
    pytest.param(
        ("o", "u", "c", 1), r"orders\[2\]: an order has 5 fields, or 6 with metadata, or 7 with", id="fields"
    ),
    pytest.param("ouc11", r"orders\[2\]: must be a NewOrder or a tuple", id="text"),
]


@pytest.mark.parametrize(("bad", "message"), BAD_ORDERS)
def test_one_bad_order_is_named_by_index_and_nothing_is_sent(system, sends_nothing, bad, message):
    with sends_nothing(), pytest.raises(ValueError, match=message):
        system.place_many([*many(2), bad, ("", "", "", 0, 0)])


@pytest.mark.parametrize("call", ["pause_many", "resume_many", "cancel_many"])
def test_one_bad_id_is_refused_by_its_index_and_nothing_is_sent(system, sends_nothing, call):
    with sends_nothing(), pytest.raises(ValueError, match=r"order_ids\[1\]: order_id must be a str"):
        getattr(system, call)(["o1", 2])
    with sends_nothing(), pytest.raises(TypeError, match="not one str"):
        getattr(system, call)("order1")


def test_streams_that_have_changed_are_noticed_by_a_batch(system, raw, store):
    change_settings(raw, store.namespace, 5)
    assert system.place_many([(f"o{n}", f"user{n}", "BTC", 1, 1) for n in range(20)]) == [True] * 20
    assert system.verify() == []


def test_amend_keeps_the_position_the_status_and_the_rest(system):
    system.place_many(many(3))
    system.pause("o1")
    before = system.get("o1")
    assert system.amend("o1", amount="7.50") is True
    assert system.amend("o1", price=Decimal("0.0001")) is True
    after = system.get("o1")
    assert (str(after.amount), str(after.price)) == ("7.50", "0.0001")
    assert (after.sequence, after.status) == (before.sequence, OrderStatus.PAUSED)
    assert system.amend("o1", amount=0.1, price=0) is True
    assert (str(system.get("o1").amount), str(system.get("o1").price)) == ("0.1", "0")
    assert system.display_all_live_orders() == ["o0", "o1(paused)", "o2"]
    assert system.amend("nobody's", amount=1) is False


def test_amend_of_another_users_order_does_nothing(system):
    system.place_many(many(1))
    assert system.user("bob").amend("o0", amount=7) is False
    assert system.get("o0").amount == 1
    assert system.user("alice").amend("o0", amount=7) is True
    assert system.get("o0").amount == 7


def test_amend_never_mistakes_a_users_text_for_a_field(system):
    trap = '","amount":"9","price":"9"}'
    for text in (trap, '"amount":"', "\\", '\\"', trap[1:]):
        system.place(text, text, text, 1, 2)
        assert system.amend(text, price=3)
        order = system.get(text)
        assert (order.user_id, order.currency, order.amount, order.price) == (text, text, 1, 3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({}, ValueError, "give an amount, a price, or both"),
        ({"amount": 0}, ValueError, "amount must be above zero"),
        ({"amount": 1, "price": -1}, ValueError, "price must not be negative"),
        ({"price": "x"}, ValueError, "price must be a decimal number"),
        ({"amount": True}, TypeError, "amount must be a Decimal"),
    ],
)
def test_an_illegal_amend_is_refused_and_nothing_is_sent(system, sends_nothing, change, error, message):
    with sends_nothing(), pytest.raises(error, match=message):
        system.amend("o1", **change)


def test_a_record_that_cannot_be_read_is_not_amended(system, raw, store):
    system.place("o", "alice", "BTC", 1, 1)
    (orders,) = raw.scan_iter(match=f"{{{store.namespace}:*:orders")
    record = raw.hget(orders, "o")
    raw.hset(orders, "o", record.replace(b'"amount"', b'"quantity"'))
    with pytest.raises(errors.InconsistentData, match="cannot be read"):
        system.amend("o", amount=2)
    raw.hset(orders, "o", record)


@pytest.fixture
def dead_entry(system, raw, store):
    """An entry of the directory for o0, which is no order; and o1 to o3, which are."""
    assert system.place_many(many(4)[1:]) == [True] * 3
    directory, entry = store.names.directory_of("o0"), store.names.entry_of(stream_of_user("alice", 3))
    raw.hset(directory, "o0", entry)
    yield
    if raw.hget(directory, "o0") == entry.encode():
        raw.hdel(directory, "o0")
        assert system.place(*many(1)[0]) is True


def test_an_entry_of_the_directory_without_its_order_is_no_order(system, raw, namespace, dead_entry):
    before = contents(raw, namespace)
    for caller in (system, system.user("alice")):
        for change in ("resume", "cancel") if caller is system else ("pause", "resume", "cancel"):
            assert getattr(caller, change)("o0") is False
            assert getattr(caller, f"{change}_many")(["o0", "o0"]) == [False, False]
        assert caller.amend("o0", amount=2) is False
        assert caller.reduce("o0", 1) is None
        assert caller.get("o0") is None
    assert contents(raw, namespace) == before
    assert [found.subject for found in system.verify()] == ["o0"]
    assert system.user("alice").pause_many(["o0", "o1"]) == [False, True]
    assert system.resume_many(["o0", "o1"]) == [False, True]
    assert system.cancel_many(["o0", "o1"]) == [False, True]
    assert system.display_all_live_orders() == ["o2", "o3"]


def test_an_entry_without_its_order_bars_its_id(system, raw, store, dead_entry):
    """Until it is removed, and except where a client that died can leave one: there it is taken over."""
    before = contents(raw, store.namespace)
    is_taken_over = store.differences.entries_without_order_are_taken_over
    assert system.place(*many(1)[0]) is is_taken_over
    assert system.place_many(many(2)) == [False, False]
    assert (contents(raw, store.namespace) == before) is not is_taken_over


def test_pause_believes_an_entry_without_its_order(system, store, dead_entry):
    """Where one server holds all keys: to look at the order too would take a tenth of its time."""
    believes = not store.differences.changes_ask_the_stream
    assert system.pause("o0") is believes
    assert {found.subject for found in system.verify()} == {"o0"}
    assert system.resume("o0") is believes


def test_numbers_of_a_batch_follow_one_another_at_any_digit(system, raw, store):
    sequence = store.names.sequence_of(stream_of_user("alice", 3))
    for ahead in (4102444800_999_900, 4102444801_999_999, 4102444802_999_998):
        raw.set(sequence, ahead)
        assert all(system.place_many(many(200)))
        numbers = [order.sequence for order in system.live_orders()]
        assert numbers == list(range(ahead + 1, ahead + 201))
        assert int(raw.get(sequence)) == ahead + 200
        assert all(system.cancel_many([f"o{number}" for number in range(200)]))
