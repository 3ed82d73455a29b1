"""The scenarios that are explored: the short ones by the tests, the long ones by `make model`.

Run as `python -m tests.support.explorer.scenarios`, with texts: only scenarios whose names have them.
"""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement

from tests.support.explorer.calls import (
    A2,
    MOVING,
    STAYING,
    A,
    B,
    amend,
    cancel,
    cancel_all,
    create,
    get,
    mend,
    place,
    reduce,
    set_status,
    whole_drop,
    whole_repair,
)
from tests.support.explorer.clients import CallKind
from tests.support.explorer.code import explored_scripts
from tests.support.explorer.search import Scenario, Search, Violation
from tests.support.explorer.states import Server
from tests.support.servers import RedisServer

DEAD = "0 dead"
"""The entry of a claim that never became an order, in the stream of A."""

PLACERS = (place(A), place(A2), place(B))
CHANGES = (cancel(), cancel(A), cancel_all(A), set_status("pause"), set_status("resume"), amend(), reduce())
OTHERS = (get(), mend(), place(B, many=True), cancel(many=True))
ALL = (*PLACERS, *CHANGES, *OTHERS)

STATES_OF_A_PAIR = 800
STATES_OF_THREE = 2_500
STATES_OF_A_DROP = 800
"""So many states of each scenario the tests look at, those first that take the fewest steps."""


def pairs_with(kind: CallKind) -> Iterator[Scenario]:
    """Yield the scenarios of a call and each of the calls."""
    for other in ALL[ALL.index(kind) :]:
        calls = (kind, other)
        yield Scenario(calls, before=[place(A)])
        if kind in PLACERS:
            yield Scenario(calls, entry=DEAD)


THREE = (
    Scenario([place(A), place(B), cancel()]),
    Scenario([place(A), place(A2), cancel()]),
    Scenario([place(A), place(B), mend()], entry=DEAD),
    Scenario([place(A), place(B), whole_repair()], entry=DEAD, losses=0),
    Scenario([place(B), cancel(), cancel_all(A)], before=[place(A)]),
    Scenario([place(A2), cancel(), cancel_all(A)], before=[place(A)]),
    Scenario([place(A2), cancel(), cancel_all(A, besides=1)], before=[place(A), place(A, "Y")]),
    Scenario([place(A2), cancel(A), cancel_all(A2)], before=[place(A)]),
    Scenario([place(B), cancel(), mend()], before=[place(A)]),
    Scenario([place(B), reduce(), reduce()], before=[place(A)]),
    Scenario([place(B), cancel(), set_status("pause")], before=[place(A)]),
    Scenario([place(B), set_status("pause"), set_status("resume")], before=[place(A)]),
    Scenario([place(B), cancel(), amend()], before=[place(A)]),
    Scenario([place(B), cancel(), get()], before=[place(A), set_status("pause")]),
    Scenario([place(B, many=True), cancel(many=True), cancel_all(A)], before=[place(A)]),
    Scenario([place(A), place(B)], told=()),
    Scenario([place(A), cancel(), place(B)], told=(), losses=2),
    Scenario([place(A), place(B)], entry=DEAD, minutes=10),
    Scenario([place(A), place(B)], entry=DEAD, minutes=61),
)
"""Three calls, and two under harder conditions."""


_LIVE = (place(MOVING),)

OF_DROPS = (
    *(
        Scenario([whole_drop(), create(5), kind], before=_LIVE, num_streams=3, losses=0)
        for kind in (
            place(MOVING), place(STAYING), cancel(), cancel(MOVING), cancel_all(MOVING), set_status("pause"),
            amend(), reduce(), get(), place(STAYING, many=True), cancel(many=True), whole_repair(),
        )
    ),
    *(
        Scenario([whole_drop(), kind], before=_LIVE, num_streams=3)
        for kind in (
            place(MOVING), place(STAYING), cancel(), cancel_all(MOVING), whole_drop(), whole_repair(),
        )
    ),
    Scenario([whole_drop(), create(5)], before=_LIVE, num_streams=3, told=()),
    Scenario([whole_drop(), whole_drop(), place(STAYING)], before=_LIVE, num_streams=3, losses=0),
    Scenario([whole_drop(), whole_drop(), create(5)], before=_LIVE, num_streams=3, losses=0),
    Scenario([whole_drop(), place(STAYING), cancel()], before=_LIVE, num_streams=3, told=(), losses=0),
)  # fmt: skip
"""The namespace is dropped amid calls of clients that know it with three streams, and made anew with five."""


def long_scenarios() -> Iterator[Scenario]:
    for pair in combinations_with_replacement(ALL, 2):
        yield Scenario(pair, before=[place(A)], losses=2, late=2)
        yield Scenario(pair, entry=DEAD, losses=2, late=2)
        yield Scenario(pair, before=[place(A)], told=(1,), losses=2, late=2)
    yield from THREE
    yield from OF_DROPS
    for three in combinations_with_replacement(ALL, 3):
        yield Scenario(three, before=[place(A)])
        yield Scenario(three, entry=DEAD)


def main(wanted: Sequence[str]) -> int:
    """Explore the long scenarios, print what came out, and return how many went wrong."""
    logging.disable(logging.WARNING)
    wrong = 0
    server = RedisServer("--appendonly", "no", "--save", "")
    try:
        with explored_scripts() as lua:
            for scenario in long_scenarios():
                if not all(part in str(scenario) for part in wanted):
                    continue
                begin = time.monotonic()
                states = Server(server, lua)
                search = Search(scenario, states)
                try:
                    search.run(most=400_000)
                except Violation as problem:
                    wrong += 1
                    print(f"{scenario}: {problem}")
                states.close()
                seconds = time.monotonic() - begin
                ending = ", not all" if search.num_left else ""
                print(f"{search.num_states:8} states{ending}, {seconds:5.0f} s: {scenario}", flush=True)
    finally:
        server.close()
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
