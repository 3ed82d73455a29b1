"""Commands in groups give the same answers, and leave the same behind, as one by one."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cryptoorders_redis import CryptoOrderSystem, NewOrder
from cryptoorders_redis.replay.batching import group_commands
from cryptoorders_redis.replay.commands import Amendment, Command, Op, Reduction
from cryptoorders_redis.replay.runner import Replay
from tests.support.model import Model, as_modelled

ids = st.sampled_from("abcdef")
users = st.sampled_from(["alice", "bob"])
places = st.builds(lambda o, u: Command(Op.PLACE, NewOrder(o, u, "BTC", 1, 1)), ids, users)
numbers = st.none() | st.integers(1, 9)
changes = st.builds(Command, st.sampled_from([Op.PAUSE, Op.RESUME, Op.CANCEL]), ids)
reductions = st.builds(lambda o, n: Command(Op.REDUCE, Reduction(o, n)), ids, st.integers(1, 2))
amends = st.builds(lambda o, n: Command(Op.AMEND, Amendment(o, n, 5)), ids, numbers)
cancel_alls = st.builds(Command, st.just(Op.CANCEL_ALL_BY_USER), users)
commands = st.lists(places | changes | changes | amends | reductions | cancel_alls, max_size=40)


def answers(model, commands):
    """The answers of a model, by the commands' identity."""
    answered = {}
    for command in commands:
        target = command.target
        answer = getattr(model, command.op)(*([target] if isinstance(target, str) else target))
        answered[id(command)] = answer
    return answered


@given(commands)
def test_groups_are_as_good_as_one_by_one(commands):
    commands = [Command(command.op, command.target) for command in commands]  # each its own object
    in_turn, in_groups = Model(), Model()
    groups = group_commands(commands)
    expected = answers(in_turn, commands)
    assert answers(in_groups, [command for group in groups for command in group]) == expected
    assert list(in_groups.live.items()) == list(in_turn.live.items())
    assert all(len({command.op for command in group}) == 1 for group in groups)


def test_commands_for_different_orders_go_together():
    lines = [
        (Op.PLACE, NewOrder("a", "u", "c", 1, 1)),
        (Op.PAUSE, "a"),
        (Op.PLACE, NewOrder("b", "u", "c", 1, 1)),
        (Op.PAUSE, "b"),
        (Op.CANCEL, "a"),
        (Op.PLACE, NewOrder("a", "u", "c", 1, 1)),
        (Op.PLACE, NewOrder("d", "u", "c", 1, 1)),
    ]
    groups = group_commands(Command(*line) for line in lines)
    assert [(group[0].op, [command.subject for command in group]) for group in groups] == [
        (Op.PLACE, ["a", "b"]),
        (Op.PAUSE, ["a", "b"]),
        (Op.CANCEL, ["a"]),
        (Op.PLACE, ["a", "d"]),
    ]


@given(commands, st.integers(2, 50))
def test_a_replay_in_windows_ends_as_one_line_by_line(commands, window):
    lines = []
    for command in commands:
        if isinstance(command.target, str):
            named = "user_id" if command.op is Op.CANCEL_ALL_BY_USER else "order_id"
            fields = {named: command.target}
        else:
            fields = {name: value for name, value in command.target._asdict().items() if value is not None}
        lines.append({"op": command.op, **fields})
    text = [json.dumps(line).encode() for line in lines]
    text[len(text) // 2 : len(text) // 2] = [b"no command", b""]
    model, ends = Model(), []
    answers(model, [Command(command.op, command.target) for command in commands])
    for size in (1, window):
        with CryptoOrderSystem(2, url="memory://") as system:
            replay = Replay(system, size)
            refusals = list(replay.run(text))
            left = [as_modelled(order) for order in system.live_orders()]
            ends.append((refusals, replay.applied, replay.ignored, system.display_all_live_orders(), left))
    assert ends[0] == ends[1]
    assert left == list(model.live.values())
