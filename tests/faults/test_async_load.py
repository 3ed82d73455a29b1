"""The short form of `make soak`: many tasks, killed connections and cancelled calls, and no wrong answer."""

import random

import pytest

from tests.support.load import LOOPS, Wanted, run_load

SHORT = Wanted(calls=8_000, kills=60, cancels=60)
CHANGES = ("place", "pause", "resume", "cancel", "amend", "reduce")


@pytest.mark.parametrize("loop", LOOPS)
def test_no_answer_is_wrong_under_load(server, raw, namespace, loop):
    tally = run_load(server, namespace, SHORT, LOOPS[loop])
    assert tally.wrong == []
    assert tally.calls >= SHORT.calls
    assert tally.kills >= SHORT.kills
    assert tally.cancels >= SHORT.cancels
    assert tally.sent_again > 0


class Faulty:
    """A system that sometimes does a wrong thing with a change."""

    def __init__(self, system):
        self._system = system
        self._random = random.Random(2)
        self._earlier = True

    def __getattr__(self, name):
        call = getattr(self._system, name)

        async def change(*arguments, **named):
            if self._random.random() < 0.01:
                return await self.badly(lambda: call(*arguments, **named))
            return await call(*arguments, **named)

        return change if name in CHANGES else call

    async def badly(self, call):
        raise NotImplementedError


class RunsTwice(Faulty):
    """What a retry without a request number would do."""

    async def badly(self, call):
        await call()
        return await call()


class MixesUpReplies(Faulty):
    """What a connection would do that gives a reply to the wrong call."""

    async def badly(self, call):
        answer, self._earlier = self._earlier, await call()
        return answer


class LosesChanges(Faulty):
    """What a write behind the caller's back would do that never reaches the server."""

    async def badly(self, call):  # noqa: ARG002
        return True


@pytest.mark.parametrize("faulty", [RunsTwice, MixesUpReplies, LosesChanges])
def test_the_load_finds_a_faulty_system(server, namespace, faulty):
    tally = run_load(server, namespace, SHORT, LOOPS["asyncio"], faulty)
    assert tally.wrong
