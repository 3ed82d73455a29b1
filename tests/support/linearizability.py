"""Checks that a history is linearizable: that some order of its calls, one at a time, explains the answers.

The algorithm is Wing and Gong's search with Lowe's improvement: it remembers the configurations that it has
seen. Users are independent of each other, so each user's history is searched alone. The state is the user's
listing. So cancelling all orders of a user is one step, like any other call.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

UNKNOWN = "UNKNOWN"
"""The answer of a call that took effect at some time after its begin, or never."""

AMOUNT = 3
"""Of each order, at first."""


class Live(NamedTuple):
    """A live order, as far as calls can tell."""

    order_id: str
    paused: bool = False
    amount: int = AMOUNT


State: TypeAlias = tuple[Live, ...]
"""A user's live orders in placement order."""


@dataclass(frozen=True)
class Call:
    operation: str
    arguments: tuple[str, ...]
    begin: float
    end: float
    """Infinite for a call of unknown outcome."""
    answer: Any


def unexplained(calls: Iterable[Call], user_of: Callable[[Call], str]) -> str | None:
    """Return a sentence about the first user whose calls have no explanation; None if all have one."""
    by_user: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_user[user_of(call)].append(call)
    for user_id, theirs in by_user.items():
        if stuck := _stuck_at(theirs):
            return f"calls on {user_id!r} have no explanation: the search got stuck at {stuck}"
    return None


def _stuck_at(calls: Sequence[Call]) -> Call | None:
    """Return the first call that the search could not explain; None if it explained all."""
    known = sorted((call for call in calls if call.answer != UNKNOWN), key=lambda call: call.begin)
    unknown = [call for call in calls if call.answer == UNKNOWN]
    # A configuration: how many known calls ran without a gap, which ran after the gap (bits), which calls
    # of unknown outcome ran, and the state after all of them.
    start: tuple[int, int, int, State] = (0, 0, 0, ())
    seen, waiting, furthest = {start}, [start], 0
    while waiting:
        done, beyond, taken, state = waiting.pop()
        furthest = max(furthest, done)
        if done == len(known):
            return None
        following = []
        first_end = math.inf  # of the known calls that have not run: a call that begins later cannot be next
        for index in range(done, len(known)):
            call = known[index]
            if call.begin > first_end:
                break
            if beyond >> (index - done) & 1:
                continue
            first_end = min(first_end, call.end)
            answer, after = run(state, call)
            if answer == call.answer:
                following.append((*_ran(done, beyond, index), taken, after))
        for index, call in enumerate(unknown):
            if call.begin <= first_end and not taken >> index & 1:
                _, after = run(state, call)
                if after != state:  # a call without an effect need not be tried
                    following.insert(0, (done, beyond, taken | 1 << index, after))
        # The last one is tried first: known calls before those of unknown outcome.
        fresh = [configuration for configuration in following if configuration not in seen]
        seen.update(fresh)
        waiting += fresh
    return known[furthest]


def _ran(done: int, beyond: int, index: int) -> tuple[int, int]:
    beyond |= 1 << (index - done)
    while beyond & 1:
        done, beyond = done + 1, beyond >> 1
    return done, beyond


def listing(state: State) -> list[str]:
    """Return the lines of the listing."""
    return [order.order_id + "(paused)" * order.paused for order in state]


def run(state: State, call: Call) -> tuple[Any, State]:
    """Return the answer of a call that runs alone, and the state after it."""
    if call.operation == "listing":
        return listing(state), state
    if call.operation == "cancel_all_by_user":
        return len(state), ()
    order_id = call.arguments[0]
    live = next((order for order in state if order.order_id == order_id), None)
    if call.operation == "get":
        return live and ["PAUSED" if live.paused else "ACTIVE", live.amount], state
    if call.operation == "reduce":
        if live is None:
            return None, state
        left = live.amount - 1
        return left, _with(state, live, live._replace(amount=left) if left else None)
    if call.operation == "place" and live is None:
        return True, (*state, Live(order_id))
    if call.operation == "cancel" and live:
        return True, _with(state, live, None)
    if call.operation in ("pause", "resume") and live and live.paused is (call.operation == "resume"):
        return True, _with(state, live, live._replace(paused=not live.paused))
    return False, state


def _with(state: State, old: Live, new: Live | None) -> State:
    """Return the state with a new order in the place of an old one, or without it."""
    after = (new if order is old else order for order in state)
    return tuple(order for order in after if order)
