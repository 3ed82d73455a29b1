"""What the change feed says: each change once, in order and without a gap, or else an error."""

import itertools
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cryptoorders_redis import Change, OrderStatus, errors
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.nasty import NASTY_IDS

START = "0-0/0,0-0/0,0-0/0"


@pytest.fixture
def system(open_system):
    system = open_system(3)
    system.configure(feed=100_000)
    return system


def read(system, after: str | None = "start", **filters):
    return list(system.changes(after, wait=False, **filters))


def said(changes):
    return [(change.op, change.order_id, change.user_id) for change in changes]


def test_each_change_has_one_entry_and_what_changes_nothing_none(system):
    for call in (
        lambda: system.place("o", "alice", "BTC", 2, 3),
        lambda: system.pause("o"),
        lambda: system.resume("o"),
        lambda: system.amend("o", price=4, expected_price=3),
        lambda: system.cancel("o"),
    ):
        assert call() is True
        assert call() is False
    assert system.place("p", "alice", "BTC", 2, 3)
    assert system.reduce("p", "0.5") == Decimal("1.5")
    with pytest.raises(errors.AmountExceeded):
        system.reduce("p", 5)
    assert system.reduce("p", "1.5") == 0
    assert system.reduce("p", "1.5") is None
    assert system.place("q", "alice", "BTC", 2, 3)
    assert system.cancel_all_by_user("alice") == 1
    assert system.cancel_all_by_user("alice") == 0
    assert said(read(system)) == [
        ("place", "o", "alice"),
        ("pause", "o", "alice"),
        ("resume", "o", "alice"),
        ("amend", "o", "alice"),
        ("cancel", "o", "alice"),
        ("place", "p", "alice"),
        ("reduce", "p", "alice"),
        ("fill", "p", "alice"),
        ("place", "q", "alice"),
        ("cancel_all", None, "alice"),
    ]


def test_calls_for_many_orders_have_an_entry_for_each_change(system):
    new = [(f"o{number}", "alice", "BTC", 1, 1) for number in range(5)]
    system.place_many([*new, new[0]])
    system.pause_many(["o1", "o3", "none"])
    system.user("alice").resume_many(["o3", "o3", "o0"])
    system.cancel_many(["o4", "o1", "o4"])
    assert said(read(system))[5:] == [
        ("pause", "o1", "alice"),
        ("pause", "o3", "alice"),
        ("resume", "o3", "alice"),
        ("cancel", "o4", "alice"),
        ("cancel", "o1", "alice"),
    ]


def test_a_change_says_the_order_as_it_was_then(system):
    system.place("o", "alice", "BTC", 2, 3, metadata={"desk": "é"})
    placed = system.get("o")
    system.pause("o")
    system.amend("o", price=4)
    amended = system.get("o")
    system.reduce("o", "0.5")
    reduced = system.get("o")
    system.cancel("o")
    changes = read(system)
    orders = [change.order for change in changes]
    assert orders == [placed, None, amended, reduced, None]
    assert amended.status is OrderStatus.PAUSED
    assert [change.number for change in changes] == [1, 2, 3, 4, 5]
    assert {change.stream for change in changes} == {stream_of_user("alice", 3)}
    assert all(abs(datetime.now(UTC) - change.at) < timedelta(minutes=1) for change in changes)
    assert changes[0].to_dict()["order"] == placed.to_dict()


def test_from_each_cursor_exactly_the_rest_is_read(system):
    before = system.position()
    assert before == START
    users = ["alice", "bob", "carol", "dave"]
    for number in range(12):
        system.place(f"o{number}", users[number % 4], "BTC", 1, 1)
    assert system.position() != before
    changes = read(system, before)
    assert len(changes) == 12
    for number, change in enumerate(changes):
        assert read(system, change.cursor) == changes[number + 1 :]
    assert read(system, system.position()) == []
    assert read(system, None) == []


def test_only_the_changes_of_a_user_or_a_stream_are_given(system):
    for number in range(9):
        system.place(f"o{number}", f"user{number % 3}", "BTC", 1, 1)
    system.cancel_all_by_user("user1")
    everything = read(system)
    for user in ("user1", "nobody"):
        wanted = [change for change in everything if change.user_id == user]
        assert said(read(system, user_id=user)) == said(wanted)
        assert said(system.user(user).changes("start", wait=False)) == said(wanted)
    for stream in (0, 1, 2, 5):
        wanted = [change for change in everything if change.stream == stream]
        assert said(read(system, stream=stream)) == said(wanted)


def test_a_reader_waits_and_is_given_what_comes(system):
    after = system.position()
    system.place("o0", "alice", "BTC", 1, 1)
    given = []
    for change in system.changes(after):
        given.append(change.order_id)
        if len(given) == 4:
            break
        system.place(f"o{len(given)}", f"user{len(given)}", "BTC", 1, 1)
    assert given == ["o0", "o1", "o2", "o3"]


def test_ids_and_users_are_any_text(system):
    for number, (order_id, user) in enumerate(zip(NASTY_IDS, reversed(NASTY_IDS), strict=True)):
        assert system.place(order_id, user, "BTC", 1, number)
        assert system.pause(order_id)
    changes = read(system)
    assert {change.order_id for change in changes} == set(NASTY_IDS)
    for order_id, user in zip(NASTY_IDS, reversed(NASTY_IDS), strict=True):
        of_order = [change for change in changes if change.order_id == order_id]
        assert said(of_order) == [("place", order_id, user), ("pause", order_id, user)]


def test_without_a_feed_no_change_can_be_read(open_system):
    system = open_system(3, namespace=f"without-{time.time_ns()}")
    system.configure(feed=0)
    for read_feed in (
        system.position,
        lambda: system.history("o"),
        lambda: read(system),
        lambda: read(system, None),
        lambda: next(iter(system.changes(START))),
    ):
        with pytest.raises(errors.ConfigurationMismatch, match="has no change feed"):
            read_feed()


def test_a_client_that_did_not_know_the_feed_can_read_it(open_system):
    namespace = f"later-{time.time_ns()}"
    system, other = open_system(3, namespace=namespace), open_system(namespace=namespace)
    system.configure(feed=100)
    assert other.position() == START
    assert other.place("o", "alice", "BTC", 1, 1)
    assert said(read(other)) == [("place", "o", "alice")]


def test_what_was_trimmed_is_missed_and_not_left_out(system):
    after = system.position()
    system.place("o", "alice", "BTC", 1, 1)
    later = system.position()
    system.configure(feed=10)
    for call in itertools.islice(itertools.cycle((system.pause_many, system.resume_many)), 400):
        call(["o"])
    stream = stream_of_user("alice", 3)
    for cursor, number in ((after, 0), (later, 1)):
        with pytest.raises(errors.ChangesMissed) as missed:
            read(system, cursor)
        assert (missed.value.stream, missed.value.after) == (stream, number)
        assert missed.value.first is not None
        assert missed.value.first > number + 1
    kept = read(system)
    assert kept[0].number == missed.value.first
    assert kept[-1].number == 401
    assert len(kept) < 350
    assert system.history("o").is_complete is False
    assert system.history("o").kept_since == kept[0].at


def test_what_happened_without_a_feed_is_missed(system):
    system.place("o", "alice", "BTC", 1, 1)
    after = system.position()
    system.configure(feed=0)
    assert system.pause("o")
    system.configure(feed=100)
    with pytest.raises(errors.ChangesMissed) as missed:
        read(system, after)
    assert (missed.value.after, missed.value.first) == (1, None)
    assert system.resume("o")
    with pytest.raises(errors.ChangesMissed) as missed:
        read(system, after)
    assert (missed.value.after, missed.value.first) == (1, 3)
    assert said(read(system)) == [("resume", "o", "alice")]


def test_a_reader_that_waits_learns_that_the_feed_ends(system):
    system.place("o", "alice", "BTC", 1, 1)
    changes = iter(system.changes("start"))
    assert next(changes).order_id == "o"
    system.configure(feed=0)
    with pytest.raises(errors.ConfigurationMismatch, match="has no change feed"):
        next(changes)


def test_a_history_has_all_that_happened_to_an_id(system):
    system.place("o", "alice", "BTC", 2, 1)
    system.place("other", "alice", "BTC", 1, 1)
    system.pause("o")
    system.cancel_all_by_user("alice")
    system.cancel_all_by_user("alice")
    system.place("o", "bob", "BTC", 2, 1)
    system.place("x", "alice", "BTC", 2, 1)
    system.cancel_all_by_user("alice")
    system.reduce("o", 2)
    history = system.history("o")
    assert said(sorted(history.changes, key=lambda change: change.at)) == [
        ("place", "o", "alice"),
        ("pause", "o", "alice"),
        ("cancel_all", None, "alice"),
        ("place", "o", "bob"),
        ("fill", "o", "bob"),
    ]
    assert (history.is_complete, history.kept_since) == (True, None)
    nothing = system.history("never")
    assert (nothing.changes, nothing.is_complete) == ((), False)


ILLEGAL = [
    pytest.param({"after": "yesterday"}, ValueError, id="cursor"),
    pytest.param({"after": "0-0/0,"}, ValueError, id="half-a-cursor"),
    pytest.param({"after": 5}, TypeError, id="number"),
    pytest.param({"user_id": ""}, ValueError, id="user"),
    pytest.param({"stream": -1}, ValueError, id="stream"),
    pytest.param({"stream": "1"}, TypeError, id="stream-text"),
]


@pytest.mark.parametrize(("arguments", "error"), ILLEGAL)
def test_an_illegal_argument_is_named_and_sends_nothing(system, sends_nothing, arguments, error):
    with sends_nothing(), pytest.raises(error, match=next(iter(arguments))):
        system.changes(**arguments)


def test_a_change_can_be_made_and_compared_by_its_fields():
    change = Change(1, 2, datetime.now(UTC), "pause", "o", "alice", None, "1-0/2")
    assert change == Change(*(getattr(change, name) for name in change.__slots__))
