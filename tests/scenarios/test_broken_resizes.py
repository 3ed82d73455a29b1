"""Without one of its rules a resize goes wrong in certain steps; with all of them they are right."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from cryptoorders_redis.operations.resize import resize
from cryptoorders_redis.operations.standalone import Standalone
from cryptoorders_redis.schema.config import Settings
from tests.faults.test_linearizability import planted
from tests.support.stepwise import Stepwise

USER = "user0"
"""Whose streams of 3 and of 5 are different."""

OTHER_HOME_HERE = "user2"
"""Whose stream of 5 is the stream of 3 of the first."""


def place(system, user=USER, number=6):
    assert all(system.place_many((f"{user}-{n}", user, "BTC", 1, 1) for n in range(number)))
    assert system.pause(f"{user}-0")


def begun(system, num_streams, until):
    running = Stepwise(resize(system._store, num_streams, None), system)
    while running.about_to_send != [until]:
        assert not running.done
        running.step()
    return running


def finish(running):
    while not running.done:
        running.step()


def cancel_all_amid(open_system):
    system, other = open_system(3), open_system()
    place(system)
    running = begun(system, 5, "move")
    assert other.place("new", USER, "BTC", 1, 1)
    assert other.cancel_all_by_user(USER) == 7
    finish(running)
    assert system.count() == 0


def old_client_afterwards(open_system):
    system, old = open_system(3), open_system()
    place(system)
    system.resize(5)
    assert all(old.place_many([("new", USER, "BTC", 1, 1)]))
    assert system.cancel_all_by_user(USER) == 7
    assert system.verify() == []


def ended_under_another_epoch(open_system):
    system, other = open_system(3), open_system()
    place(system)
    first = begun(system, 5, "finish_resize")
    other.resize(3)
    second = begun(other, 5, "move")
    first.step()
    assert system.user(USER).display_all_live_orders() == system.display_all_live_orders()
    finish(second)
    assert system.verify() == []


def placed_again_by_another(open_system):
    system, other = open_system(3), open_system()
    place(system)
    running = begun(system, 5, "move")
    assert other.cancel(f"{USER}-3")
    assert other.place(f"{USER}-3", OTHER_HOME_HERE, "BTC", 1, 1)
    finish(running)
    assert system.verify() == []
    assert system.count(user_id=OTHER_HOME_HERE) == 1


def whole(open_system):
    system = open_system(3)
    place(system)
    listed = system.display_all_live_orders()
    system.resize(5)
    assert system.display_all_live_orders() == listed
    assert system.get(f"{USER}-1")
    assert system.verify() == []


@dataclass(frozen=True)
class Broken:
    """A rule that is left out, and steps that show it."""

    name: str
    steps: Callable[[Callable[..., Any]], None]
    script: tuple[str, str, str] | None = None
    patch: tuple[Any, str, Any] | None = None


VARIANTS = [
    Broken(
        "cancel-all-in-the-new-home-alone",
        cancel_all_amid,
        patch=(Settings, "homes_of", lambda self, user_id: (self.stream_of(user_id),)),
    ),
    Broken(
        "no-epoch-in-changes",
        old_client_afterwards,
        script=(
            "include/session.lua",
            "if epoch and redis.call('HGET', config, 'epoch') ~= epoch",
            "if false",
        ),
    ),
    Broken(
        "ended-whatever-the-epoch",
        ended_under_another_epoch,
        script=(
            "finish_resize.lua",
            "if has_other_settings(config, epoch) then",
            "if not redis.call('HGET', config, 'moving_from') then",
        ),
    ),
    Broken(
        "a-slice-that-does-not-look-whose-orders-are-there",
        placed_again_by_another,
        script=("move.lua", "if is_theirs == 1 and", "if"),
    ),
    Broken(
        "a-batch-that-keeps-its-streams-after-stale",
        old_client_afterwards,
        patch=(Standalone, "_place_call", None),
    ),
    Broken(
        "paused-is-not-carried",
        whole,
        script=("include/move_orders.lua", "  if #paused > 0 then", "  if false then"),
    ),
    Broken(
        "the-directory-is-not-written",
        whole,
        script=("include/move_orders.lua", "redis.call('HSET', directory, unpack(entries))", ""),
    ),
]


@pytest.mark.parametrize("broken", VARIANTS, ids=lambda broken: broken.name)
def test_without_one_rule_a_resize_goes_wrong(open_system, use_scripts, monkeypatch, tmp_path, broken):
    if broken.script:
        use_scripts(planted(tmp_path, *broken.script))
    elif broken.patch[2]:
        monkeypatch.setattr(*broken.patch)
    else:
        keep_streams(monkeypatch)
    with pytest.raises(AssertionError):
        broken.steps(open_system)


def keep_streams(monkeypatch):
    """Make calls to place say the epoch of now, and the streams of before."""
    real = Standalone._place_call
    first = {}

    def place_call(self, script, orders):
        settings = self.settings
        first.setdefault(id(self), settings)
        self.settings = first[id(self)]._replace(epoch=settings.epoch)
        try:
            return real(self, script, orders)
        finally:
            self.settings = settings

    monkeypatch.setattr(Standalone, "_place_call", place_call)


@pytest.mark.parametrize(
    "steps", dict.fromkeys(broken.steps for broken in VARIANTS), ids=lambda steps: steps.__name__
)
def test_with_all_rules_the_same_steps_are_right(open_system, steps):
    steps(open_system)
