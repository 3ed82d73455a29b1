"""Every change with each answer that it can have, for all tests of single faults."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import pytest

from cryptoorders_redis import CryptoOrderSystem, Event, Order, Submission

Answer: TypeAlias = bool | int | Decimal | Submission | None


@dataclass(frozen=True)
class Change:
    """A call on order `o` or user `alice`. Order `b` of bob is live throughout.

    Attributes:
        before: calls that lead to the expected answer.
        call: the change.
        answer: the expected answer.
        afterwards: calls of others that come next, so that a second run of the change would be seen.
    """

    name: str
    before: Sequence[str]
    call: str
    answer: Answer
    afterwards: Sequence[str]


ALL = [
    Change("place-true", (), "place", True, ("cancel",)),
    Change("place-false", ("place",), "place", False, ("cancel",)),
    Change("pause-true", ("place",), "pause", True, ("resume",)),
    Change("pause-false", ("place", "pause"), "pause", False, ("resume",)),
    Change("resume-true", ("place", "pause"), "resume", True, ("pause",)),
    Change("resume-false", ("place",), "resume", False, ("pause",)),
    Change("amend-true", ("place",), "amend", True, ("cancel",)),
    Change("amend-false", (), "amend", False, ("place",)),
    Change("reduce-some", ("place",), "reduce", Decimal("0.4"), ("amend",)),
    Change("reduce-all", ("place", "reduce"), "reduce_rest", Decimal("0.0"), ("place",)),
    Change("reduce-none", (), "reduce", None, ("place",)),
    Change("cancel-true", ("place",), "cancel", True, ("place",)),
    Change("cancel-false", (), "cancel", False, ("place",)),
    Change("cancel-all-some", ("place",), "cancel_all", 1, ("place",)),
    Change("cancel-all-none", (), "cancel_all", 0, ("place",)),
    Change("submit-accepted", (), "submit", Submission.ACCEPTED, ("apply_events", "cancel")),
]

each_change = pytest.mark.parametrize("change", ALL, ids=lambda change: change.name)


def _apply_events(system: CryptoOrderSystem) -> bool:
    system.intake.flush()
    return system.intake.advance().applied > 0


CALLS: dict[str, Callable[[CryptoOrderSystem], Answer]] = {
    "place": lambda system: system.place("o", "alice", "BTC", 1, 1),
    "pause": lambda system: system.pause("o"),
    "resume": lambda system: system.resume("o"),
    "amend": lambda system: system.amend("o", price=7),
    "reduce": lambda system: system.reduce("o", "0.6"),
    "reduce_rest": lambda system: system.reduce("o", "0.4"),
    "cancel": lambda system: system.cancel("o"),
    "cancel_all": lambda system: system.cancel_all_by_user("alice"),
    "submit": lambda system: system.submit(Event("place", "alice", 1, "o", "BTC", 1, 1, "o")),
    "apply_events": _apply_events,
}


def teach_scripts(system: CryptoOrderSystem) -> None:
    """Load every script into the server. Otherwise the first request of a call runs nothing."""
    left = [Decimal("0.4"), Decimal("0.0")]
    assert system.submit(Event("pause", "zoe", 1, "nothing")) is Submission.ACCEPTED
    calls = [call for call in CALLS if call != "submit"]
    assert [make(system, call) for call in calls] == [True, True, True, True, *left, False, 0, True]


def begin_sessions(system: CryptoOrderSystem) -> None:
    """Make a first change, which begins the client's sessions, so that a fault hits the next change."""
    assert system.cancel("nothing") is False


def make(system: CryptoOrderSystem, *calls: str) -> Answer:
    """Make the calls, and return the answer of the last one."""
    answer = None
    for call in calls:
        answer = CALLS[call](system)
    return answer


def state(system: CryptoOrderSystem) -> list[Order]:
    """Return all that is known of the orders, including when they were placed."""
    return list(system.live_orders())
