"""What the benchmarks say about a goal, and that a worker has hiredis only where its leg says so."""

import pytest

from benchmarks.harness import Goal, Worker, ratios
from tests.support.processes import ready


@pytest.mark.parametrize(
    ("limit", "at_least", "verdict"),
    [
        (10, False, "met"),
        (3.4, False, "met, but close"),
        (2.6, False, "**missed**, but close"),
        (1, False, "**missed**"),
        (1, True, "met"),
        (2.6, True, "met, but close"),
        (3.4, True, "**missed**, but close"),
        (10, True, "**missed**"),
    ],
)
def test_a_goal_is_decided_by_the_median(limit, at_least, verdict):
    goal = Goal("time of a call", [2.0, 2.5, 3.0, 3.5, 4.0], limit, " µs", at_least)
    sign = "≥" if at_least else "≤"
    assert goal.cells == ("time of a call", f"{sign} {limit:g} µs", "3 µs ±25 %", verdict)


def test_a_ratio_is_taken_within_each_round():
    assert ratios([1.0, 20.0], [2.0, 40.0]) == [0.5, 0.5]


class Parser:
    """Says whether redis-py uses hiredis in its process."""

    def uses_hiredis(self):
        from redis.utils import HIREDIS_AVAILABLE

        return HIREDIS_AVAILABLE


def test_a_worker_can_be_without_hiredis():
    with ready([Worker(Parser)]) as (worker,):
        assert worker.call("uses_hiredis") is False
