"""Whether calls that overlapped in time can be explained by some order in which they ran one at a time.

A Wing-Gong search, which remembers the configurations that it has seen (Lowe's improvement). Orders of
different users do not touch each other, so a history is searched for each user alone. Its state is
the user's listing: with it, cancelling a user's orders together is one step like any other.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

UNKNOWN = "UNKNOWN"
"""The answer of a call that may have taken effect, at any time after its begin, or not at all."""

State: TypeAlias = tuple[str, ...]
"""A user's live orders in placement order, as the listing shows them."""


@dataclass(frozen=True)
class Call:
    operation: str
    arguments: tuple[str, ...]
    begin: float
    end: float
    """Nothing is known of when a call of unknown outcome ends."""
    answer: Any


def unexplained(calls: Iterable[Call], user_of: Callable[[Call], str]) -> str | None:
    """Return what no order of the calls explains, in words; None where every user's calls have one."""
    by_user: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_user[user_of(call)].append(call)
    for user_id, theirs in by_user.items():
        if stuck := _stuck_at(theirs):
            return f"calls on {user_id!r} have no order: at the latest at {stuck}"
    return None


def _stuck_at(calls: Sequence[Call]) -> Call | None:
    """Return the first call that the search could not get past; None where all are explained."""
    known = sorted((call for call in calls if call.answer != UNKNOWN), key=lambda call: call.begin)
    unknown = [call for call in calls if call.answer == UNKNOWN]
    # A configuration: how many known calls ran without a gap, which ran beyond (bits, relative to
    # it), which of unknown outcome ran, and the state after all of them.
    start: tuple[int, int, int, State] = (0, 0, 0, ())
    seen, waiting, furthest = {start}, [start], 0
    while waiting:
        done, beyond, taken, state = waiting.pop()
        furthest = max(furthest, done)
        if done == len(known):
            return None
        following = []
        first_end = math.inf  # of the known calls that have not run: what begins later cannot be next
        for place in range(done, len(known)):
            call = known[place]
            if call.begin > first_end:
                break
            if beyond >> (place - done) & 1:
                continue
            first_end = min(first_end, call.end)
            answer, after = run(state, call)
            if answer == call.answer:
                following.append((*_ran(done, beyond, place), taken, after))
        for place, call in enumerate(unknown):
            if call.begin <= first_end and not taken >> place & 1:
                _, after = run(state, call)
                if after != state:  # without an effect it is as if it had not run
                    following.insert(0, (done, beyond, taken | 1 << place, after))
        # The last is looked at first: that is a known call, and unknown ones only where these fail.
        fresh = [configuration for configuration in following if configuration not in seen]
        seen.update(fresh)
        waiting += fresh
    return known[furthest]


def _ran(done: int, beyond: int, place: int) -> tuple[int, int]:
    beyond |= 1 << (place - done)
    while beyond & 1:
        done, beyond = done + 1, beyond >> 1
    return done, beyond


def run(state: State, call: Call) -> tuple[Any, State]:
    """Return the answer of a call that runs alone, and the state after it."""
    if call.operation == "listing":
        return list(state), state
    if call.operation == "cancel_all_by_user":
        return len(state), ()
    order_id = call.arguments[0]
    paused = f"{order_id}(paused)"
    live = next((line for line in state if line in (order_id, paused)), None)
    if call.operation == "get":
        return live and ("PAUSED" if live == paused else "ACTIVE"), state
    if call.operation == "place" and live is None:
        return True, (*state, order_id)
    if call.operation == "cancel" and live:
        return True, tuple(line for line in state if line != live)
    if call.operation == "pause" and live == order_id:
        return True, tuple(paused if line == live else line for line in state)
    if call.operation == "resume" and live == paused:
        return True, tuple(order_id if line == live else line for line in state)
    return False, state
