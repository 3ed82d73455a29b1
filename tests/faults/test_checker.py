"""The checker itself, on histories written by hand: it finds an order where there is one, and only there."""

import itertools
import math
import random
from typing import Any

import pytest

from tests.support.linearizability import UNKNOWN, Call, run, unexplained


def call(begin: float, end: float, operation: str, order_id: str = "o", answer: Any = True) -> Call:
    return Call(operation, (order_id,), begin, math.inf if answer == UNKNOWN else end, answer)


def explained(*calls: Call) -> bool:
    return unexplained(calls, lambda _: "u") is None


def test_calls_in_turn_have_the_answers_of_the_contract():
    assert explained(
        call(1, 2, "place"),
        call(3, 4, "place", answer=False),
        call(5, 6, "resume", answer=False),
        call(7, 8, "pause"),
        call(9, 10, "pause", answer=False),
        call(11, 12, "get", answer=["PAUSED", 3]),
        call(13, 14, "place", "p"),
        call(15, 16, "listing", "u", answer=["o(paused)", "p"]),
        call(17, 18, "resume"),
        call(19, 20, "cancel"),
        call(21, 22, "cancel", answer=False),
        call(23, 24, "pause", answer=False),
        call(25, 26, "place"),
        call(27, 28, "listing", "u", answer=["p", "o"]),
        call(29, 30, "cancel_all_by_user", "u", answer=2),
        call(31, 32, "get", answer=None),
        call(33, 34, "cancel_all_by_user", "u", answer=0),
    )


@pytest.mark.parametrize(
    "last",
    [
        call(9, 10, "place"),
        call(9, 10, "pause"),
        call(9, 10, "resume", answer=False),
        call(9, 10, "cancel", answer=False),
        call(9, 10, "get", answer=["ACTIVE", 3]),
        call(9, 10, "get", answer=None),
        call(9, 10, "listing", "u", answer=["o"]),
        call(9, 10, "listing", "u", answer=["p", "o(paused)"]),
        call(9, 10, "cancel_all_by_user", "u", answer=1),
    ],
    ids=str,
)
def test_one_wrong_answer_has_no_order(last):
    before = (call(1, 2, "place"), call(3, 4, "place", "p"), call(5, 6, "pause"))
    assert explained(*before)
    assert not explained(*before, last)


def test_calls_at_one_time_may_have_run_in_either_order():
    assert explained(call(1, 4, "place"), call(2, 3, "cancel"))
    assert explained(call(1, 4, "place"), call(2, 3, "cancel", answer=False))


def test_a_call_that_ended_before_another_began_ran_before_it():
    assert not explained(call(1, 2, "cancel"), call(3, 4, "place"))
    assert not explained(call(1, 2, "place"), call(3, 4, "cancel", answer=False))


def test_of_two_cancels_at_one_time_one_is_true():
    placed = call(1, 2, "place")
    assert explained(placed, call(3, 6, "cancel"), call(4, 5, "cancel", answer=False))
    assert explained(placed, call(3, 6, "cancel", answer=False), call(4, 5, "cancel"))
    assert not explained(placed, call(3, 6, "cancel"), call(4, 5, "cancel"))
    assert not explained(placed, call(3, 6, "cancel", answer=False), call(4, 5, "cancel", answer=False))


def test_a_long_call_may_have_run_between_any_two_short_ones():
    short = (call(1, 2, "place"), call(3, 4, "cancel"), call(5, 6, "place"), call(7, 8, "cancel"))
    assert explained(*short, call(0, 9, "pause"))
    assert explained(*short, call(0, 9, "pause", answer=False))
    assert not explained(*short, call(0, 9, "resume"))


def test_a_call_of_unknown_outcome_may_have_happened_or_not():
    doubtful = call(3, 4, "cancel", answer=UNKNOWN)
    assert explained(call(1, 2, "place"), doubtful, call(5, 6, "get", answer=None))
    assert explained(call(1, 2, "place"), doubtful, call(5, 6, "get", answer=["ACTIVE", 3]))
    assert not explained(call(1, 2, "place"), doubtful, call(5, 6, "get", answer=["PAUSED", 3]))


def test_a_call_of_unknown_outcome_may_happen_late_and_once():
    doubtful = call(3, 4, "cancel", answer=UNKNOWN)
    late = (
        call(1, 2, "place"),
        doubtful,
        call(5, 6, "get", answer=["ACTIVE", 3]),
        call(7, 8, "get", answer=None),
    )
    assert explained(*late)
    assert not explained(*late, call(9, 10, "place"), call(11, 12, "get", answer=None))


def test_a_call_of_unknown_outcome_did_not_run_before_it_began():
    doubtful = call(5, 6, "place", answer=UNKNOWN)
    assert not explained(call(1, 2, "get", answer=["ACTIVE", 3]), doubtful)
    assert explained(doubtful, call(7, 8, "get", answer=["ACTIVE", 3]))


def test_cancelling_together_is_one_step():
    placed = (call(1, 2, "place", "o"), call(3, 4, "place", "p"))
    together = call(5, 8, "cancel_all_by_user", "u", answer=2)
    assert explained(*placed, together, call(6, 7, "listing", "u", answer=["o", "p"]))
    assert explained(*placed, together, call(6, 7, "listing", "u", answer=[]))
    assert not explained(*placed, together, call(6, 7, "listing", "u", answer=["p"]))


def test_reductions_are_counted_and_end_the_order():
    placed, first = call(1, 2, "place"), call(3, 4, "reduce", answer=2)
    assert explained(placed, first, call(5, 6, "get", answer=["ACTIVE", 2]))
    assert not explained(placed, first, call(5, 6, "get", answer=["ACTIVE", 3]))
    assert not explained(placed, first, call(5, 6, "reduce", answer=2))
    last = (call(5, 6, "reduce", answer=1), call(7, 8, "reduce", answer=0))
    assert explained(placed, first, *last, call(9, 10, "listing", "u", answer=[]))
    assert explained(placed, first, *last, call(9, 10, "reduce", answer=None))
    assert not explained(placed, first, *last, call(9, 10, "listing", "u", answer=["o"]))


def test_users_are_told_apart_and_the_wrong_one_is_named():
    calls = [call(1, 2, "place", "a1"), call(3, 4, "place", "b1"), call(5, 6, "place", "b1")]
    found = unexplained(calls, lambda call: call.arguments[0][0])
    assert found is not None
    assert "'b'" in found
    assert unexplained(calls[:2], lambda call: call.arguments[0][0]) is None


@pytest.mark.parametrize("seed", range(150))
def test_it_agrees_with_trying_every_order(seed):
    """Short histories with answers at random, most of them wrong, some unknown."""
    chance = random.Random(seed)
    calls = []
    for _ in range(6):
        operation = chance.choice(("place", "place", "pause", "cancel", "reduce", "cancel_all_by_user"))
        begin = chance.randrange(20)
        answers = {"cancel_all_by_user": (0, 1, 1, 2), "reduce": (None, 2, 1, 0)}
        answer = chance.choice(answers.get(operation, (True, True, False)))
        if chance.random() < 0.2:
            answer = UNKNOWN
        calls.append(call(begin, begin + chance.randrange(1, 15), operation, chance.choice("op"), answer))
    assert explained(*calls) == any(map(possible, orders_of(calls)))


def orders_of(calls):
    """Every order of the calls, each of unknown outcome with it and without."""
    known = [call for call in calls if call.answer != UNKNOWN]
    unknown = [call for call in calls if call.answer == UNKNOWN]
    for number in range(len(unknown) + 1):
        for some in itertools.combinations(unknown, number):
            yield from itertools.permutations([*known, *some])


def possible(order) -> bool:
    state = ()
    for place, this in enumerate(order):
        if any(later.end < this.begin for later in order[place + 1 :]):
            return False
        answer, state = run(state, this)
        if this.answer not in (answer, UNKNOWN):
            return False
    return True
