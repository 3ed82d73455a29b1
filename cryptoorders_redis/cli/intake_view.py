"""Prints the state of the intake and its dead letters."""

import dataclasses
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptoorders_redis.cli.screen import escape_unsafe, make_cell
from cryptoorders_redis.cli.tables import Column, make_table
from cryptoorders_redis.event import DeadLetter, IntakeStats

COLUMNS = ("waiting", "applied", "late", "refused")


def show_stats(stats: IntakeStats, *, as_json: bool) -> None:
    """Print the state: as one JSON value, as a table on a terminal, otherwise as lines."""
    if as_json:
        print(json.dumps(to_fields(stats)))
        return
    console = Console()
    if sys.stdout.isatty() and (table := _make_streams_table(stats, console.width)):
        console.print(table)
    else:
        for stream in stats.streams:
            counts = ", ".join(f"{getattr(stream, name)} {name}" for name in COLUMNS)
            print(f"stream {stream.stream}: {counts}")
    print(f"newest event {_format_time(stats.newest)}, watermark {_format_time(stats.watermark)}")
    print(f"{stats.dead_letters} dead letters")
    _print_status(stats)


def show_status(stats: IntakeStats, *, as_json: bool) -> None:
    """Print how many workers live, and how far they are behind."""
    if as_json:
        fields = to_fields(stats)
        print(json.dumps({name: fields[name] for name in ("workers", "waiting", "lag_seconds")}))
    else:
        _print_status(stats)


def show_letters(letters: Iterable[DeadLetter], *, as_json: bool) -> None:
    """Print dead letters, one a line."""
    for letter in letters:
        if as_json:
            print(json.dumps(_letter_fields(letter)))
            continue
        what = letter.text
        if letter.event:
            what = " ".join(
                filter(None, (letter.event.op, letter.event.order_id, "of", letter.event.user_id))
            )
        when = _format_time(letter.event_time)
        print(escape_unsafe(f"{letter.event_id}: {letter.reason}: {what}, which happened at {when}"))


def to_fields(stats: IntakeStats) -> dict[str, Any]:
    """Return the state as `json.dumps` accepts it."""
    streams = [
        stream._asdict() | {"oldest": stream.oldest and _format_time(stream.oldest)}
        for stream in stats.streams
    ]
    return stats._asdict() | {
        "streams": streams,
        "newest": stats.newest and _format_time(stats.newest),
        "watermark": stats.watermark and _format_time(stats.watermark),
        "waiting": stats.waiting,
    }


def _letter_fields(letter: DeadLetter) -> dict[str, Any]:
    fields = letter._asdict() | {
        "event_time": _format_time(letter.event_time),
        "refused_at": _format_time(letter.refused_at),
        "event": None,
    }
    if letter.event:
        fields["event"] = {
            name: format(value, "f") if isinstance(value, Decimal) else value
            for name, value in dataclasses.asdict(letter.event).items()
            if value is not None
        } | {"event_time": fields["event_time"]}
    return fields


def _print_status(stats: IntakeStats) -> None:
    workers = len(stats.workers)
    print(f"{workers} living workers, {stats.waiting} events wait, lag {stats.lag_seconds:.3f} s")


def _format_time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else "none"


def _make_streams_table(stats: IntakeStats, width: int) -> Table | None:
    columns = [
        Column("stream", [Text(str(stream.stream)) for stream in stats.streams], "in all", is_number=True)
    ]
    for name in COLUMNS:
        numbers = [getattr(stream, name) for stream in stats.streams]
        cells = [Text(f"{number:,}") for number in numbers]
        columns.append(Column(name, cells, f"{sum(numbers):,}", is_number=True))
    oldest = [make_cell(_format_time(stream.oldest) if stream.oldest else "") for stream in stats.streams]
    columns.append(Column("first that waits", oldest, drop_rank=1))
    return make_table(columns, width, show_footer=True)
