"""The command that replays a file of commands."""

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
from cryptoorders_redis.cli.tables import Column, make_table
from cryptoorders_redis.replay.commands import Op, read_lines
from cryptoorders_redis.replay.runner import WINDOW, Replay

MAX_RANGES = 10
"""The maximum number of ranges of lines in a message."""


def replay(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="A file of JSON Lines, or - for stdin.")],
    *,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first refused line. Earlier lines stay applied.")
    ] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Run commands from a file, one a line, and print what was applied, ignored and refused.

    {"op": "place", "order_id": .., "user_id": .., "currency": .., "amount": .., "price": ..},
    also with "metadata";
    {"op": "pause", "order_id": ..}, also resume and cancel;
    {"op": "amend", "order_id": .., "amount": .., "price": ..}, where amount or price may be left out,
    also with "expected_amount" and "expected_price";
    {"op": "reduce", "order_id": .., "by": ..};
    {"op": "cancel_all_by_user", "user_id": ..}.
    Any other line is reported with its number and skipped. The exit code is then 1.
    """
    with store(url, namespace, streams, create=True) as system:
        # A pipe may stay open for days, so each of its lines is run as soon as it arrives.
        run = Replay(system, WINDOW if screen.is_regular_file(file) else 1)
        code, finished = _run_file(run, file, strict)
    print_summary(run, finished=finished, as_json=as_json)
    raise typer.Exit(code)


def summary_fields(replay: Replay, *, finished: bool) -> dict[str, Any]:
    """Return the summary of a replay as `json.dumps` accepts it."""
    fields: dict[str, Any] = {
        "finished": finished,
        "lines": replay.line,
        "applied": {op: replay.applied[op] for op in Op},
        "ignored": {op: replay.ignored[op] for op in Op},
        "refused": replay.refused,
    }
    if not finished:
        fields |= {"unanswered": replay.unanswered, "not_applied": sorted(replay.waiting)}
    return fields


def print_summary(replay: Replay, *, finished: bool, as_json: bool) -> None:
    """Print the summary of a replay: as one JSON value, as a table on a terminal, otherwise as lines."""
    if as_json:
        print(json.dumps(summary_fields(replay, finished=finished)))
        return
    console = Console()
    if sys.stdout.isatty() and (table := make_summary_table(replay, console.width)):
        console.print(table)
        return
    for name, counter in (("applied", replay.applied), ("ignored", replay.ignored)):
        parts = ", ".join(f"{op} {counter[op]}" for op in Op if counter[op])
        print(f"{name} {counter.total()}" + (f" ({parts})" if parts else ""))
    print(f"refused {replay.refused}")


def make_summary_table(replay: Replay, width: int) -> Table | None:
    """Make a table of the summary of a replay. Return None if it does not fit the width."""
    ops = list(Op)
    counted = (("applied", replay.applied, "green"), ("ignored", replay.ignored, "yellow"))
    columns = [Column("command", [Text(op) for op in ops], "in all", min_width=8)]
    for name, counter, style in counted:
        numbers = [Text(str(counter[op])) for op in ops]
        columns.append(Column(name, numbers, str(counter.total()), is_number=True, style=style))
    nothing = [Text()] * len(ops)
    columns.append(Column("refused", nothing, str(replay.refused), is_number=True, style="red"))
    return make_table(columns, width, show_footer=True)


def format_line_numbers(numbers: Sequence[int]) -> str:
    """Format rising line numbers as ranges. Many ranges are shortened to their first and last line."""
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


def _print_waiting(run: Replay) -> None:
    if run.waiting:
        verb = "was" if len(run.waiting) == 1 else "were"
        screen.print_error(f"{format_line_numbers(sorted(run.waiting))} {verb} read, and not applied")


def _run_file(run: Replay, file: BinaryIO, strict: bool) -> tuple[int, bool]:
    """Replay a file. Return the exit code, and whether the replay reached the end of the file."""
    try:
        with screen.show_progress(read_lines(file), file) as lines:
            for refusal in run.run(lines):
                screen.print_error(f"line {refusal.line}: {refusal.reason}")
                if strict:
                    screen.print_error("stopped at this line (--strict); earlier lines stay applied")
                    return 1, False
    except KeyboardInterrupt:
        screen.print_error(f"interrupted; line {run.line} was the last one read")
        if run.unanswered:
            screen.print_error(f"{format_line_numbers(run.unanswered)} may be applied or not")
        _print_waiting(run)
        return 130, False
    except errors.CryptoOrdersError as error:
        lines = f"line {run.line}" if run.since >= run.line else f"lines {run.since} to {run.line}"
        screen.print_error(f"{lines}: {error}; stopped, earlier lines stay applied")
        _print_waiting(run)
        return 2, False
    except OSError as error:
        screen.print_error(f"cannot read the file after line {run.line}: {error}")
        return 2, False
    return (1 if run.refused else 0), True
