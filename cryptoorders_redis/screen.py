"""What the command line shows of orders and replays: tables for people, lines and JSON for programs."""

import contextlib
import json
import os
import re
import stat
import sys
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from cryptoorders_redis.commands import Op
from cryptoorders_redis.order import Order, OrderStatus
from cryptoorders_redis.replay import Replay

TABLE_ROWS = 1000
"""A longer listing is shown as several tables, the first of them at once."""

MAX_MESSAGE = 500
"""Characters of a message: what was wrong may be as long as the line that it was in."""

# Control characters, line separators, and what turns the direction of text round: they could break
# a line in two, or make a terminal show something that is not there.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return text that is safe on a line and on a terminal, anything unsafe escaped as in Python."""
    return _UNSAFE.sub(lambda unsafe: unsafe[0].encode("unicode_escape").decode(), text)


def complain(message: object) -> None:
    """Write one line to stderr."""
    text = str(message)
    text = text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "..."
    print(visible(text), file=sys.stderr)


def as_line(order: Order) -> str:
    """Return an order as `display_all_live_orders` shows it."""
    return order.order_id + ("(paused)" if order.status is OrderStatus.PAUSED else "")


def show_tables(orders: Iterable[Order]) -> None:
    """Write orders as tables of at most `TABLE_ROWS`, so that memory stays flat."""
    orders = iter(orders)
    rows = list(islice(orders, TABLE_ROWS))
    if not rows:
        print("no live orders")
    while rows:
        Console().print(orders_table(rows))
        rows = list(islice(orders, TABLE_ROWS))


def orders_table(orders: Iterable[Order]) -> Table:
    """Return a table of orders. Nothing in it is read as markup."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("order", "user", "currency"):
        table.add_column(name, overflow="fold")
    for name in ("amount", "price"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("placed (UTC)", no_wrap=True)
    for order in orders:
        paused = order.status is OrderStatus.PAUSED
        table.add_row(
            *(Text(visible(text)) for text in (order.order_id, order.user_id, order.currency)),
            Text(format(order.amount, "f")),
            Text(format(order.price, "f")),
            Text(order.status, style="yellow" if paused else "green"),
            Text(f"{order.placed_at:%m-%d %H:%M:%S}"),
        )
    return table


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
    """Write the summary of a replay."""
    if as_json:
        print(json.dumps(replay_fields(replay, finished=finished)))
    elif sys.stdout.isatty():
        Console().print(replay_table(replay))
    else:
        for name, counter in (("applied", replay.applied), ("ignored", replay.ignored)):
            parts = ", ".join(f"{op} {counter[op]}" for op in Op if counter[op])
            print(f"{name} {counter.total()}" + (f" ({parts})" if parts else ""))
        print(f"refused {replay.refused}")


def replay_table(replay: Replay) -> Table:
    """Return the summary of a replay as a table."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("command", footer="in all")
    table.add_column("applied", str(replay.applied.total()), justify="right", style="green")
    table.add_column("ignored", str(replay.ignored.total()), justify="right", style="yellow")
    table.add_column("refused", str(replay.refused), justify="right", style="red")
    for op in Op:
        table.add_row(op, str(replay.applied[op]), str(replay.ignored[op]), "")
    return table


def is_a_file(file: BinaryIO) -> bool:
    """Return whether all of it is there already, unlike what comes through a pipe or from a person."""
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


@contextlib.contextmanager
def progress(lines: Iterable[bytes], file: BinaryIO) -> Generator[Iterable[bytes]]:
    """Give the file's lines back; while they are taken, a terminal shows how far that has come."""
    if not sys.stderr.isatty() or file.isatty():
        yield lines
        return
    size = os.fstat(file.fileno()).st_size if is_a_file(file) else None
    shown = Progress(
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]:,} lines"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    )
    with shown:
        task = shown.add_task("", total=size, count=0)

        def counted() -> Iterator[bytes]:
            for count, line in enumerate(lines, start=1):
                shown.update(task, advance=len(line), count=count)
                yield line

        yield counted()
