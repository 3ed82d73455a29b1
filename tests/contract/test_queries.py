"""Asking for a part of the live orders: by time, in pages, from a cursor; counts; the summary."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from cryptoorders_redis import OrderStatus
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import change_settings
from tests.support.model import line, place_in_turn

USERS = [f"user{number}" for number in range(9)]
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(params=[3, 40], ids=["3-streams", "40-streams"])
def orders(request, open_system):
    """Sixty orders of nine users as they were placed, every fourth of them paused; and their system."""
    system = open_system(request.param)
    for number in range(60):
        assert system.place(f"o{number}", USERS[number % 9], ("BTC", "ETH")[number % 2], 1, 1)
    for number in range(0, 60, 4):
        assert system.pause(f"o{number}")
    return system, list(system.live_orders())


def ids(orders):
    return [order.order_id for order in orders]


def test_both_ends_of_a_time_are_left_out(orders):
    system, placed = orders
    start, end = placed[10].placed_at, placed[20].placed_at
    assert list(system.live_orders(placed_after=start)) == placed[11:]
    assert list(system.live_orders(placed_before=end)) == placed[:20]
    assert list(system.live_orders(placed_after=start, placed_before=end)) == placed[11:20]
    around = {"placed_after": start - MICROSECOND, "placed_before": end + MICROSECOND}
    assert list(system.live_orders(**around)) == placed[10:21]
    assert list(system.live_orders(placed_after=end, placed_before=start)) == []
    assert list(system.live_orders(placed_after=start, placed_before=start)) == []


def test_both_ends_of_a_time_are_left_out_of_a_users_orders_too(orders):
    system, placed = orders
    of_user = [order for order in placed if order.user_id == "user2"]
    bounds = {"placed_after": of_user[1].placed_at, "placed_before": of_user[4].placed_at}
    assert list(system.live_orders(user_id="user2", **bounds)) == of_user[2:4]


def test_a_time_is_the_same_in_every_time_zone(orders):
    system, placed = orders
    moment = placed[30].placed_at
    for offset in (-11, 0, 5.75):
        there = moment.astimezone(timezone(timedelta(hours=offset)))
        assert list(system.live_orders(placed_after=there)) == placed[31:]


def test_a_time_before_or_behind_all_is_no_bound(orders):
    system, placed = orders
    early, late = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert list(system.live_orders(placed_after=early, placed_before=late)) == placed
    assert list(system.live_orders(placed_after=late)) == []
    assert list(system.live_orders(placed_before=early)) == []
    assert list(system.live_orders(user_id="user1", placed_before=early)) == []


@pytest.mark.parametrize("limit", [1, 2, 7, 59, 60, 61, 10**9])
def test_a_limit_gives_the_first_of_what_is_asked_for(orders, limit):
    system, placed = orders
    assert list(system.live_orders(limit=limit)) == placed[:limit]
    assert list(system.live_orders(limit=limit, currency="ETH")) == placed[1::2][:limit]
    assert list(system.live_orders(limit=limit, user_id="user4")) == placed[4::9][:limit]
    paused = [order for order in placed[4::9] if order.status is OrderStatus.PAUSED]
    assert list(system.live_orders(limit=limit, user_id="user4", status="PAUSED")) == paused[:limit]


FILTERS = [
    pytest.param({}, id="all"),
    pytest.param({"user_id": "user4"}, id="user"),
    pytest.param({"currency": "ETH"}, id="currency"),
    pytest.param({"status": OrderStatus.PAUSED}, id="status"),
    pytest.param({"user_id": "user4", "status": OrderStatus.ACTIVE}, id="user-and-status"),
]


@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("filters", FILTERS)
def test_another_system_can_continue_from_a_sequence_number(open_system, orders, filters, size):
    _, placed = orders
    given, after = [], None
    while page := list(open_system().live_orders(limit=size, after=after, **filters)):
        given += page
        after = page[-1].sequence
        assert len(page) <= size
    assert given == list(open_system().live_orders(**filters))
    assert given
    assert after <= placed[-1].sequence


def test_a_cursor_outlives_its_order_and_finds_later_ones(system):
    for number in range(4):
        system.place(f"o{number}", USERS[number], "BTC", 1, 1)
    (_, last) = system.live_orders(limit=2)
    system.cancel("o1")
    system.cancel("o0")
    system.place("o0", "user0", "BTC", 1, 1)
    assert ids(system.live_orders(after=last.sequence)) == ["o2", "o3", "o0"]
    (*_, last) = system.live_orders()
    assert list(system.live_orders(after=last.sequence)) == []
    system.place("late", "user5", "BTC", 1, 1)
    assert ids(system.live_orders(after=last.sequence)) == ["late"]


def test_a_cursor_and_a_time_both_hold(orders):
    system, placed = orders
    for first, second in ((10, 20), (20, 10)):
        bounds = {"after": placed[first].sequence, "placed_after": placed[second].placed_at}
        assert list(system.live_orders(**bounds)) == placed[21:]
        assert ids(system.live_orders(user_id="user1", **bounds)) == ids(
            order for order in placed[21:] if order.user_id == "user1"
        )
    assert list(system.live_orders(after=0)) == placed
    assert list(system.live_orders(after=2**53)) == []


def test_all_bounds_together_over_many_pages(open_system):
    system = open_system(3)
    users = [USERS[number % 9] if number % 8 == 0 else "whale" for number in range(1600)]
    place_in_turn(system, [(f"o{number}", user, "BTC", 1, 1) for number, user in enumerate(users)])
    placed = list(system.live_orders())
    bounds = {"placed_after": placed[99].placed_at, "placed_before": placed[1500].placed_at}
    assert list(system.live_orders(**bounds)) == placed[100:1500]
    assert list(system.live_orders(limit=1300, **bounds)) == placed[100:1400]
    of_whale = [order for order in placed if order.user_id == "whale"]
    assert list(system.live_orders(user_id="whale", after=of_whale[300].sequence)) == of_whale[301:]
    assert list(system.live_orders(user_id="whale", limit=1300)) == of_whale[:1300]


def test_a_range_is_not_given_twice_when_streams_are_resized(system, store):
    """The last page was given, and then another call of the same system learns of more streams."""
    for number in range(30):
        system.place(f"o{number}", "user1", "BTC", 1, 1)
    orders = system.live_orders()
    given = [next(orders) for _ in range(30)]
    assert stream_of_user("user1", 3) == stream_of_user("user1", 5)
    change_settings(store.raw, store.namespace, 5)
    assert system.count() == 30
    given += orders
    assert ids(given) == [f"o{number}" for number in range(30)]


NAIVE = datetime(2026, 1, 1)
ILLEGAL = [
    pytest.param({"placed_after": NAIVE}, ValueError, "placed_after must have a time zone", id="naive"),
    pytest.param({"placed_before": NAIVE}, ValueError, "placed_before must have a time zone", id="naive-end"),
    pytest.param({"placed_after": date(2026, 1, 1)}, TypeError, "placed_after must be a datetime", id="date"),
    pytest.param({"placed_before": 1795}, TypeError, "placed_before must be a datetime", id="number"),
    pytest.param({"placed_after": "2026-01-01"}, TypeError, "must be a datetime, not str", id="text"),
    pytest.param({"limit": 0}, ValueError, "limit must be 1 or more, not 0", id="limit-of-0"),
    pytest.param({"limit": -1}, ValueError, "limit must be 1 or more, not -1", id="negative-limit"),
    pytest.param({"limit": True}, TypeError, "limit must be an int, not bool", id="limit-bool"),
    pytest.param({"limit": 2.0}, TypeError, "limit must be an int, not float", id="limit-float"),
    pytest.param({"after": -1}, ValueError, "after must be 0 to", id="negative-cursor"),
    pytest.param({"after": 2**53 + 1}, ValueError, "after must be 0 to", id="cursor-too-large"),
    pytest.param({"after": "1795"}, TypeError, "after must be an int, not str", id="cursor-text"),
    pytest.param({"after": False}, TypeError, "after must be an int, not bool", id="cursor-bool"),
]


@pytest.mark.parametrize(("given", "error", "message"), ILLEGAL)
def test_an_illegal_bound_is_refused_at_the_call(system, sends_nothing, given, error, message):
    with sends_nothing(), pytest.raises(error, match=message):
        system.live_orders(**given)


COUNTS = [
    pytest.param({}, 60, id="all"),
    pytest.param({"status": OrderStatus.PAUSED}, 15, id="paused"),
    pytest.param({"status": "ACTIVE"}, 45, id="active-by-name"),
    pytest.param({"user_id": "user4"}, 7, id="user"),
    pytest.param({"user_id": "user4", "status": OrderStatus.PAUSED}, 2, id="user-paused"),
    pytest.param({"user_id": "user4", "status": OrderStatus.ACTIVE}, 5, id="user-active"),
    pytest.param({"user_id": "nobody"}, 0, id="nobody"),
    pytest.param({"user_id": "nobody", "status": OrderStatus.PAUSED}, 0, id="nobody-paused"),
]


@pytest.mark.parametrize(("filters", "expected"), COUNTS)
def test_count_is_of_those_of_which_every_filter_holds(orders, filters, expected):
    system, _ = orders
    assert system.count(**filters) == expected == len(list(system.live_orders(**filters)))


def test_count_follows_every_change(system):
    system.place("o1", "alice", "BTC", 1, 1)
    system.place("o2", "alice", "BTC", 1, 1)

    def counts():
        return [system.count(user_id="alice", status=status) for status in (None, "ACTIVE", "PAUSED")]

    assert counts() == [2, 2, 0]
    system.pause("o1")
    assert counts() == [2, 1, 1]
    system.cancel("o1")
    assert counts() == [1, 1, 0]
    system.cancel_all_by_user("alice")
    assert counts() == [0, 0, 0]


ILLEGAL_COUNTS = [
    pytest.param({"user_id": ""}, ValueError, "user_id must not be empty", id="user"),
    pytest.param({"user_id": 7}, TypeError, "user_id must be a str", id="user-type"),
    pytest.param({"status": "GONE"}, ValueError, "GONE", id="status"),
]


@pytest.mark.parametrize(("filters", "error", "message"), ILLEGAL_COUNTS)
def test_an_illegal_filter_of_count_sends_nothing(system, sends_nothing, filters, error, message):
    with sends_nothing(), pytest.raises(error, match=message):
        system.count(**filters)


def test_a_glance_at_an_empty_store(system):
    summary = system.summary()
    assert (summary.live, summary.active, summary.paused, summary.placed) == (0, 0, 0, 0)
    assert (summary.sequence, summary.newest) == (0, ())


def test_a_glance_shows_counts_and_the_newest_orders_first(orders):
    system, placed = orders
    summary = system.summary(newest=25)
    assert (summary.live, summary.active, summary.paused) == (60, 45, 15)
    assert list(summary.newest) == placed[:-26:-1]
    assert summary.sequence == placed[-1].sequence
    assert list(system.summary(newest=1000).newest) == placed[::-1]
    assert list(system.summary(newest=1).newest) == placed[-1:]
    assert system.summary(newest=0).newest == ()
    assert len(system.summary().newest) == 10


def test_the_next_glance_counts_what_was_placed_since_and_lives(orders):
    system, placed = orders
    before = system.summary(newest=0)
    assert before.placed == 60
    assert system.summary(after=before.sequence).placed == 0
    assert system.summary(after=placed[39].sequence).placed == 20
    for number in range(5):
        system.place(f"new{number}", USERS[number], "BTC", 1, 1)
    system.cancel("new0")
    system.cancel("o7")
    after = system.summary(after=before.sequence)
    assert (after.placed, after.live) == (4, 63)
    assert [line(order) for order in after.newest[:5]] == ["new4", "new3", "new2", "new1", "o59"]


@pytest.mark.parametrize(
    ("given", "error"),
    [({"newest": -1}, ValueError), ({"newest": 1001}, ValueError), ({"newest": "all"}, TypeError),
     ({"after": -1}, ValueError), ({"after": None}, TypeError)],
)  # fmt: skip
def test_an_illegal_glance_sends_nothing(system, sends_nothing, given, error):
    (name,) = given
    with sends_nothing(), pytest.raises(error, match=f"{name} must be"):
        system.summary(**given)
