"""The command that carries out a file of commands."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptoorders_redis import errors
from cryptoorders_redis.cli import screen
from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store
from cryptoorders_redis.cli.tables import Column, fitting_table
from cryptoorders_redis.replay.commands import Op, read_lines
from cryptoorders_redis.replay.runner import WINDOW, Replay

MAX_RANGES = 10
"""Of line numbers, in a sentence."""


def replay(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="A file of JSON Lines; - for stdin.")],
    *,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first refused line; what came before stays.")
    ] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Carry out commands, one a line, and sum up what was applied, ignored and refused.

    {"op": "place", "order_id": .., "user_id": .., "currency": .., "amount": .., "price": ..};
    {"op": "pause", "order_id": ..}, and so resume and cancel;
    {"op": "amend", "order_id": .., "amount": .., "price": ..}, of which one may be left out;
    {"op": "cancel_all_by_user", "user_id": ..}.
    A line that is no such command is reported with its number and skipped; the exit code is then 1.
    """
    with store(url, namespace, streams, create=True) as system:
        # A pipe may stay open for days: what comes through one is carried out as it comes.
        run = Replay(system, WINDOW if screen.is_a_file(file) else 1)
        code, finished = _run_through(run, file, strict)
    show_replay(run, finished=finished, as_json=as_json)
    raise typer.Exit(code)


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


def _run_through(run: Replay, file: BinaryIO, strict: bool) -> tuple[int, bool]:
    """Carry a file out, and return the exit code and whether it was carried out to its end."""
    try:
        with screen.progress(read_lines(file), file) as lines:
            for refusal in run.run(lines):
                screen.complain(f"line {refusal.line}: {refusal.reason}")
                if strict:
                    screen.complain("stopped there (--strict); what came before it stays applied")
                    return 1, False
    except KeyboardInterrupt:
        screen.complain(f"interrupted; line {run.line} was the last begun")
        if run.unanswered:
            screen.complain(f"{as_lines(run.unanswered)} may have been carried out or not")
        return 130, False
    except errors.CryptoOrdersError as error:
        lines = f"line {run.line}" if run.since >= run.line else f"lines {run.since} to {run.line}"
        screen.complain(f"{lines}: {error}; stopped there, what came before it stays applied")
        return 2, False
    except OSError as error:
        screen.complain(f"cannot read on after line {run.line}: {error}")
        return 2, False
    return (1 if run.refused else 0), True
