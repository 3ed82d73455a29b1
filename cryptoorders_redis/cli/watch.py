"""The live dashboard of a store. It is updated every few seconds, without a scan."""

import contextlib
import json
import sys
import time
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from cryptoorders_redis import errors
from cryptoorders_redis.cli import screen
from cryptoorders_redis.cli.keyboard import Keyboard, open_keyboard
from cryptoorders_redis.cli.tables import make_orders_table
from cryptoorders_redis.operations.rates import Rates, compute_rates
from cryptoorders_redis.operations.summary import MAX_NEWEST, Summary
from cryptoorders_redis.order import Order
from cryptoorders_redis.system import CryptoOrderSystem

LINES_AROUND_ORDERS = 7
"""Lines of the screen that are not orders: the counts, the error, the table's frame and header."""

LINES_OF_TABLE_FRAME = 4
"""The frame and the header of the table of orders."""

NEWEST_IN_LINES = 10


class View(Protocol):
    """Shows the updates."""

    @property
    def newest(self) -> int:
        """How many of the newest orders fit."""
        ...

    def show(self, at: datetime, summary: Summary, rates: Rates | None) -> None:
        """Show an update. The first one has no rates."""
        ...

    def show_error(self, at: datetime, error: errors.CryptoOrdersError) -> None:
        """Show that an update failed. The last good update stays visible."""
        ...

    def is_quit_within(self, seconds: float) -> bool:
        """Wait, and return whether the user quits meanwhile. Returns at once if so."""
        ...


class Watch:
    """Reads a summary of a store at every interval, and shows it."""

    def __init__(self, system: CryptoOrderSystem, interval_seconds: float, *, as_json: bool) -> None:
        self._system = system
        self._interval_seconds = interval_seconds
        self._as_json = as_json
        self._last: Summary | None = None
        self._last_at = 0.0

    def run(self, times: int | None) -> bool:
        """Show updates, without end if `times` is None. Return whether the last one succeeded.

        Ctrl-C and q on a terminal are normal ways to quit: they return True.
        """
        answered, number = True, 0
        with contextlib.suppress(KeyboardInterrupt), _open_view(as_json=self._as_json) as view:
            while times is None or number < times:
                if number and view.is_quit_within(self._interval_seconds):
                    return True
                number += 1
                answered = self._poll(view)
            return answered
        return True

    def _poll(self, view: View) -> bool:
        last = self._last
        now = datetime.now(UTC)
        try:
            summary = self._system.summary(newest=view.newest, after=last.sequence if last else 0)
        except errors.CryptoOrdersError as error:
            view.show_error(now, error)
            return False
        at = time.monotonic()
        view.show(now, summary, compute_rates(last, summary, at - self._last_at) if last else None)
        self._last, self._last_at = summary, at
        return True


@contextlib.contextmanager
def _open_view(*, as_json: bool) -> Generator[View]:
    if as_json or not sys.stdout.isatty():
        yield _LineView(as_json=as_json)
        return
    console = Console()
    with open_keyboard() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        yield _ScreenView(console, live, keys)


class _LineView:
    """One line an update, for programs and files."""

    newest = NEWEST_IN_LINES

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def show(self, at: datetime, summary: Summary, rates: Rates | None) -> None:
        if self._as_json:
            print(json.dumps(_to_fields(at, summary, rates)), flush=True)
        else:
            newest = screen.escape_unsafe(screen.format_line(summary.newest[0])) if summary.newest else "none"
            print(
                f"{_format_time(at)} {_format_counts(summary)}; {_format_rates(rates)}; newest {newest}",
                flush=True,
            )

    def show_error(self, at: datetime, error: errors.CryptoOrdersError) -> None:
        screen.print_error(f"{_format_time(at)} {error}")

    def is_quit_within(self, seconds: float) -> bool:
        time.sleep(seconds)
        return False


class _ScreenView:
    """The whole terminal, drawn again at each update."""

    def __init__(self, console: Console, live: Live, keys: Keyboard | None) -> None:
        self._console = console
        self._live = live
        self._keys = keys
        self._seen: list[Any] = []

    @property
    def newest(self) -> int:
        return min(MAX_NEWEST, max(1, self._console.height - LINES_AROUND_ORDERS))

    def show(self, at: datetime, summary: Summary, rates: Rates | None) -> None:
        heading = Text(f" {_format_counts(summary)}\n {_format_rates(rates)}", style="bold")
        self._seen = [heading, self._orders(summary.newest)]
        how = "press q or Ctrl-C to quit" if self._keys else "press Ctrl-C to quit"
        self._draw(Text(f" {_format_time(at)}, {how}", style="dim"))

    def show_error(self, at: datetime, error: errors.CryptoOrdersError) -> None:
        text = f" {_format_time(at)} {screen.escape_unsafe(str(error))}"
        overflow = "crop" if screen.is_ascii() else "ellipsis"
        self._draw(Text(text, style="red", no_wrap=True, overflow=overflow))

    def is_quit_within(self, seconds: float) -> bool:
        if self._keys:
            return self._keys.is_pressed_within(b"q", seconds)
        time.sleep(seconds)
        return False

    def _orders(self, newest: Sequence[Order]) -> RenderableType:
        """Make a table of as many orders as fit. An id or a number may take several lines."""
        room = self.newest + LINES_OF_TABLE_FRAME
        while True:
            table = make_orders_table(newest, self._console.width)
            lines = len(self._console.render_lines(table))
            if lines <= room or len(newest) <= 1:
                return table
            newest = newest[: max(1, len(newest) * room // lines)]

    def _draw(self, state: Text) -> None:
        self._live.update(Group(state, *self._seen), refresh=True)


def _to_fields(at: datetime, summary: Summary, rates: Rates | None) -> dict[str, Any]:
    return {
        "at": _format_time(at),
        "live": summary.live,
        "active": summary.active,
        "paused": summary.paused,
        "moving_from": summary.moving_from,
        "placed_per_second": round(rates.placed, 3) if rates else None,
        "cancelled_per_second": round(rates.cancelled, 3) if rates else None,
        "changes_per_second": None if rates is None or rates.changes is None else round(rates.changes, 3),
        "newest": [order.to_dict() for order in summary.newest],
    }


def _format_time(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _format_counts(summary: Summary) -> str:
    counts = f"{summary.live} live, {summary.active} active, {summary.paused} paused"
    return counts if summary.moving_from is None else f"{counts} (a resize is under way)"


def _format_rates(rates: Rates | None) -> str:
    if rates is None:
        return "no rates yet"
    changes = "" if rates.changes is None else f", {rates.changes:.1f} changes/s"
    return f"{rates.placed:.1f} placed/s, {rates.cancelled:.1f} cancelled/s{changes}"
