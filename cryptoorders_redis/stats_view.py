"""How the command line shows what a store holds."""

import dataclasses
import json
import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryptoorders_redis.operations.stats import Stats
from cryptoorders_redis.screen import visible

COLUMNS = ("live", "active", "paused", "users")


def show(stats: Stats, *, as_json: bool) -> None:
    """Write what a store holds: as one JSON value, as tables on a terminal, else as lines."""
    if as_json:
        print(json.dumps(as_fields(stats)))
    elif sys.stdout.isatty():
        console = Console()
        console.print(_streams_table(stats))
        if stats.busiest_users:
            console.print(_users_table(stats))
        console.print(f"  {_clients(stats)}", highlight=False)
    else:
        _print_lines(stats)


def as_fields(stats: Stats) -> dict[str, Any]:
    """Return what a store holds as JSON has it."""
    numbers = {name: getattr(stats, name) for name in (*COLUMNS, "bytes", "clients")}
    return numbers | {
        "streams": [dataclasses.asdict(stream) for stream in stats.streams],
        "busiest_streams": [stream.stream for stream in stats.busiest_streams],
        "busiest_users": [dataclasses.asdict(user) for user in stats.busiest_users],
    }


def as_size(number: int | None) -> str:
    """Return bytes as a person reads them."""
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
        print(f"user {visible(user.user_id)} (stream {user.stream}): {user.live} live")
    print(_clients(stats))


def _clients(stats: Stats) -> str:
    return f"clients in the last hour: {stats.clients}"


def _streams_table(stats: Stats) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("stream", "in all", justify="right")
    for name in COLUMNS:
        table.add_column(name, f"{getattr(stats, name):,}", justify="right")
    table.add_column("memory", as_size(stats.bytes), justify="right")
    table.add_column("share of the orders")
    most = max((stream.live for stream in stats.streams), default=0)
    for stream in stats.streams:
        numbers = (f"{getattr(stream, name):,}" for name in COLUMNS)
        bar = "█" * round(20 * stream.live / most) if most else ""
        share = f" {stream.live / stats.live:.0%}" if stats.live else ""
        table.add_row(str(stream.stream), *numbers, as_size(stream.bytes), Text(bar + share, style="cyan"))
    return table


def _users_table(stats: Stats) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("busiest users", overflow="fold")
    table.add_column("stream", justify="right")
    table.add_column("live", justify="right")
    for user in stats.busiest_users:
        table.add_row(Text(visible(user.user_id)), str(user.stream), f"{user.live:,}")
    return table
