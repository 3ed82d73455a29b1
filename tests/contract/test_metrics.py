"""The numbers for a monitoring system are those of the other calls, and of one snapshot."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from cryptoorders_redis import Event, errors
from tests.support.blocking import worker_of
from tests.support.waiting import wait_until

USERS = [f"user{number}" for number in range(9)]
SOON = timedelta(milliseconds=30)


def place(time_of_event, user="user0", **more):
    return Event("place", user, time_of_event, f"event{time_of_event}{user}", "BTC", 1, 1, **more)


def fill(system):
    """Make live and paused orders of many users in each stream."""
    system.place_many([(f"o{number}", USERS[number % 9], "BTC", 1, 1) for number in range(60)])
    system.pause_many([f"o{number}" for number in range(0, 60, 4)])
    system.cancel_many(["o1", "o2", "o4"])


def test_the_metrics_of_an_empty_store_are_zero(system):
    read = system.metrics()
    assert [stream.stream for stream in read.streams] == [0, 1, 2]
    assert (read.live, read.active, read.paused, read.waiting) == (0, 0, 0, 0)
    assert (read.placed_at, read.dead_letters, read.workers, read.moving_from) == (None, 0, 0, None)
    for stream in read.streams:
        assert (stream.live, stream.waiting, stream.applied, stream.deadlines) == (0, 0, 0, 0)
        assert (stream.oldest_seconds, stream.lag_seconds, stream.overdue_seconds) == (0.0, 0.0, 0.0)


def test_the_counts_of_each_stream_are_those_of_stats(system):
    fill(system)
    read, stats = system.metrics(), system.stats()
    assert [(each.live, each.active, each.paused) for each in read.streams] == [
        (each.live, each.active, each.paused) for each in stats.streams
    ]
    assert (read.live, read.active, read.paused) == (stats.live, stats.active, stats.paused)
    assert read.placed_at == list(system.live_orders())[-1].placed_at
    system.cancel_many([order.order_id for order in system.live_orders()])
    assert system.metrics().placed_at == read.placed_at


def test_without_a_feed_there_is_no_number_of_changes(open_system, raw):
    system = open_system(3)
    fill(system)
    assert system.metrics().changes is None
    assert {stream.changes for stream in system.metrics().streams} == {None}


def test_the_changes_are_the_last_numbers_of_the_feed(system):
    system.configure(feed=1000)
    fill(system)
    last = dict.fromkeys(range(3), 0)
    for change in system.changes("start", wait=False):
        last[change.stream] = change.number
    assert {stream.stream: stream.changes for stream in system.metrics().streams} == last
    assert system.metrics().changes == system.summary().changes == sum(last.values()) > 60


def test_the_state_of_the_intake_is_that_of_its_stats(system):
    system.intake.configure(window=2, quiet=None, late="reject")
    begin = datetime.now(UTC) - timedelta(seconds=10)
    times = [begin + timedelta(milliseconds=500 * number) for number in range(9)]
    system.submit_many([place(times[0]), place(times[1], "user1"), place(times[8], "user2")])
    assert worker_of(system).run_until_empty() == 2
    system.submit_many([place(times[4], user) for user in USERS] + [place(times[0], "user3")])
    system.submit(place(begin + timedelta(seconds=7)))
    system.intake.beat("worker")
    read, stats = system.metrics(), system.intake.stats()
    for mine, theirs in zip(read.streams, stats.streams, strict=True):
        assert (mine.waiting, mine.applied, mine.late, mine.refused) == (
            theirs.waiting, theirs.applied, theirs.late, theirs.refused,
        )  # fmt: skip
        assert (mine.oldest_seconds > 5) == (theirs.oldest is not None)
    age = (datetime.now(UTC) - min(each.oldest for each in stats.streams if each.oldest)).total_seconds()
    assert age - 5 < max(each.oldest_seconds for each in read.streams) <= age
    assert max(each.lag_seconds for each in read.streams) == stats.lag_seconds == 3.0
    assert (read.waiting, read.dead_letters, read.workers) == (stats.waiting, stats.dead_letters, 1)
    assert read.dead_letters == 1
    system.intake.beat("worker", is_ending=True)
    assert system.metrics().workers == 0


def test_an_event_of_the_future_is_not_of_a_negative_age(system):
    system.submit(place(datetime.now(UTC) + timedelta(seconds=30)))
    assert {stream.oldest_seconds for stream in system.metrics().streams} == {0.0}


def test_a_worker_that_is_silent_does_not_count(system):
    system.intake.beat("worker")
    assert system.metrics().workers == 1
    wait_until(lambda: system.metrics().workers == 0)


def test_what_is_overdue_is_counted_and_not_carried_out(system):
    assert system.place("kept", "user0", "BTC", 1, 1, expires_at=timedelta(hours=1))
    assert system.place("o", "user1", "BTC", 1, 1, expires_at=SOON)
    assert system.metrics().live == 2
    assert {stream.overdue_seconds for stream in system.metrics().streams} == {0.0}
    time.sleep(0.05)
    for _ in range(2):
        read = system.metrics()
        assert (read.live, sum(stream.deadlines for stream in read.streams)) == (2, 2)
        assert 0.005 < sum(stream.overdue_seconds for stream in read.streams) < 60
    assert system.count() == 1
    read = system.metrics()
    assert (read.live, sum(stream.deadlines for stream in read.streams)) == (1, 1)
    assert {stream.overdue_seconds for stream in read.streams} == {0.0}


def test_another_number_of_streams_is_learned(store, system, open_system):
    if store.differences.num_streams_is_fixed:
        return
    fill(system)
    system.configure(feed=1000)
    other = open_system()
    before = system.summary().changes
    other.resize(7)
    assert [each.live for each in system.metrics().streams] == [each.live for each in other.stats().streams]
    other.resize(2)
    read = system.metrics()
    assert len(read.streams) == 2
    assert read.changes == system.summary().changes >= before, "streams that were emptied count on"


def test_a_namespace_that_is_gone_has_no_metrics(system, open_system):
    reader = open_system(create=False)
    system.drop()
    assert system.metrics().live == 0
    with pytest.raises(errors.NoSuchNamespace):
        reader.metrics()
