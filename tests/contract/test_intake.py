"""Events that come out of order are applied in the order of their times, each id once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cryptoorders_redis import DeadLetter, Event, Outcome, OutcomeState, Submission, errors
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.blocking import worker_of
from tests.support.nasty import NASTY_IDS

WAITING, UNKNOWN = Outcome(OutcomeState.WAITING), Outcome(OutcomeState.UNKNOWN)

SECOND = 1000


def applied(answer, reason=None):
    return Outcome(OutcomeState.APPLIED, answer, reason)


def refused(reason):
    return Outcome(OutcomeState.REFUSED, None, reason)


def place(order_id: str = "o", time: Any = 1, user: str = "alice", amount: Any = 1, **more: Any) -> Event:
    return Event("place", user, time, order_id, "BTC", amount, 2, **more)


def change(op: str, time: Any, order_id: str = "o", **more: Any) -> Event:
    return Event(op, "alice", time, order_id, **more)


def apply_all(system: Any) -> Any:
    system.intake.flush()
    return worker_of(system).run_until_empty()


def taken(system, *events):
    assert system.submit_many(events) == [Submission.ACCEPTED] * len(events)


def outcome_of(system, event):
    return system.outcome(event.event_id, event.user_id)


def test_events_are_applied_in_the_order_of_their_times(system):
    taken(
        system,
        change("pause", 4),
        change("cancel", 2),
        place(time=3),
        place(time=1),
        change("resume", 5),
        change("pause", 6),
    )
    assert system.count() == 0
    assert apply_all(system) == 6
    assert system.display_all_live_orders() == ["o(paused)"]
    assert system.verify() == []


def test_an_event_of_the_first_moment_is_applied(system):
    taken(system, place(time=0))
    assert apply_all(system) == 1


def test_events_of_one_time_are_applied_by_their_ids(system):
    taken(
        system,
        change("pause", 1, event_id="c"),
        place(event_id="a"),
        change("cancel", 1, event_id="d"),
        place("p", event_id="e"),
    )
    apply_all(system)
    assert [system.outcome(name, "alice").answer for name in "acde"] == [True] * 4
    assert system.display_all_live_orders() == ["p"]


def test_without_ids_events_of_one_time_keep_their_turn(system):
    for op in ("place", "pause", "resume", "pause"):
        taken(system, place() if op == "place" else change(op, 1))
    apply_all(system)
    assert system.display_all_live_orders() == ["o(paused)"]


OPS = [
    (place(), True),
    (place(), False),
    (change("pause", 2), True),
    (change("pause", 3), False),
    (change("resume", 4), True),
    (change("resume", 5), False),
    (change("amend", 6, amount=5), True),
    (change("amend", 6, amount=6, expected_amount=4), False),
    (change("amend", 6, price=9, expected_price="2.0", expected_amount="5.00"), True),
    (change("reduce", 7, by="1.5"), Decimal("3.5")),
    (change("reduce", 8, by="3.5"), Decimal("0.0")),
    (change("reduce", 9, by=1), False),
    (change("amend", 10, amount=5), False),
    (place("x", 11), True),
    (place("y", 12), True),
    (Event("cancel_all_by_user", "alice", 13), 2),
    (Event("cancel_all_by_user", "alice", 14), 0),
    (place("x", 15), True),
    (change("cancel", 16, "x"), True),
    (change("cancel", 17, "x"), False),
]


def test_each_op_has_the_answer_of_its_call(system):
    taken(system, *(event for event, _ in reversed(OPS)))
    assert {outcome_of(system, event) for event, _ in OPS} == {WAITING}
    assert apply_all(system) == len(OPS)
    found = system.outcomes((event.event_id, "alice") for event, _ in OPS)
    assert found == [applied(answer) for _, answer in OPS]
    assert [type(outcome.answer) for outcome in found] == [type(answer) for _, answer in OPS]
    assert system.outcome("never", "alice") == UNKNOWN
    assert system.count() == 0


def test_what_a_call_would_raise_is_a_dead_letter(system):
    digits = "0." + "0" * 97 + "1"
    events = [place(amount=1), change("reduce", 2, by=5), change("reduce", 3, by=digits)]
    taken(system, *events, change("amend", 4, amount="9" * 50), change("reduce", 5, by="0." + "0" * 60 + "1"))
    apply_all(system)
    assert outcome_of(system, events[1]) == refused("exceeded")
    assert outcome_of(system, events[2]).answer == Decimal("0." + "9" * 98)
    letters = system.intake.dead_letters()
    assert [letter.reason for letter in letters if letter.reason == "exceeded"] == ["exceeded"]
    assert [letter.reason for letter in letters if letter.reason == "digits"] == ["digits"]
    assert sum(stream.refused for stream in system.intake.stats().streams) == 2


def test_an_event_takes_effect_once(system):
    event = place(event_id="e")
    assert system.submit(event) is Submission.ACCEPTED
    assert system.submit(event) is Submission.KNOWN
    assert system.submit_many([event, event]) == [Submission.KNOWN] * 2
    apply_all(system)
    assert system.submit(place("other", 9, event_id="e")) is Submission.KNOWN
    assert system.cancel("o")
    assert apply_all(system) == 0
    assert system.submit_many([place(event_id="f", time=9)] * 2) == [Submission.ACCEPTED, Submission.KNOWN]


def test_only_orders_of_its_user_are_touched(system):
    system.place("bobs", "bob", "BTC", 1, 2)
    events = [
        change(op, number, "bobs", **more)
        for number, (op, more) in enumerate(
            [("pause", {}), ("resume", {}), ("amend", {"price": 1}), ("reduce", {"by": 1}), ("cancel", {})], 1
        )
    ]
    taken(system, *events, place("bobs", 9), Event("cancel_all_by_user", "alice", 10))
    before = system.get("bobs")
    apply_all(system)
    assert system.get("bobs") == before
    assert {outcome_of(system, event) for event in events} == {applied(False)}


def test_a_late_event_is_applied_and_marked(system):
    system.intake.configure(window=timedelta(seconds=2))
    taken(system, place(time=10 * SECOND))
    late = change("pause", 8 * SECOND - 1)
    on_time = change("pause", 8 * SECOND)
    taken(system, late, on_time)
    apply_all(system)
    assert outcome_of(system, late) == applied(False, "late")
    assert outcome_of(system, on_time) == applied(False)
    after = change("pause", 10 * SECOND)
    taken(system, after)
    worker_of(system).run_until_empty()  # due at once
    assert outcome_of(system, after) == applied(True, "late")
    assert sum(stream.late for stream in system.intake.stats().streams) == 2


def test_a_late_event_is_refused_where_that_is_set(system):
    system.intake.configure(window=2, late="reject")
    taken(system, place(time=10 * SECOND))
    late = change("pause", 8 * SECOND - 1, event_id="late")
    assert system.submit(late) is Submission.LATE
    assert system.submit(change("pause", 8 * SECOND)) is Submission.ACCEPTED
    assert outcome_of(system, late) == refused("late")
    (letter,) = system.intake.dead_letters()
    assert letter[:2] == ("late", datetime(1970, 1, 1, 0, 0, 7, 999000, UTC))
    assert (letter.reason, letter.event.op, letter.event.order_id) == ("late", "pause", "o")
    assert abs(datetime.now(UTC) - letter.refused_at) < timedelta(minutes=1)
    apply_all(system)
    assert system.intake.resubmit(["late"]) == [True]
    assert outcome_of(system, late) == WAITING
    assert worker_of(system).run_until_empty() == 1
    assert outcome_of(system, late) == applied(True)
    assert system.intake.dead_letters() == []


def test_an_event_of_the_future_is_refused_until_it_comes_near(system):
    near = datetime.now(UTC) + timedelta(seconds=50)
    far = place("far", near + timedelta(hours=1), event_id="far")
    assert system.submit_many([far, place("near", near)]) == [Submission.EARLY, Submission.ACCEPTED]
    assert outcome_of(system, far) == refused("early")
    assert system.intake.resubmit(["far"]) == [False]
    assert [letter.event_id for letter in system.intake.dead_letters()] == ["far"]
    system.intake.configure(ahead=timedelta(hours=2))
    assert system.intake.resubmit(["far", "far"]) == [True, False]
    assert apply_all(system) == 2, "a flush makes it due too"
    assert system.count() == 2


def test_what_is_too_old_to_be_known_is_refused(system):
    system.intake.configure(window=0, remember=10)
    event = place(time=SECOND, event_id="e")
    taken(system, event)
    for seconds in (20, 40, 60):
        taken(system, change("pause", seconds * SECOND))
        apply_all(system)
    assert system.outcome("e", "alice") == UNKNOWN
    assert system.submit(event) is Submission.LATE
    assert outcome_of(system, event) == refused("too_old")
    system.intake.configure(remember=3600)
    assert system.submit(event) is Submission.LATE, "it was forgotten, however long others are remembered"


def test_a_full_queue_takes_nothing(system):
    system.intake.configure(limit=2)
    taken(system, place("a"), place("b"))
    with pytest.raises(errors.IntakeFull, match="'c'") as full:
        system.submit(place("c", event_id="c"))
    assert (full.value.limit, full.value.stream) == (2, stream_of_user("alice", 3))
    assert system.outcome("c", "alice") == UNKNOWN
    apply_all(system)
    with pytest.raises(errors.BulkInterrupted) as interrupted:
        system.submit_many([place("d", 2), place("e", 3), place("f", 4, event_id="f"), place("g", 5)])
    assert interrupted.value.answers == [Submission.ACCEPTED] * 2
    assert isinstance(interrupted.value.__cause__, errors.IntakeFull)
    assert [*interrupted.value.unknown, *interrupted.value.not_done] == [2, 3]
    assert system.outcome("f", "alice") == UNKNOWN
    assert apply_all(system) == 2


def test_dead_letters_wait_for_room(system):
    system.intake.configure(limit=1, late="reject", window=0)
    taken(system, place(time=5))
    assert system.submit(place("p", 1, event_id="p")) is Submission.LATE
    with pytest.raises(errors.BulkInterrupted) as interrupted:
        system.intake.resubmit(["nothing", "p"])
    assert interrupted.value.answers == [False]
    assert [letter.event_id for letter in system.intake.dead_letters()] == ["p"]
    apply_all(system)
    assert system.intake.resubmit(iter(["p"])) == [True]
    assert worker_of(system).run_until_empty() == 1


def test_nasty_ids_are_applied_like_direct_calls(system, open_system, raw, namespace):
    direct = open_system(3, namespace=namespace + "d")
    metadata = {"a": '","user_id":"bob"', "b": 1.5, "c": None}
    for number, name in enumerate(NASTY_IDS):
        user, currency = NASTY_IDS[-1 - number], NASTY_IDS[number - 7]
        taken(
            system,
            Event("place", user, 2 * number, name, currency, "0.10", "1e3", name, metadata=metadata),
            Event("pause", user, 2 * number + 1, name, event_id=name[:50] + "p"),
        )
        assert direct.place(name, user, currency, "0.10", "1e3", metadata=metadata)
        assert direct.pause(name)
    apply_all(system)

    keys, direct_keys = system._store.keys, direct._store.keys
    for stream in range(3):
        assert raw.hgetall(keys.orders(stream)) == raw.hgetall(direct_keys.orders(stream))
        assert raw.smembers(keys.paused(stream)) == raw.smembers(direct_keys.paused(stream))
    pairs = [(name, NASTY_IDS[-1 - number]) for number, name in enumerate(NASTY_IDS)]
    assert system.outcomes(pairs) == [applied(True)] * len(pairs)
    assert system.verify() == []


any_event: Any = Event

BAD: list[Any] = [
    (any_event("buy", "alice", 1, "o"), ValueError, "op must be"),
    (any_event("pause", "", 1, "o"), ValueError, "user_id"),
    (any_event("pause", "alice", -1, "o"), ValueError, "event_time"),
    (any_event("pause", "alice", 1.5, "o"), TypeError, "event_time"),
    (any_event("pause", "alice", True, "o"), TypeError, "event_time"),
    (any_event("pause", "alice", datetime(2020, 1, 1), "o"), ValueError, "event_time"),
    (any_event("pause", "alice", datetime(2300, 1, 1, tzinfo=UTC), "o"), ValueError, "event_time"),
    (any_event("pause", "alice", 1), ValueError, "'order_id'"),
    (any_event("pause", "alice", 1, "o", event_id="x" * 257), ValueError, "event_id"),
    (any_event("pause", "alice", 1, "o", "BTC"), ValueError, "'currency'"),
    (any_event("cancel_all_by_user", "alice", 1, "o"), ValueError, "'order_id'"),
    (any_event("place", "alice", 1, "o", "BTC", 0, 1), ValueError, "amount"),
    (
        any_event("place", "alice", 1, "o", "BTC", 1, 1, metadata={"a": []}),
        (TypeError, ValueError),
        "metadata",
    ),
    (any_event("amend", "alice", 1, "o"), ValueError, "'amount', 'price'"),
    (any_event("reduce", "alice", 1, "o", by=-1), ValueError, "by"),
    ("event", TypeError, "Event"),
]


def test_an_illegal_event_is_refused_by_its_field(system, sends_nothing):
    for event, error, field in BAD:
        with sends_nothing(), pytest.raises(error, match=field):
            system.submit(event)
        with sends_nothing(), pytest.raises(ValueError, match=rf"events\[1\].*{field}"):
            system.submit_many([place(), event])


def test_other_illegal_arguments_are_refused(system, sends_nothing):
    for call, error in [
        (lambda: system.outcome("", "alice"), ValueError),
        (lambda: system.outcomes([("e",)]), ValueError),
        (lambda: system.intake.resubmit("e"), TypeError),
        (lambda: system.intake.resubmit([""]), ValueError),
        (lambda: system.intake.dead_letters(0), ValueError),
        (lambda: system.intake.configure(window=-1), ValueError),
        (lambda: system.intake.configure(window="1"), TypeError),
        (lambda: system.intake.configure(late="drop"), ValueError),
        (lambda: system.intake.configure(limit=0), ValueError),
        (lambda: system.intake.advance(share=(2, 2)), ValueError),
        (lambda: system.intake.advance(limit=1001), ValueError),
        (lambda: system.intake.advance([-1]), ValueError),
    ]:
        with sends_nothing(), pytest.raises(error):
            call()


SPOILED = [
    "", "{", "[]", "null", '"x"', '{"op":"place"}', '{"op":["pause"],"user_id":"alice","order_id":"o"}',
    '{"op":"pause","user_id":"alice","order_id":{}}', '{"op":"pause","user_id":"","order_id":"bobs"}',
    '{"op":"cancel_all_by_user","user_id":["alice"]}',
    '{"op":"place","order_id":"\\ud800","user_id":"alice","currency":"B","amount":"1","price":"1"}',
    '{"op":"place","user_id":"alice","order_id":[],"currency":"B","amount":"1","price":"1"}',
    '{"op":"place","order_id":"o","user_id":"alice","currency":"B","amount":"x","price":"1"}',
    '{"op":"reduce","order_id":"bobs","user_id":"alice","by":"-1"}', "[" * 5000,
    '{"op":"place","order_id":"o","user_id":"\\ud800","currency":"B","amount":"1","price":"1"}',
]  # fmt: skip


def test_a_spoiled_event_is_a_dead_letter_and_no_more(system, raw, store):
    keys = system._store.keys
    system.place("bobs", "bob", "BTC", 1, 2)
    spoiled = {f"spoiled{number}": text for number, text in enumerate(SPOILED)}
    taken(
        system,
        place(time=1),
        *(change("pause", 2, event_id=event_id) for event_id in spoiled),
        change("pause", 3),
    )
    raw.hset(keys.events(stream_of_user("alice", 3)), mapping=spoiled)
    assert apply_all(system) == len(spoiled) + 2
    assert sorted(system.display_all_live_orders()) == ["bobs", "o(paused)"]
    assert {system.outcome(event_id, "alice") for event_id in spoiled} == {refused("unreadable")}
    letters = system.intake.dead_letters()
    assert {letter.event_id: letter.text for letter in letters} == spoiled
    assert {(type(letter), letter.event) for letter in letters} == {(DeadLetter, None)}
    system.intake.resubmit(list(spoiled))
    worker_of(system).run_until_empty()
    assert {letter.event_id: letter.text for letter in system.intake.dead_letters()} == spoiled
    assert system.verify() == []
