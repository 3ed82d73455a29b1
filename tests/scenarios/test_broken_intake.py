"""Without one of its rules the intake goes wrong in certain steps; with all of them they are right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cryptoorders_redis import Event, Submission
from cryptoorders_redis.operations.intake.advance import advance
from cryptoorders_redis.operations.resize import resize
from cryptoorders_redis.schema.placement import stream_of_user
from tests.faults.test_linearizability import planted
from tests.support.stepwise import Stepwise

MOVES_DOWN = next(
    user
    for user in (f"user{number}" for number in range(99))
    if stream_of_user(user, 5) < stream_of_user(user, 3)
)
"""A user whose stream of 5 comes before the user's stream of 3."""


def place(time=1, event_id="", user="alice"):
    return Event("place", user, time, "o", "BTC", 1, 1, event_id)


def pause(time, event_id="", user="alice"):
    return Event("pause", user, time, "o", event_id=event_id)


def apply_all(system):
    system.intake.flush()
    while system.intake.advance().applied:
        pass


def taken(system, *events):
    assert system.submit_many(events) == [Submission.ACCEPTED] * len(events)


def submitted_again_afterwards(open_system):
    system = open_system(3)
    taken(system, place(event_id="e"))
    apply_all(system)
    assert system.cancel("o")
    system.submit(place(event_id="e"))
    apply_all(system)
    assert system.count() == 0


def advanced_twice(open_system):
    system, other = open_system(3), open_system()
    taken(system, place())
    system.intake.flush()
    running = [Stepwise(advance(each._store, None, (0, 1), 500), each) for each in (system, other)]
    for each in running:
        each.step()
    running[0].step()
    assert system.cancel("o")
    running[1].step()
    assert system.count() == 0
    assert [each.result.applied for each in running] == [1, 0]


def replayed_when_forgotten(open_system):
    system = open_system(3)
    system.intake.configure(window=0, remember=1)
    events = [place(1, "e"), *(pause(number * 1000) for number in range(1, 9))]
    for event in events:
        system.submit(event)
        apply_all(system)
    assert system.cancel("o")
    system.submit_many(events)
    apply_all(system)
    assert system.count() == 0


def remembered_for_longer_later(open_system):
    system = open_system(3)
    system.intake.configure(window=0, remember=1)
    for event in [place(1, "e"), *(pause(number * 1000) for number in range(1, 9))]:
        system.submit(event)
        apply_all(system)
    assert system.cancel("o")
    system.intake.configure(remember=3600)
    system.submit(place(1, "e"))
    apply_all(system)
    assert system.count() == 0


def late_after_a_quiet_time(open_system):
    system, other = open_system(3), open_system()
    system.intake.configure(window=5, quiet=0, late="reject")
    taken(system, pause(9000))
    assert system.intake.advance().applied == 1
    assert other.submit(place(8000)) is Submission.LATE


def late_in_another_stream(open_system):
    system = open_system(3)
    system.intake.configure(window=5, quiet=0, late="reject")
    taken(system, pause(9000))
    system.intake.advance()
    others = [f"user{number}" for number in range(9)]
    assert {stream_of_user(user, 3) for user in others} == {0, 1, 2}
    assert system.submit_many([place(8000, user=user) for user in others]) == [Submission.LATE] * 9


def equal_times_at_the_watermark(open_system):
    system = open_system(3)
    system.intake.configure(window=1, quiet=None)
    taken(system, pause(1000, "b"), pause(2000, "c"))
    system.intake.advance()
    taken(system, place(1000, "a"))
    apply_all(system)
    assert system.outcome("b", "alice").answer is True


def one_clock_that_is_fast(open_system):
    system = open_system(3)
    system.intake.configure(late="reject")
    now = datetime.now(UTC)
    system.submit(pause(now + timedelta(days=1)))
    taken(system, place(now))


def times_of_more_digits(open_system):
    system = open_system(3)
    taken(system, place(9), pause(10, "b"))
    apply_all(system)
    assert system.outcome("b", "alice").answer is True


def an_order_of_another(open_system):
    system = open_system(3)
    system.place("o", "bob", "BTC", 1, 1)
    taken(system, Event("cancel", "alice", 1, "o"))
    apply_all(system)
    assert system.count() == 1


def resized_while_events_wait(open_system):
    system, other = open_system(3), open_system()
    taken(system, place(1, user=MOVES_DOWN))
    running = Stepwise(resize(system._store, 5, None), system)
    running.step()
    taken(other, pause(2, "b", user=MOVES_DOWN))
    apply_all(other)
    while not running.done:
        running.step()
    apply_all(system)
    assert other.outcome("b", MOVES_DOWN).answer is True
    assert system.verify() == []


@dataclass(frozen=True)
class Broken:
    """A rule that is left out of a script, and steps that show it."""

    name: str
    steps: Callable[[Callable[..., Any]], None]
    script: str
    good: str
    bad: str


APPLY_DUE, DUE_EVENTS, KEEP = "include/apply_due.lua", "include/due_events.lua", "include/keep_outcomes.lua"

VARIANTS = [
    Broken(
        "the-outcome-is-left-to-a-second-script",
        submitted_again_afterwards,
        KEEP,
        "redis.call('HSET', is_even and even_outcomes or odd_outcomes, unpack(outcomes))",
        "",
    ),
    Broken(
        "the-queue-is-left-to-a-second-script",
        advanced_twice,
        APPLY_DUE,
        "  redis.call('ZREM', keys.waiting, unpack(event_ids))\n"
        "  redis.call('HDEL', keys.events, unpack(event_ids))\n",
        "",
    ),
    Broken(
        "duplicates-are-looked-up-in-the-queue-alone",
        submitted_again_afterwards,
        "submit_many.lua",
        "{queued, even_outcomes, odd_outcomes}",
        "{queued}",
    ),
    Broken(
        "what-is-too-old-to-be-known-is-taken",
        replayed_when_forgotten,
        "submit_many.lua",
        "time < too_old then",
        "false then",
    ),
    Broken(
        "the-watermark-is-not-kept",
        late_after_a_quiet_time,
        KEEP,
        "redis.call('HSET', intake, 'released', released)",
        "",
    ),
    Broken(
        "what-is-at-the-watermark-is-due",
        equal_times_at_the_watermark,
        DUE_EVENTS,
        "'(' .. string",
        "string",
    ),
    Broken(
        "the-clock-is-that-of-the-client",
        one_clock_that_is_fast,
        "submit_many.lua",
        "tonumber(clock_text())",
        "tonumber(events[first + 2])",
    ),
    Broken(
        "times-are-sorted-as-text",
        times_of_more_digits,
        "include/queue_events.lua",
        "= words[at + 2], event_id",
        "= '0.' .. words[at + 2], event_id",
    ),
    Broken(
        "orders-of-any-user-are-changed",
        an_order_of_another,
        "include/change_by_event.lua",
        "record_in_stream(namespace, stream, event.user_id, order_id)",
        "record_in_stream(namespace, stream, '', order_id)",
    ),
    Broken(
        "lateness-is-that-of-one-stream",
        late_in_another_stream,
        "submit_many.lua",
        "time < math.max(released, newest - window)",
        "time < (tonumber(redis.call('HGET', stream_key(namespace, stream, 'intake'), 'released')) or 0)",
    ),
    Broken(
        "what-was-forgotten-is-not-noted",
        remembered_for_longer_later,
        KEEP,
        ", 'forgotten', state[2])",
        ")",
    ),
    Broken(
        "events-are-applied-before-they-are-moved",
        resized_while_events_wait,
        "advance.lua",
        "elseif settings[2] then",
        "elseif false then",
    ),
]


@pytest.mark.parametrize("broken", VARIANTS, ids=lambda broken: broken.name)
def test_without_one_rule_the_intake_goes_wrong(open_system, use_scripts, tmp_path, broken):
    use_scripts(planted(tmp_path, broken.script, broken.good, broken.bad))
    with pytest.raises(AssertionError):
        broken.steps(open_system)


@pytest.mark.parametrize(
    "steps", dict.fromkeys(broken.steps for broken in VARIANTS), ids=lambda steps: steps.__name__
)
def test_with_all_rules_the_same_steps_are_right(open_system, steps):
    steps(open_system)
