"""Orders that expire, and the dead man's switch: the same on every backend and in both APIs."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from cryptoorders_redis import Event, NewOrder, errors
from cryptoorders_redis.order import EPOCH
from tests.support.blocking import worker_of

SOON = timedelta(milliseconds=30)

LATER = datetime(2099, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)


def pass_deadline():
    time.sleep(0.04)


def place(system, order_id="o", user="alice", expires_at=None):
    return system.place(order_id, user, "BTC", 1, 1, expires_at=expires_at)


def test_an_order_says_when_it_expires(system):
    assert place(system, expires_at=LATER)
    order = system.get("o")
    assert order.expires_at == LATER
    assert order.to_dict()["expires_at"] == "2099-02-28T23:59:59.123456+00:00"
    assert list(system.live_orders()) == list(system.user("alice").live_orders()) == [order]
    assert place(system, "never")
    assert system.get("never").expires_at is None


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2096, 2, 29, 12, tzinfo=UTC),
        datetime(2100, 3, 1, tzinfo=UTC),
        datetime(2099, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2255, 1, 1, tzinfo=UTC),
    ],
)
def test_the_servers_text_of_a_moment_is_exact(system, moment):
    assert place(system, expires_at=moment)
    assert system.get("o").expires_at == moment
    assert system.verify() == []


def test_a_time_from_now_on_is_by_the_servers_clock(system):
    assert place(system, expires_at=timedelta(hours=1))
    order = system.get("o")
    assert abs(order.expires_at - order.placed_at - timedelta(hours=1)) < timedelta(seconds=1)


READS = {
    "get": lambda system: system.get("o"),
    "get-of-user": lambda system: system.user("alice").get("o"),
    "listing": lambda system: system.display_all_live_orders(),
    "listing-of-user": lambda system: system.user("alice").display_all_live_orders(),
    "live_orders": lambda system: list(system.live_orders()),
    "live_orders-of-user": lambda system: list(system.user("alice").live_orders()),
    "count": lambda system: system.count(),
    "count-of-user": lambda system: system.count(user_id="alice"),
    "summary": lambda system: system.summary().live or list(system.summary().newest),
    "newest": lambda system: list(system.summary().newest),
    "stats": lambda system: system.stats().live,
}


@pytest.mark.parametrize("read", READS)
def test_no_read_shows_an_order_whose_time_is_over(system, read):
    assert place(system, expires_at=SOON)
    pass_deadline()
    assert not READS[read](system)


CHANGES = {
    "pause": lambda system: system.pause("o"),
    "resume": lambda system: system.resume("o"),
    "cancel": lambda system: system.cancel("o"),
    "amend": lambda system: system.amend("o", amount=2),
    "reduce": lambda system: system.reduce("o", 1),
    "pause_many": lambda system: any(system.pause_many(["o", "none"])),
    "resume_many": lambda system: any(system.resume_many(["o", "none"])),
    "cancel_many": lambda system: any(system.cancel_many(["o", "none"])),
    "cancel_all": lambda system: system.cancel_all_by_user("alice"),
    "cancel-of-user": lambda system: system.user("alice").cancel("o"),
    "cancel_many-of-user": lambda system: any(system.user("alice").cancel_many(["o", "none"])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_change_finds_an_order_whose_time_is_over(system, change):
    assert place(system, expires_at=SOON)
    if "resume" in change:
        assert system.pause("o")
    pass_deadline()
    assert not CHANGES[change](system)
    assert system.verify() == []


@pytest.mark.parametrize("user", ["alice", "bob", "carol"])
def test_an_id_is_free_when_its_order_has_expired(system, user):
    assert place(system, expires_at=SOON)
    pass_deadline()
    assert place(system, user=user)
    assert system.place_many([("o", user, "BTC", 1, 1)]) == [False]
    assert system.count() == 1
    assert system.verify() == []


def test_many_orders_have_deadlines_of_their_own(system):
    orders = [
        ("a", "alice", "BTC", 1, 1),
        ("b", "alice", "BTC", 1, 1, {"side": "buy"}),
        ("c", "bob", "BTC", 1, 1, None, SOON),
        NewOrder("d", "bob", "BTC", 1, 1, {"side": "sell"}, LATER),
    ]
    assert system.place_many(orders) == [True] * 4
    assert system.user("carol").place_many([("e", "BTC", 1, 1, None, LATER)]) == [True]
    assert system.user("carol").place("f", "BTC", 1, 1, expires_at=LATER)
    pass_deadline()
    assert system.display_all_live_orders() == ["a", "b", "d", "e", "f"]
    assert system.get("d").metadata == {"side": "sell"}


NOT_LEGAL = [
    pytest.param(datetime(2099, 1, 1), ValueError, "time zone", id="naive"),
    pytest.param(17, TypeError, "datetime or a timedelta", id="number"),
    pytest.param(datetime(2300, 1, 1, tzinfo=UTC), ValueError, "2255", id="too-late"),
    pytest.param(timedelta(days=80_000), ValueError, "73000 days", id="too-long"),
    pytest.param(timedelta(0), errors.AlreadyExpired, "from now on", id="at-once"),
    pytest.param(EPOCH, errors.AlreadyExpired, "in the future", id="first-moment"),
]


@pytest.mark.parametrize(("expires_at", "kind", "message"), NOT_LEGAL)
def test_what_is_no_time_to_expire_at_is_refused(system, expires_at, kind, message):
    with pytest.raises(kind, match=message):
        place(system, expires_at=expires_at)
    assert system.count() == 0


def test_a_deadline_that_has_passed_places_nothing(system):
    past = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(errors.AlreadyExpired, match="'o' is not in the future"):
        place(system, expires_at=past)
    with pytest.raises(ValueError, match="not in the future"):
        place(system, expires_at=past)
    with pytest.raises(errors.BulkInterrupted) as interrupted:
        system.place_many([("a", "alice", "BTC", 1, 1), ("b", "alice", "BTC", 1, 1, None, past)])
    assert isinstance(interrupted.value.__cause__, errors.AlreadyExpired)
    assert system.count() == 0
    assert place(system)
    assert system.verify() == []


def test_amend_and_reduce_keep_a_deadline(system):
    assert place(system, expires_at=LATER)
    assert system.amend("o", amount=5, price=7)
    assert system.reduce("o", 1) == 4
    assert system.pause("o")
    order = system.get("o")
    assert (order.amount, order.price, order.expires_at) == (4, 7, LATER)
    assert system.verify() == []


@pytest.mark.parametrize(
    "end",
    [
        lambda system: system.cancel("o"),
        lambda system: system.reduce("o", 1) is not None,
        lambda system: system.cancel_many(["o"]) == [True],
        lambda system: system.cancel_all_by_user("alice") == 1,
    ],
    ids=["cancel", "fill", "cancel_many", "cancel_all"],
)
def test_a_deadline_ends_with_its_order(system, end):
    assert place(system, expires_at=timedelta(milliseconds=100))
    assert end(system)
    assert place(system)
    time.sleep(0.12)
    assert system.display_all_live_orders() == ["o"]
    assert system.verify() == []


def test_a_switch_is_armed_renewed_and_disarmed(system):
    assert system.cancel_all_deadline("alice") is None
    assert system.cancel_all_after("alice", 0) is None
    first = system.cancel_all_after("alice", 86_400)
    assert system.cancel_all_deadline("alice") == first
    earlier = system.user("alice").cancel_all_after(60)
    assert earlier < first
    assert system.user("alice").cancel_all_deadline() == earlier
    assert system.cancel_all_deadline("bob") is None
    later = system.cancel_all_after("alice", 70)
    assert system.cancel_all_deadline("alice") == later > earlier
    assert system.cancel_all_after("alice", 0) is None
    assert system.cancel_all_deadline("alice") is None
    assert system.verify() == []


def test_a_switch_cancels_all_of_one_user_once(system):
    assert place(system, "a")
    assert place(system, "b", expires_at=LATER)
    assert system.pause("b")
    assert place(system, "c", "bob")
    assert system.cancel_all_after("alice", 1)
    time.sleep(1.05)
    assert place(system, "later")
    assert system.display_all_live_orders() == ["c", "later"]
    assert system.cancel_all_deadline("alice") is None
    assert system.verify() == []


@pytest.mark.parametrize("seconds", [-1, 86_401])
def test_seconds_out_of_range_are_refused(system, seconds):
    with pytest.raises(ValueError, match="seconds must be 0 to 86400"):
        system.cancel_all_after("alice", seconds)
    with pytest.raises(TypeError, match="seconds must be an int"):
        system.cancel_all_after("alice", 1.5)


def test_the_feed_says_what_expired_and_what_a_switch_ended(system):
    system.configure(feed=100)
    assert place(system, expires_at=SOON)
    pass_deadline()
    assert system.count() == 0
    assert [change.op for change in system.changes("start", wait=False)] == ["place", "expire"]
    assert [change.op for change in system.history("o").changes] == ["place", "expire"]


@pytest.mark.parametrize("user", ["alice", "bob", "carol"])
def test_events_find_no_order_whose_time_is_over(system, user):
    system.intake.configure(quiet=None)
    assert place(system, expires_at=SOON)
    events = [
        Event("pause", "alice", 1, "o", event_id="pause"),
        Event("place", user, 2, "o", "BTC", 1, 1, event_id="place"),
    ]
    system.submit_many(events)
    pass_deadline()
    system.intake.flush()
    worker_of(system).run_until_empty()
    outcomes = system.outcomes([("pause", "alice"), ("place", user)])
    assert [outcome.answer for outcome in outcomes] == [False, True]
    assert system.get("o").user_id == user
    assert system.verify() == []


def test_a_dropped_namespace_leaves_no_deadline(system):
    assert place(system, expires_at=LATER)
    assert system.cancel_all_after("alice", 60)
    system.drop()
    assert place(system)
    assert system.cancel_all_deadline("alice") is None
    assert place(system, "p", expires_at=LATER)
    assert system.cancel_all_after("bob", 60)
    assert system.verify() == []
