"""Groups commands that can be sent together with the same result as one by one."""

from collections.abc import Iterable
from typing import TypeVar

from cryptoorders_redis.replay.commands import Command, Op

C = TypeVar("C", bound=Command)


def group_commands(commands: Iterable[C]) -> list[list[C]]:
    """Return the commands in groups of one op each, to be run group by group.

    A command may join an earlier group of its op, and so run before commands that came first. It never runs
    before

    - an earlier command for the same order: answers and effects would change;
    - an earlier `place`, if it is a `place` itself: the listing would change;
    - an earlier `cancel_all_by_user`, which can affect any order. That is a group of its own.
    """
    groups: list[list[C]] = []
    earliest_of: dict[str, int] = {}
    """For each order id, the index of the group of its last command."""
    earliest_place = earliest = 0
    for command in commands:
        floor = max(earliest, earliest_of.get(command.subject, 0))
        if command.op is Op.CANCEL_ALL_BY_USER:
            floor = len(groups)
            earliest = floor + 1
        elif command.op is Op.PLACE:
            floor = max(floor, earliest_place)
        index = next((i for i in range(floor, len(groups)) if groups[i][0].op is command.op), len(groups))
        if index == len(groups):
            groups.append([])
        groups[index].append(command)
        earliest_of[command.subject] = index
        if command.op is Op.PLACE:
            earliest_place = index
    return groups
