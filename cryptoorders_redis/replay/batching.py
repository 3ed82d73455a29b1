"""Which commands can be carried out together, so that all is as if they had been one by one."""

from collections.abc import Iterable
from typing import TypeVar

from cryptoorders_redis.replay.commands import Command, Op

C = TypeVar("C", bound=Command)


def group_commands(commands: Iterable[C]) -> list[list[C]]:
    """Return the commands in groups of one op each, to be carried out group by group.

    A command may go ahead of others, into an earlier group of its op, but never ahead of

    - a command for the same order, whose answer and whose effect would be another;
    - a `place`, if it is one: the listing is in the order of placement;
    - a `cancel_all_by_user`, which may be for any order, and stays alone.
    """
    groups: list[list[C]] = []
    earliest_of: dict[str, int] = {}
    """Order id → the group of the last command for it."""
    earliest_place = earliest = 0
    for command in commands:
        floor = max(earliest, earliest_of.get(command.subject, 0))
        if command.op is Op.CANCEL_ALL_BY_USER:
            floor = len(groups)
            earliest = floor + 1
        elif command.op is Op.PLACE:
            floor = max(floor, earliest_place)
        place = next((i for i in range(floor, len(groups)) if groups[i][0].op is command.op), len(groups))
        if place == len(groups):
            groups.append([])
        groups[place].append(command)
        earliest_of[command.subject] = place
        if command.op is Op.PLACE:
            earliest_place = place
    return groups
