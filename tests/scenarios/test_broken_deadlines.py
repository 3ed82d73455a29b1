"""Without one of its rules a deadline goes wrong in certain steps; with all of them they are right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cryptoorders_redis.operations import Operation, standalone
from cryptoorders_redis.operations.deadlines import carry_out
from cryptoorders_redis.operations.resize import resize
from cryptoorders_redis.schema import records
from cryptoorders_redis.transport.resp import encode_run
from tests.support.consistency import assert_consistent
from tests.support.model import live_order
from tests.support.stepwise import Stepwise

USER = "user0"
"""Whose streams of 3 and of 5 are different."""

MINUTE = timedelta(minutes=1)


@dataclass
class Place:
    """Where the steps are done."""

    open: Callable[..., Any]
    tick: Callable[[float], None]
    now: Callable[[], datetime]
    raw: Any
    namespace: str


def place(system, order_id="o", expires_at=None):
    assert system.place(order_id, USER, "BTC", 1, 1, expires_at=expires_at)


def placed_after_a_switch_has_fired(at):
    system = at.open(3)
    place(system, "before")
    system.cancel_all_after(USER, 60)
    at.tick(61)
    place(system, "after")
    assert system.display_all_live_orders() == ["after"]


def placed_again_after_a_cancel(at):
    system = at.open(3)
    place(system, expires_at=MINUTE)
    assert system.cancel("o")
    place(system)
    at.tick(61)
    assert system.display_all_live_orders() == ["o"]


def placed_again_after_many_were_cancelled(at):
    system = at.open(3)
    place(system, expires_at=MINUTE)
    assert system.cancel_many(["o"]) == [True]
    place(system)
    at.tick(61)
    assert system.display_all_live_orders() == ["o"]


def paused_too_late(at):
    system = at.open(3)
    place(system, expires_at=MINUTE)
    at.tick(61)
    assert system.pause("o") is False


def a_minute_from_now(at):
    system = at.open(3)
    place(system, expires_at=MINUTE)
    assert live_order(system, "o").expires_at == at.now() + MINUTE


def listed_too_late(at):
    system = at.open(3)
    place(system, expires_at=MINUTE)
    at.tick(61)
    assert system.display_all_live_orders() == []


def many_at_one_moment(at):
    system = at.open(1)
    assert all(system.place_many((f"o{n}", USER, "BTC", 1, 1, None, MINUTE) for n in range(700)))
    at.tick(61)
    sweeping = Stepwise(Operation("sweep", "change", (), carry_out(system._store, [0])), system)
    while sweeping.about_to_send != ["sweep"]:
        sweeping.step()
    sweeping.step()
    assert at.raw.zcard(f"{{{at.namespace}:0}}:due") == 200


def a_late_copy_of_a_request(at):
    system, other = at.open(1), at.open()
    place(system, "before")
    system.cancel_all_after(USER, 60)
    at.tick(61)
    order = records.encode_new(("o", USER, "BTC", 1, 1))
    call = system._store._place_call("place", (order,))
    request = encode_run(call, system._sessions.take(call.slot), as_source=True)
    connection = at.raw.connection_pool.get_connection()
    try:
        answers = []
        for _ in range(2):
            connection.send_packed_command([request])
            answers.append(connection.read_response())
            assert other.count() == 0
    finally:
        at.raw.connection_pool.release(connection)
    assert answers == [b"DUE 0", b"DUE 0"]


def armed_again(at):
    system = at.open(3)
    for seconds in (60, 10, 100):
        moment = system.cancel_all_after(USER, seconds)
        assert system.cancel_all_deadline(USER) == moment == at.now() + timedelta(seconds=seconds)


def amended(at):
    system = at.open(3)
    place(system, expires_at=MINUTE)
    assert system.amend("o", amount=3)
    assert live_order(system, "o").expires_at == at.now() + MINUTE
    assert system.verify() == []


def moved(at):
    system = at.open(3)
    place(system, expires_at=MINUTE)
    place(system, "other")
    system.cancel_all_after(USER, 120)
    system.resize(5)
    assert system.verify() == []
    assert_consistent(at.raw, at.namespace)
    at.tick(61)
    assert system.display_all_live_orders() == ["other"]
    assert system.cancel_all_deadline(USER) is not None
    at.tick(60)
    assert system.display_all_live_orders() == []
    assert_consistent(at.raw, at.namespace)


def begun(system, num_streams, until):
    running = Stepwise(resize(system._store, num_streams, None), system)
    while running.about_to_send != [until]:
        assert not running.done
        running.step()
    return running


def fired_while_a_user_has_two_homes(at):
    system, other = at.open(3), at.open()
    place(system, "old")
    system.cancel_all_after(USER, 60)
    running = begun(system, 5, "move")
    place(other, "new")
    at.tick(61)
    assert other.get("new") is None
    place(other, "later")
    while not running.done:
        running.step()
    assert system.display_all_live_orders() == ["later"]
    assert system.verify() == []


@dataclass(frozen=True)
class Broken:
    """A rule that is left out, and steps that show it."""

    name: str
    steps: Callable[[Place], None]
    script: tuple[str, str, str] | None = None
    patch: tuple[Any, str, Any] | None = None


def by_the_clients_clock(expires_at):
    return (
        ""
        if expires_at is None
        else str((datetime.now(UTC) + expires_at).timestamp() * 1e6).partition(".")[0]
    )


VARIANTS = [
    Broken(
        "place-does-not-look-at-its-own-stream",
        placed_after_a_switch_has_fired,
        ("place.lua", "due_reply(namespace, stream) or held_by", "held_by"),
    ),
    Broken(
        "cancel-leaves-the-deadline",
        placed_again_after_a_cancel,
        ("include/remove_orders.lua", "redis.call('ZREM', prefix .. 'due', 'o:' .. order_id)", ""),
    ),
    Broken(
        "cancel-many-leaves-the-deadlines",
        placed_again_after_many_were_cancelled,
        ("include/remove_orders.lua", "redis.call('ZREM', prefix .. 'due', unpack(members))", ""),
    ),
    Broken(
        "pause-without-the-gate",
        paused_too_late,
        ("include/set_status.lua", "local due = stream and due_reply(namespace, stream)", "local due"),
    ),
    Broken("the-clients-clock", a_minute_from_now, patch=(records, "format_expiry", by_the_clients_clock)),
    Broken("a-snapshot-without-the-clock", listed_too_late, patch=(standalone, "due_in", lambda *_: [])),
    Broken("a-sweep-without-a-limit", many_at_one_moment, ("sweep.lua", ", 'LIMIT', 0, limit)", ")")),
    Broken(
        "due-is-no-answer-that-stays",
        a_late_copy_of_a_request,
        ("place.lua", "return answer(sessions, session, request_number, due, true)", "return due"),
    ),
    Broken(
        "armed-only-if-it-was-not",
        armed_again,
        (
            "cancel_all_after.lua",
            "redis.call('ZADD', due, deadline",
            "redis.call('ZADD', due, 'NX', deadline",
        ),
    ),
    Broken(
        "armed-only-if-it-is-later",
        armed_again,
        (
            "cancel_all_after.lua",
            "redis.call('ZADD', due, deadline",
            "redis.call('ZADD', due, 'GT', deadline",
        ),
    ),
    Broken(
        "amend-loses-the-deadline",
        amended,
        (
            "include/numbers.lua",
            "  end\n  return changed\nend",
            '  end\n  return (string.gsub(changed, \',"expires_at":"[^"]*"\', \'\'))\nend',
        ),
    ),
    Broken(
        "move-leaves-the-deadlines-behind",
        moved,
        ("include/move_orders.lua", "  move_deadlines(namespace, from_stream, to_stream, order_ids)\n", ""),
    ),
    Broken(
        "move-leaves-the-switch-behind",
        moved,
        ("move.lua", "local deadline = timed ~= '' and", "local deadline = false and"),
    ),
    Broken(
        "one-stream-is-looked-at-in-a-resize",
        fired_while_a_user_has_two_homes,
        (
            "include/due_reply.lua",
            "is_one = clock_text(), timed_streams == '1'",
            "is_one = clock_text(), true",
        ),
    ),
    Broken(
        "a-switch-fires-in-one-home",
        fired_while_a_user_has_two_homes,
        ("include/fire_switch.lua", "  if timed_streams ~= '1' then", "  if false then"),
    ),
]


@pytest.fixture
def at(clock, open_system, raw, namespace):
    return Place(open_system, clock.tick, lambda: clock.now, raw, namespace)


@pytest.mark.parametrize("broken", VARIANTS, ids=lambda broken: broken.name)
def test_without_one_rule_a_deadline_goes_wrong(at, clock, monkeypatch, broken):
    if broken.script:
        clock.break_script(*broken.script)
    if broken.patch:
        monkeypatch.setattr(*broken.patch)
    with pytest.raises(AssertionError):
        broken.steps(at)


@pytest.mark.parametrize(
    "steps", dict.fromkeys(broken.steps for broken in VARIANTS), ids=lambda steps: steps.__name__
)
def test_with_all_rules_the_same_steps_are_right(at, steps):
    steps(at)
