"""Workers apply what is due, share the streams, and end when they are told to."""

import threading
import time
from datetime import UTC, datetime

import pytest

from cryptoorders_redis import Event, OutcomeState, errors
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.blocking import worker_of
from tests.support.waiting import wait_until


def place(number, user="alice", event_time=None):
    return Event("place", user, number if event_time is None else event_time, f"o{number}", "BTC", 1, 2)


def test_what_a_newer_event_leaves_behind_is_applied(system):
    system.intake.configure(window=2, quiet=None)
    system.submit_many([place(1000), place(2999), place(3000), place(3001)])
    assert worker_of(system).run_until_empty() == 1
    system.submit_many([place(5001)])
    assert worker_of(system).run_until_empty() == 2
    assert system.display_all_live_orders() == ["o1000", "o2999", "o3000"]
    assert system.intake.stats().waiting == 2


def test_an_event_of_one_stream_makes_those_of_others_due(system):
    system.intake.configure(window=2, quiet=None)
    users = [f"user{number}" for number in range(9)]
    assert {stream_of_user(user, 3) for user in users} == {0, 1, 2}
    system.submit_many([place(number, user) for number, user in enumerate(users)])
    system.submit_many([place(9000)])
    assert worker_of(system).run_until_empty() == len(users)


def test_where_nothing_more_comes_all_is_applied(system):
    system.intake.configure(window=5, quiet=0.3)
    begin = time.monotonic()
    system.submit_many([place(2), place(1)])
    assert worker_of(system).run_until_empty() == 2
    assert time.monotonic() - begin >= 0.25
    assert system.display_all_live_orders() == ["o1", "o2"]


def test_without_a_quiet_time_only_a_flush_ends_the_wait(system):
    system.intake.configure(window=0, quiet=None)
    system.submit(place(1))
    worker = worker_of(system)
    assert worker.run_until_empty() == 0
    system.intake.flush()
    system.intake.flush()
    assert worker.run_until_empty() == 1
    system.intake.flush()
    assert system.submit_many([place(2)]) == ["ACCEPTED"]
    assert worker.run_until_empty() == 1


def test_a_worker_runs_until_it_is_stopped(system):
    system.intake.configure(window=0, quiet=0)
    worker = worker_of(system)
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        system.submit(place(1))
        wait_until(lambda: system.count() == 1)
        assert system.intake.stats().workers == (worker.name,)
    finally:
        worker.stop()
        running.join(10)
    assert not running.is_alive()
    assert system.intake.stats().workers == ()
    assert worker.applied == 1
    assert worker.run_until_empty() == 1, "once stopped it does nothing more"


def test_a_worker_can_take_some_streams_alone(system):
    users = {stream_of_user(user, 3): user for user in (f"user{number}" for number in range(9))}
    system.submit_many([place(stream, user) for stream, user in users.items()])
    system.intake.flush()
    assert worker_of(system, [2, 5]).run_until_empty() == 1
    assert system.display_all_live_orders() == ["o2"]
    assert worker_of(system).run_until_empty() == 2


def test_workers_of_other_streams_say_what_is_the_newest(system, open_system):
    system.intake.configure(window=2, quiet=None)
    other = open_system()
    users = {stream_of_user(user, 3): user for user in (f"user{number}" for number in range(9))}
    system.submit_many([place(1000, users[0]), place(9000, users[1])])
    assert other.intake.advance([1]).applied == 0
    other.intake.beat("other")
    system.intake.beat("one")
    assert system.intake.advance([0]).applied == 1
    for name in ("one", "other"):
        system.intake.beat(name, is_ending=True)


def test_workers_share_the_streams(system):
    system.submit_many([place(number, f"user{number}") for number in range(30)])
    system.intake.flush()
    shares = [system.intake.advance(share=(number, 3)).applied for number in range(3)]
    assert sum(shares) == 30
    assert all(shares)
    assert system.intake.advance().applied == 0


def test_until_empty_does_what_others_leave_undone(system):
    system.submit_many([place(number, f"user{number}") for number in range(30)])
    system.intake.flush()
    for name in ("!", "~", "~~"):
        system.intake.beat(name)
    assert worker_of(system).run_until_empty() == 30


def test_a_round_takes_no_more_than_its_limit(system):
    system.submit_many([place(number) for number in range(5)])
    system.intake.flush()
    progress = [system.intake.advance(limit=2)[:2] for _ in range(3)]
    assert progress == [(2, True), (2, True), (1, False)]


def test_the_names_of_the_living_are_told_to_each(system):
    assert system.intake.beat("b") == ["b"]
    assert system.intake.beat("a") == ["a", "b"]
    assert system.intake.stats().workers == ("a", "b")
    assert system.intake.beat("b", is_ending=True) == ["a"]


def test_the_state_of_the_intake_is_told(system):
    nothing = system.intake.stats()
    assert (nothing.waiting, nothing.newest, nothing.watermark, nothing.lag_seconds) == (0, None, None, 0)
    system.intake.configure(window=2)
    system.submit_many([place(1000), place(4500), place(4000)])
    stats = system.intake.stats()
    stream = stream_of_user("alice", 3)
    assert stats.waiting == 3
    assert stats.streams[stream][:3] == (stream, 3, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert stats.newest == datetime(1970, 1, 1, 0, 0, 4, 500_000, tzinfo=UTC)
    assert stats.lag_seconds == 1.5
    system.intake.flush()
    worker_of(system).run_until_empty()
    stats = system.intake.stats()
    assert [stream.applied for stream in stats.streams if stream.applied] == [3]
    assert (stats.lag_seconds, stats.dead_letters, stats.waiting) == (0, 0, 0)
    assert system.stats().live == 3


def test_settings_are_those_of_all_clients(system, open_system):
    other = open_system()
    other.submit(place(1))
    system.intake.configure(limit=1)
    with pytest.raises(errors.IntakeFull) as full:
        other.submit(place(2))
    assert full.value.limit == 1
    system.intake.configure(window=60, quiet=None)
    assert worker_of(other).run_until_empty() == 0
    system.intake.configure(quiet=0)
    assert worker_of(other).run_until_empty() == 1


def test_a_dropped_namespace_has_no_events_left(system, open_system):
    system.submit(place(1))
    other = open_system()
    system.drop()
    assert worker_of(other).run_until_empty() == 0
    other.submit(place(2))
    other.intake.flush()
    assert worker_of(other).run_until_empty() == 1
    assert other.display_all_live_orders() == ["o2"]
    event = place(1)
    assert other.outcome(event.event_id, "alice").state is OutcomeState.UNKNOWN
