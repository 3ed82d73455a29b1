"""Writes orders and messages so that they are safe on any terminal."""

import contextlib
import os
import re
import stat
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import BinaryIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from cryptoorders_redis.order import Order, OrderStatus

MAX_MESSAGE = 500
"""The maximum length of a message, in characters. A message may quote a long line."""

# Control characters, line separators and marks that change the direction of text. They could break a
# line, or make a terminal show text that is not there.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def escape_unsafe(text: str) -> str:
    """Escape characters as Python does where they are unsafe in a line or on a terminal."""
    return _UNSAFE.sub(lambda unsafe: unsafe[0].encode("unicode_escape").decode(), text)


def is_ascii() -> bool:
    """Return whether to draw with ASCII only. rich draws its boxes in ASCII on the same terminals."""
    return not (sys.stdout.encoding or "utf-8").lower().startswith("utf")


def make_cell(text: str) -> Text:
    """Make the text of a table's cell. Its width is the width on the terminal."""
    encoding = sys.stdout.encoding or "utf-8"
    return Text(escape_unsafe(text).encode(encoding, "backslashreplace").decode(encoding))


def print_error(message: object) -> None:
    """Print one line to stderr."""
    text = str(message)
    text = text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "..."
    print(escape_unsafe(text), file=sys.stderr)


def format_line(order: Order) -> str:
    """Format an order as `display_all_live_orders` does."""
    return order.order_id + ("(paused)" if order.status is OrderStatus.PAUSED else "")


def is_regular_file(file: BinaryIO) -> bool:
    """Return whether the file is complete, unlike a pipe or a terminal."""
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


@contextlib.contextmanager
def show_progress(lines: Iterable[bytes], file: BinaryIO) -> Generator[Iterable[bytes]]:
    """Yield the file's lines. A terminal shows the progress while they are read."""
    if not sys.stderr.isatty() or file.isatty():
        yield lines
        return
    size = os.fstat(file.fileno()).st_size if is_regular_file(file) else None
    with _make_progress(TextColumn("{task.fields[count]:,} lines")) as shown:
        task = shown.add_task("", total=size, count=0)

        def counted() -> Iterator[bytes]:
            for count, line in enumerate(lines, start=1):
                shown.update(task, advance=len(line), count=count)
                yield line

        yield counted()


@contextlib.contextmanager
def show_count(total: int) -> Generator[Callable[[int], None]]:
    """Yield what notes that so many more of the total are done. A terminal shows the progress."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with _make_progress() as shown:
        task = shown.add_task("", total=total)
        yield lambda number: shown.update(task, advance=number)


@contextlib.contextmanager
def show_share() -> Generator[Callable[[int, int], None]]:
    """Yield what notes how many of how many are done. A terminal shows the progress."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with _make_progress() as shown:
        task = shown.add_task("", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _make_progress(*columns: ProgressColumn) -> Progress:
    return Progress(
        BarColumn(),
        TaskProgressColumn(),
        *columns,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    )
