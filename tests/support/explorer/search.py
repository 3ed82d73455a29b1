"""Looks at every state that several calls at once can lead to, with lost replies, late copies and crashes.

A crash needs no step of its own: a client that has crashed is one that does nothing any more, and each state
is checked for what holds whoever goes on.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cryptoorders_redis import errors
from cryptoorders_redis.operations.repair import repair
from cryptoorders_redis.operations.verify import verify
from tests.support.explorer import calls
from tests.support.explorer.clients import LOST, CallKind, Client, run_alone, slots_of
from tests.support.explorer.states import Facts, Live, Server, State, namespace_of, with_entry

ENDED = -1
"""In place of a node: the call has ended."""

GIVEN_UP = -2
"""In place of a node: the client had no reply for so long that it has given up; a copy may come late."""

_NEWCOMER = "c9"
"""The name of the client whose calls are made when nobody else does anything."""

MOST_STEPS = 10
"""Where placers fence each other, which in practice their waits end, a call is left after so many steps."""


@dataclass(frozen=True)
class Scenario:
    """Calls to explore.

    Attributes:
        calls: one of each client.
        before: calls made before, one after the other.
        entry: what the directory has for the id at first, as a client that died has left it.
        num_streams: as all clients know it.
        told: the streams that know the settings; None for all.
        losses: how many requests lose their reply, or arrive late.
        late: how many copies may be under way at one time.
        minutes: after so many minutes everything may go on, once; None for never.
    """

    calls: Sequence[CallKind]
    before: Sequence[CallKind] = ()
    entry: str = ""
    num_streams: int = 2
    told: Sequence[int] | None = None
    losses: int = 1
    late: int = 1
    minutes: int | None = None

    def __str__(self) -> str:
        what = [" + ".join(call.name for call in self.calls)]
        what += [f"after {' and '.join(call.name for call in self.before)}"] if self.before else []
        what += [f"entry {self.entry!r}"] if self.entry else []
        what += ["streams untold"] if self.told is not None else []
        what += [f"{self.minutes} minutes"] if self.minutes else []
        return f"{', '.join(what)}, {self.losses} lost"


class Violation(AssertionError):
    """Something that must never be. It has the steps that lead there."""


class _Call(NamedTuple):
    """A call within a state of the whole.

    Attributes:
        node: of its client, or `ENDED`.
        seen: numbers of the facts that were true during it; none before it began.
        effects: what its requests have changed, numbers of pairs of orders.
    """

    node: int
    seen: frozenset[int]
    effects: tuple[tuple[Live | None, Live | None], ...]


class _Whole(NamedTuple):
    server: int
    calls: tuple[_Call, ...]
    late: tuple[tuple[int, int], ...]
    """Copies under way: whose, and the node of which."""
    losses: int
    may_wait: bool


_OVER = _Call(ENDED, frozenset(), ())


@dataclass
class Search:
    """Explores one scenario on one server."""

    scenario: Scenario
    server: Server
    num_states: int = 0
    num_left: int = 0
    """States that were found and not looked at."""
    _facts: list[Facts] = field(default_factory=list)
    _facts_numbers: dict[Facts, int] = field(default_factory=dict)
    _facts_of_state: dict[int, int] = field(default_factory=dict)
    _alone: set[int] = field(default_factory=set)
    _loners: dict[str, Client] = field(default_factory=dict)

    def run(self, most: int | None = None) -> None:
        """Look at all states, at most `most`, those first that take the fewest steps.

        Raises:
            Violation: what must never be can be.
        """
        scenario = self.scenario
        self._clients = [
            Client(f"c{number}", kind, scenario.num_streams) for number, kind in enumerate(scenario.calls)
        ]
        ready = tuple(_Call(0, frozenset(), ()) for _ in self._clients)
        first = _Whole(self._begin(), ready, (), scenario.losses, scenario.minutes is not None)
        parents: dict[_Whole, tuple[_Whole, tuple[str, int]] | None] = {first: None}
        waiting = deque([first])
        whole, step = first, ("begins", 0)
        try:
            self._check(first.server)
            while waiting and (most is None or self.num_states < most):
                whole = waiting.popleft()
                self.num_states += 1
                for step, make in self._steps(whole):
                    after = make()
                    if after not in parents:
                        self._check(after.server)
                        parents[after] = (whole, step)
                        waiting.append(after)
            self.num_left = len(waiting)
        except Violation as problem:
            raise Violation(f"{problem}\n{self._story(parents, whole, step)}") from None

    def _begin(self) -> int:
        scenario, server = self.scenario, self.server
        told = range(scenario.num_streams) if scenario.told is None else scenario.told
        state: State = namespace_of(scenario.num_streams, told)
        number = server.number_of(with_entry(state, scenario.entry) if scenario.entry else state)
        for kind in scenario.before:
            answer, number = self._run_alone(kind, number)
            assert answer in (True, None), kind
        return server.with_sessions(
            number, [client.name for client in self._clients], slots_of(scenario.num_streams)
        )

    def _steps(self, whole: _Whole) -> list[tuple[tuple[str, int], Callable[[], _Whole]]]:
        steps: list[tuple[tuple[str, int], Callable[[], _Whole]]] = []
        for number, call in enumerate(whole.calls):
            if call.node < 0:
                continue
            node = self._clients[number].nodes[call.node]
            if len(node.history) >= MOST_STEPS and not self._clients[number].kind.is_drop:
                continue
            steps.append((("step", number), lambda number=number: self._step(whole, number)))
            if whole.losses and node.is_change:
                steps.append((("lost", number), lambda number=number: self._lose(whole, number)))
                if len(whole.late) < self.scenario.late:
                    steps.append((("delayed", number), lambda number=number: self._delay(whole, number)))
        steps += [
            (("late", number), lambda number=number: self._arrive(whole, number))
            for number in range(len(whole.late))
        ]
        if whole.may_wait:
            steps.append((("minutes pass", 0), lambda: self._wait(whole)))
        return steps

    def _step(self, whole: _Whole, number: int) -> _Whole:
        replies, after = self._run(whole.server, number, whole.calls[number].node)
        node = self._clients[number].after(whole.calls[number].node, replies)
        calls = self._noted(whole, after, number, number)
        call = calls[number]._replace(node=node.number)
        if node.request is None:
            self._judge(number, node.answer, call)
            call = _OVER
        calls[number] = call
        return self._settled(whole._replace(server=after, calls=tuple(calls)), number)

    def _lose(self, whole: _Whole, number: int) -> _Whole:
        _, after = self._run(whole.server, number, whole.calls[number].node)
        node = self._clients[number].after(whole.calls[number].node, LOST)
        calls = self._noted(whole, after, number, number)
        calls[number] = calls[number]._replace(node=node.number)
        return whole._replace(server=after, calls=tuple(calls), losses=whole.losses - 1)

    def _delay(self, whole: _Whole, number: int) -> _Whole:
        sent = whole.calls[number].node
        node = self._clients[number].after(sent, LOST)
        calls = self._noted(whole, whole.server, number, None)
        calls[number] = calls[number]._replace(node=node.number)
        late = tuple(sorted((*whole.late, (number, sent))))
        return whole._replace(calls=tuple(calls), late=late, losses=whole.losses - 1)

    def _arrive(self, whole: _Whole, which: int) -> _Whole:
        number, sent = whole.late[which]
        _, after = self._run(whole.server, number, sent)
        calls = self._noted(whole, after, None, number)
        late = whole.late[:which] + whole.late[which + 1 :]
        return self._settled(whole._replace(server=after, calls=tuple(calls), late=late), number)

    def _wait(self, whole: _Whole) -> _Whole:
        """Let time pass, more than a client tries to get one reply."""
        after = self.server.later(whole.server, self.scenario.minutes or 0)
        calls = tuple(
            call._replace(node=GIVEN_UP) if call.node >= 0 and self._is_in_doubt(number, call) else call
            for number, call in enumerate(whole.calls)
        )
        return whole._replace(server=after, calls=calls, may_wait=False)

    def _is_in_doubt(self, number: int, call: _Call) -> bool:
        return self._clients[number].nodes[call.node].history[-1:] == (LOST,)

    def _run(self, state: int, number: int, node_number: int) -> tuple[list[Any], int]:
        request = self._clients[number].nodes[node_number].request
        assert request
        return self.server.run(state, request.data, request.num_replies)

    def _noted(self, whole: _Whole, after: int, stepping: int | None, acting: int | None) -> list[_Call]:
        """Return the calls with what each has seen and done when the server's state has become another."""
        old, new = self._facts_in(whole.server), self._facts_in(after)
        calls = list(whole.calls)
        for number, call in enumerate(calls):
            if call.node >= 0 and (call.seen or number == stepping):
                calls[number] = call._replace(seen=call.seen | {new} | (frozenset() if call.seen else {old}))
        before, later = self._facts[old].live, self._facts[new].live
        if acting is not None and before != later:
            call = calls[acting]
            if call.node == ENDED and not self._clients[acting].kind.is_drop:
                raise Violation(f"{self._clients[acting].kind.name} had an effect after its answer")
            if call.node >= 0:
                calls[acting] = call._replace(effects=(*call.effects, (before, later)))
        return calls

    def _settled(self, whole: _Whole, number: int) -> _Whole:
        """Forget the sessions of a client whose call has ended, and of which nothing is under way."""
        if whole.calls[number].node != ENDED or any(owner == number for owner, _ in whole.late):
            return whole
        return whole._replace(server=self.server.without_sessions(whole.server, self._clients[number].name))

    def _judge(self, number: int, answer: Any, call: _Call) -> None:
        kind = self._clients[number].kind
        problem = kind.judge(answer, [self._facts[each] for each in call.seen], list(call.effects))
        if problem:
            raise Violation(f"{kind.name} answered {answer!r}: {problem}")

    def _facts_in(self, state: int) -> int:
        known = self._facts_of_state.get(state)
        if known is None:
            facts = self.server.facts(state)
            known = self._facts_numbers.setdefault(facts, len(self._facts))
            if known == len(self._facts):
                self._facts.append(facts)
            self._facts_of_state[state] = known
        return known

    def _check(self, state: int) -> None:
        """Check what must hold in every state, and what a single call does that comes next."""
        facts = self._facts[self._facts_in(state)]
        if facts.problem:
            raise Violation(facts.problem)
        state = self.server.for_newcomers(state)
        if state in self._alone:
            return
        self._alone.add(state)
        if facts.is_dropping:
            answer, state = self._run_alone(calls.whole_drop(), state)
            after = self.server.facts(state)
            if answer is not None or after.is_there or after.live:
                raise Violation(f"a drop alone answers {answer!r} and leaves {after}")
        for user_id in (calls.A, calls.B):
            self._check_place(user_id, state)
        if self.server.facts(state).is_there:
            self._check_repair(state)

    def _check_place(self, user_id: str, state: int) -> None:
        before = self.server.facts(state).live
        answer, after = self._run_alone(calls.place(user_id), state)
        facts = self.server.facts(after)
        if answer is not (before is None) or facts.problem or not facts.live:
            raise Violation(f"a place alone answers {answer!r} where {before} is live, and leaves {facts}")

    def _check_repair(self, state: int) -> None:
        before = self.server.facts(state).live
        answer, state = self._run_alone(CallKind("repair", repair, calls._judge_no_effect), state)
        left, _ = self._run_alone(CallKind("verify", verify, calls._judge_no_effect), state)
        facts = self.server.facts(state)
        if (
            isinstance(answer, errors.CryptoOrdersError)
            or left != []
            or facts.problem
            or facts.live != before
        ):
            raise Violation(f"repair alone answers {answer}, where verify finds {left}, and leaves {facts}")

    def _run_alone(self, kind: CallKind, state: int) -> tuple[Any, int]:
        num_streams = self.scenario.num_streams
        client = self._loners.get(kind.name)
        if client is None:
            client = self._loners[kind.name] = Client(_NEWCOMER, kind, num_streams)
        state = self.server.with_sessions(state, [client.name], slots_of(num_streams))
        answer, state = run_alone(self.server, client, state)
        return answer, self.server.without_sessions(state, client.name)

    def _story(
        self,
        parents: dict[_Whole, tuple[_Whole, tuple[str, int]] | None],
        whole: _Whole,
        step: tuple[str, int],
    ) -> str:
        steps = [(whole, step)]
        while found := parents[steps[-1][0]]:
            steps.append(found)
        return "\n".join(self._told(*each) for each in reversed(steps))

    def _told(self, whole: _Whole, step: tuple[str, int]) -> str:
        what, number = step
        owner, sent = whole.late[number] if what == "late" else (number, whole.calls[number].node)
        if what == "minutes pass" or sent < 0:
            return what
        node = self._clients[owner].nodes[sent]
        assert node.request
        words = node.request.data.split(b"\r\n")[2::2]
        replies, _ = self._run(whole.server, owner, sent)
        sending = b" ".join(word[:20] for word in words)[:300].decode(errors="replace")
        return f"  {self._clients[owner].kind.name} [{what}] {sending} -> {replies}"
