"""Prints what a store holds."""

import dataclasses
import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptoorders_redis.cli.screen import escape_unsafe, is_ascii, make_cell
from cryptoorders_redis.cli.tables import Column, make_table
from cryptoorders_redis.operations.stats import Stats

COLUMNS = ("live", "active", "paused", "users")


def show(stats: Stats, *, as_json: bool) -> None:
    """Print the stats: as one JSON value, as tables on a terminal, otherwise as lines."""
    if as_json:
        print(json.dumps(to_fields(stats)))
        return
    console = Console()
    if sys.stdout.isatty() and (table := _make_streams_table(stats, console.width)):
        console.print(table)
        if stats.busiest_users:
            console.print(_make_users_table(stats, console.width))
        for line in _format_state(stats):
            console.print(f"  {line}", highlight=False)
    else:
        _print_lines(stats)


def to_fields(stats: Stats) -> dict[str, Any]:
    """Return the stats as `json.dumps` accepts them."""
    numbers = {name: getattr(stats, name) for name in (*COLUMNS, "bytes", "clients", "moving_from")}
    return numbers | {
        "streams": [dataclasses.asdict(stream) for stream in stats.streams],
        "busiest_streams": [stream.stream for stream in stats.busiest_streams],
        "busiest_users": [dataclasses.asdict(user) for user in stats.busiest_users],
    }


def format_size(number: int | None) -> str:
    """Format a number of bytes with a unit. None, an unknown number, becomes a question mark."""
    if number is None:
        return "?"
    size = float(number)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _print_lines(stats: Stats) -> None:
    for name, row in (*((f"stream {stream.stream}", stream) for stream in stats.streams), ("in all", stats)):
        counts = ", ".join(f"{getattr(row, column)} {column}" for column in COLUMNS)
        print(f"{name}: {counts}, {'unknown' if row.bytes is None else row.bytes} bytes")
    for user in stats.busiest_users:
        print(f"user {escape_unsafe(user.user_id)} (stream {user.stream}): {user.live} live")
    for line in _format_state(stats):
        print(line)


def _format_state(stats: Stats) -> list[str]:
    lines = [f"clients in the last hour: {stats.clients}"]
    if stats.moving_from is not None:
        lines.append(f"orders are being moved from {stats.moving_from} streams: a resize is under way")
    return lines


def _make_streams_table(stats: Stats, width: int) -> Table | None:
    streams = stats.streams
    columns = [Column("stream", [Text(str(stream.stream)) for stream in streams], "in all", is_number=True)]
    for name, dropped in zip(COLUMNS, (0, 2, 1, 3), strict=True):
        numbers = [Text(f"{getattr(stream, name):,}") for stream in streams]
        total = f"{getattr(stats, name):,}"
        columns.append(Column(name, numbers, total, is_number=True, drop_rank=dropped))
    sizes = [Text(format_size(stream.bytes)) for stream in streams]
    columns.append(Column("memory", sizes, format_size(stats.bytes), is_number=True, drop_rank=4))
    columns.append(Column("share of the orders", _make_shares(stats), drop_rank=5))
    return make_table(columns, width, show_footer=True)


def _make_shares(stats: Stats) -> list[Text]:
    most = max((stream.live for stream in stats.streams), default=0)
    block = "#" if is_ascii() else "█"
    shares: list[Text] = []
    for stream in stats.streams:
        bar = block * round(20 * stream.live / most) if most else ""
        share = f" {stream.live / stats.live:.0%}" if stats.live else ""
        shares.append(Text(bar + share, style="cyan"))
    return shares


def _make_users_table(stats: Stats, width: int) -> Table | str:
    users = stats.busiest_users
    columns = (
        Column("busiest users", [make_cell(user.user_id) for user in users], min_width=13),
        Column("stream", [Text(str(user.stream)) for user in users], is_number=True, drop_rank=1),
        Column("live", [Text(f"{user.live:,}") for user in users], is_number=True),
    )
    return make_table(columns, width) or ""
