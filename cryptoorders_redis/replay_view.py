"""How the command line shows the summary of a replay."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptoorders_redis.commands import Op
from cryptoorders_redis.replay import Replay
from cryptoorders_redis.tables import Column, fitting_table

MAX_RANGES = 10
"""Of line numbers, in a sentence."""


def replay_fields(replay: Replay, *, finished: bool) -> dict[str, Any]:
    """Return the summary of a replay as JSON has it."""
    return {
        "finished": finished,
        "lines": replay.line,
        "applied": {op: replay.applied[op] for op in Op},
        "ignored": {op: replay.ignored[op] for op in Op},
        "refused": replay.refused,
    }


def show_replay(replay: Replay, *, finished: bool, as_json: bool) -> None:
    """Write the summary of a replay: as one JSON value, as a table on a terminal, else as lines."""
    if as_json:
        print(json.dumps(replay_fields(replay, finished=finished)))
        return
    console = Console()
    if sys.stdout.isatty() and (table := replay_table(replay, console.width)):
        console.print(table)
        return
    for name, counter in (("applied", replay.applied), ("ignored", replay.ignored)):
        parts = ", ".join(f"{op} {counter[op]}" for op in Op if counter[op])
        print(f"{name} {counter.total()}" + (f" ({parts})" if parts else ""))
    print(f"refused {replay.refused}")


def replay_table(replay: Replay, width: int) -> Table | None:
    """Return the summary of a replay as a table; None where the width is not enough."""
    ops = list(Op)
    counted = (("applied", replay.applied, "green"), ("ignored", replay.ignored, "yellow"))
    columns = [Column("command", [Text(op) for op in ops], "in all", least=8)]
    for name, counter, style in counted:
        numbers = [Text(str(counter[op])) for op in ops]
        columns.append(Column(name, numbers, str(counter.total()), is_number=True, style=style))
    nothing = [Text()] * len(ops)
    columns.append(Column("refused", nothing, str(replay.refused), is_number=True, style="red"))
    return fitting_table(columns, width, show_footer=True)


def as_lines(numbers: Sequence[int]) -> str:
    """Return line numbers, one or more and rising, as a person reads them; many ranges only by their ends."""
    first, last = numbers[0], numbers[-1]
    if first == last:
        return f"line {first}"
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    if len(ranges) > MAX_RANGES:
        return f"{len(numbers)} of the lines {first} to {last}"
    return "lines " + ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in ranges)
