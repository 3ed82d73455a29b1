"""Reading: the listing, live_orders, count and get."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cryptoorders_redis import Order, OrderStatus
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.model import line, place_in_turn

USERS = [f"user{number}" for number in range(9)]


@pytest.fixture
def nine_orders(system):
    """Over all three streams, three of them paused."""
    assert {stream_of_user(user, 3) for user in USERS} == {0, 1, 2}
    for number, user in enumerate(USERS):
        assert system.place(f"o{number}", user, ("BTC", "ETH")[number % 2], 1, 1)
    for order_id in ("o0", "o4", "o8"):
        assert system.pause(order_id)
    return system


def test_an_empty_store_lists_nothing(system):
    assert system.display_all_live_orders() == []
    assert list(system.live_orders()) == []
    assert list(system.live_orders(user_id="alice")) == []
    assert system.count() == 0
    assert system.get("o") is None


def test_orders_are_listed_in_placement_order_across_all_streams(nine_orders):
    assert nine_orders.display_all_live_orders() == [
        "o0(paused)", "o1", "o2", "o3", "o4(paused)", "o5", "o6", "o7", "o8(paused)",
    ]  # fmt: skip


def test_a_paused_order_keeps_its_place(nine_orders):
    nine_orders.resume("o0")
    nine_orders.pause("o2")
    nine_orders.resume("o4")
    assert nine_orders.display_all_live_orders() == [
        "o0", "o1", "o2(paused)", "o3", "o4", "o5", "o6", "o7", "o8(paused)",
    ]  # fmt: skip


def test_an_order_placed_again_is_listed_last(nine_orders):
    nine_orders.cancel("o0")
    nine_orders.cancel("o5")
    nine_orders.place("o5", "user0", "BTC", 1, 1)
    nine_orders.place("o0", "user8", "BTC", 1, 1)
    assert nine_orders.display_all_live_orders() == [
        "o1", "o2", "o3", "o4(paused)", "o6", "o7", "o8(paused)", "o5", "o0",
    ]  # fmt: skip


def test_an_order_that_was_not_placed_loses_nobodys_place(nine_orders):
    nine_orders.place("o1", "user5", "BTC", 1, 1)
    assert nine_orders.display_all_live_orders()[1] == "o1"


def test_placement_order_is_that_of_all_systems_together(open_system):
    systems = [open_system(4) for _ in range(3)]
    for number in range(30):
        systems[number % 3].place(f"o{number}", f"user{number % 11}", "BTC", 1, 1)
    for system in systems:
        assert system.display_all_live_orders() == [f"o{number}" for number in range(30)]


def test_count_is_of_active_and_paused_orders_in_all_streams(nine_orders):
    assert nine_orders.count() == 9
    nine_orders.cancel("o0")
    assert nine_orders.count() == 8


def test_get_returns_the_whole_order(system, store):
    before = _server_time(store.raw)
    system.place("o", "alice", "BTC", "0.10", "60000.000000000000000000000000001")
    after = _server_time(store.raw)
    order = system.get("o")
    assert order == Order(
        order_id="o",
        user_id="alice",
        currency="BTC",
        amount=Decimal("0.10"),
        price=Decimal("60000.000000000000000000000000001"),
        status=OrderStatus.ACTIVE,
        placed_at=order.placed_at,
        sequence=order.sequence,
    )
    assert str(order.amount) == "0.10"
    assert before <= order.placed_at <= after
    assert order.placed_at.tzinfo is UTC
    assert order.placed_at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=order.sequence)


def test_get_is_none_for_an_order_that_is_not_live(system):
    assert system.get("o") is None
    system.place("o", "alice", "BTC", 1, 1)
    system.cancel("o")
    assert system.get("o") is None


def test_sequence_numbers_rise_strictly_over_all_streams(nine_orders):
    sequences = [nine_orders.get(f"o{number}").sequence for number in range(9)]
    assert sequences == sorted(set(sequences))


def test_an_order_is_frozen_and_its_status_prints_as_its_name(nine_orders):
    order = nine_orders.get("o0")
    with pytest.raises(AttributeError):
        order.status = OrderStatus.ACTIVE
    assert (str(order.status), order.status) == ("PAUSED", "PAUSED")


def test_live_orders_are_what_get_returns_in_placement_order(nine_orders):
    assert list(nine_orders.live_orders()) == [nine_orders.get(f"o{number}") for number in range(9)]


FILTERS = [
    pytest.param({"user_id": "user4"}, [4], id="user"),
    pytest.param({"user_id": "nobody"}, [], id="unknown-user"),
    pytest.param({"currency": "BTC"}, [0, 2, 4, 6, 8], id="currency"),
    pytest.param({"currency": "DOGE"}, [], id="unknown-currency"),
    pytest.param({"status": OrderStatus.PAUSED}, [0, 4, 8], id="paused"),
    pytest.param({"status": OrderStatus.ACTIVE}, [1, 2, 3, 5, 6, 7], id="active"),
    pytest.param({"status": "PAUSED"}, [0, 4, 8], id="status-by-name"),
    pytest.param({"user_id": "user4", "status": OrderStatus.ACTIVE}, [], id="user-and-status"),
    pytest.param({"user_id": "user4", "currency": "BTC"}, [4], id="user-and-currency"),
    pytest.param({"user_id": "user5", "currency": "BTC"}, [], id="user-and-another-currency"),
    pytest.param({"currency": "BTC", "status": OrderStatus.ACTIVE}, [2, 6], id="currency-and-status"),
    pytest.param({"user_id": "user8", "currency": "BTC", "status": OrderStatus.PAUSED}, [8], id="all-three"),
]


@pytest.mark.parametrize(("filters", "numbers"), FILTERS)
def test_live_orders_are_those_of_which_every_filter_holds(nine_orders, filters, numbers):
    assert [order.order_id for order in nine_orders.live_orders(**filters)] == [f"o{n}" for n in numbers]


ILLEGAL_FILTERS = [
    pytest.param({"user_id": ""}, ValueError, "user_id must not be empty", id="user"),
    pytest.param({"user_id": 7}, TypeError, "user_id must be a str", id="user-type"),
    pytest.param({"currency": ""}, ValueError, "currency must not be empty", id="currency"),
    pytest.param({"currency": 7}, TypeError, "currency must be a str", id="currency-type"),
    pytest.param({"status": "CANCELLED"}, ValueError, "CANCELLED", id="status"),
]


@pytest.mark.parametrize(("filters", "error", "message"), ILLEGAL_FILTERS)
def test_an_illegal_filter_is_refused_at_the_call_itself(system, filters, error, message):
    with pytest.raises(error, match=message):
        system.live_orders(**filters)


STREAMS = [
    pytest.param(1, id="1-stream"),
    pytest.param(3, id="3-streams"),
    pytest.param(150, id="150-streams"),
]


@pytest.mark.parametrize("num_streams", STREAMS)
def test_live_orders_come_complete_and_in_order_over_many_pages(open_system, num_streams):
    system = open_system(num_streams)
    # Streams of very different sizes: most orders are one user's.
    users = ["whale" if number % 4 else f"user{number % 50}" for number in range(1300)]
    place_in_turn(system, [(f"o{n}", user, ("BTC", "ETH")[n % 2], 1, 1) for n, user in enumerate(users)])
    for number in range(0, 1300, 10):
        system.pause(f"o{number}")
    listing = system.display_all_live_orders()
    assert len(listing) == 1300
    assert [line(order) for order in system.live_orders()] == listing
    assert [line(order) for order in system.live_orders(status="PAUSED")] == [
        f"o{number}(paused)" for number in range(0, 1300, 10)
    ]
    assert [line(order) for order in system.live_orders(user_id="whale", currency="ETH")] == [
        f"o{number}" for number in range(1300) if number % 4 and number % 2
    ]
    assert [line(order) for order in system.live_orders(user_id="whale")] == (
        system.user("whale").display_all_live_orders()
    )


@pytest.mark.parametrize("filters", [{}, {"user_id": "whale"}], ids=["all", "of-one-user"])
def test_an_order_live_throughout_is_given_exactly_once(open_system, filters):
    system = open_system(2)
    place_in_turn(system, [(f"o{number}", "whale", "BTC", 1, 1) for number in range(1300)])
    ids = (f"o{number}" for number in itertools.chain(range(0, 1300, 13), range(1299, 0, -13)))
    gone, given = set(), []
    for order in system.live_orders(**filters):
        given.append(order)
        if len(given) % 10 == 0:
            order_id = next(ids)
            gone.add(order_id)
            system.cancel(order_id)
            system.place(f"new{order_id}", "whale", "BTC", 1, 1)
            system.place(f"other{order_id}", "user1", "BTC", 1, 1)
            if len(given) % 20 == 0:
                system.place(order_id, "whale", "BTC", 2, 2)
    given_ids = [order.order_id for order in given]
    throughout = [f"o{number}" for number in range(1300) if f"o{number}" not in gone]
    assert len(gone) > 100
    assert [order_id for order_id in given_ids if order_id in set(throughout)] == throughout
    sequences = [order.sequence for order in given]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("read", ["display", "live_orders", "of-a-user"])
def test_placement_order_is_numeric_however_long_the_numbers_are(nine_orders, store, raw, read):
    """As a clock that was wrong may have left them."""
    for number, sequence in {7: 5, 3: 40, 1: 300, 5: 200, 8: 10**15 - 1}.items():
        stream = stream_of_user(f"user{number}", 3)
        raw.zadd(f"{{{store.namespace}:{stream}}}:placed", {f"o{number}": sequence})
    expected = ["o7", "o3", "o5", "o1", "o8(paused)", "o0(paused)", "o2", "o4(paused)", "o6"]
    if read == "display":
        assert nine_orders.display_all_live_orders() == expected
    elif read == "live_orders":
        assert [line(order) for order in nine_orders.live_orders()] == expected
    else:
        nine_orders.place("late", "user3", "BTC", 1, 1)
        assert nine_orders.user("user3").display_all_live_orders() == ["o3", "late"]


def test_live_orders_can_be_left_in_the_middle(system):
    for number in range(5):
        system.place(f"o{number}", "alice", "BTC", 1, 1)
    assert [order.order_id for order in itertools.islice(system.live_orders(), 2)] == ["o0", "o1"]
    assert system.count() == 5


def test_live_orders_read_each_time_anew(system):
    system.place("o1", "alice", "BTC", 1, 1)
    first, second = system.live_orders(), system.live_orders()
    assert [order.order_id for order in first] == ["o1"]
    system.place("o2", "alice", "BTC", 1, 1)
    assert [order.order_id for order in second] == ["o1", "o2"]
    assert list(first) == []


def _server_time(raw):
    seconds, microseconds = raw.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
