"""What the command line shows of orders and messages, safe on any terminal."""

import contextlib
import os
import re
import stat
import sys
from collections.abc import Generator, Iterable, Iterator
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from cryptoorders_redis.order import Order, OrderStatus

MAX_MESSAGE = 500
"""Characters of a message: what was wrong may be as long as the line that it was in."""

# Control characters, line separators, and what turns the direction of text round: they could break
# a line in two, or make a terminal show something that is not there.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return text that is safe on a line and on a terminal, anything unsafe escaped as in Python."""
    return _UNSAFE.sub(lambda unsafe: unsafe[0].encode("unicode_escape").decode(), text)


def is_ascii() -> bool:
    """Return whether what is drawn must be of ASCII: rich draws its boxes so on the same terminals."""
    return not (sys.stdout.encoding or "utf-8").lower().startswith("utf")


def cell(text: str) -> Text:
    """Return text for a table, as wide as the terminal is going to show it."""
    encoding = sys.stdout.encoding or "utf-8"
    return Text(visible(text).encode(encoding, "backslashreplace").decode(encoding))


def complain(message: object) -> None:
    """Write one line to stderr."""
    text = str(message)
    text = text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "..."
    print(visible(text), file=sys.stderr)


def as_line(order: Order) -> str:
    """Return an order as `display_all_live_orders` shows it."""
    return order.order_id + ("(paused)" if order.status is OrderStatus.PAUSED else "")


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
