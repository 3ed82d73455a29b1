"""The live view of a store: a look every so often, each of which scans nothing."""

import contextlib
import json
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from cryptoorders_redis import errors
from cryptoorders_redis.cli import screen
from cryptoorders_redis.cli.keyboard import Keyboard, keyboard
from cryptoorders_redis.cli.tables import orders_table
from cryptoorders_redis.operations.summary import MAX_NEWEST, Summary
from cryptoorders_redis.order import Order
from cryptoorders_redis.system import CryptoOrderSystem

LINES_AROUND_THE_ORDERS = 7
"""Of the screen: the counts, the error, the table's frame and header."""

LINES_OF_A_TABLE = 4
"""The frame and the header of the orders' table."""

NEWEST_OFF_A_TERMINAL = 10


@dataclass(frozen=True, slots=True)
class Rates:
    """Orders a second since the look before.

    One that was placed and cancelled again between two looks is in neither: nothing of it is left to see.
    """

    placed: float
    cancelled: float


class View(Protocol):
    """Where looks are shown."""

    @property
    def newest(self) -> int:
        """How many of the newest orders there is room for."""
        ...

    def show(self, at: datetime, summary: Summary, rates: Rates | None) -> None:
        """Show a look; the first of all has no rates."""
        ...

    def show_error(self, at: datetime, error: errors.CryptoOrdersError) -> None:
        """Show that a look has failed, beside what was seen last."""
        ...

    def is_left_within(self, seconds: float) -> bool:
        """Wait so long, and return at once whether a person leaves."""
        ...


class Watch:
    """Looks at a store again and again."""

    def __init__(self, system: CryptoOrderSystem, interval_seconds: float, *, as_json: bool) -> None:
        self._system = system
        self._interval_seconds = interval_seconds
        self._as_json = as_json
        self._last: Summary | None = None
        self._last_at = 0.0

    def run(self, times: int | None) -> bool:
        """Look so many times, for ever with None; return whether the last look was answered.

        Ctrl-C, and q on a terminal, are how a person ends it, and so no failure.
        """
        answered, number = True, 0
        with contextlib.suppress(KeyboardInterrupt), _view(as_json=self._as_json) as view:
            while times is None or number < times:
                if number and view.is_left_within(self._interval_seconds):
                    return True
                number += 1
                answered = self._look(view)
            return answered
        return True

    def _look(self, view: View) -> bool:
        last = self._last
        now = datetime.now(UTC)
        try:
            summary = self._system.summary(newest=view.newest, after=last.sequence if last else 0)
        except errors.CryptoOrdersError as error:
            view.show_error(now, error)
            return False
        at = time.monotonic()
        view.show(now, summary, _rates(last, summary, at - self._last_at) if last else None)
        self._last, self._last_at = summary, at
        return True


def _rates(last: Summary, summary: Summary, seconds: float) -> Rates:
    cancelled = last.live + summary.placed - summary.live
    return Rates(summary.placed / seconds, max(0, cancelled) / seconds)


@contextlib.contextmanager
def _view(*, as_json: bool) -> Generator[View]:
    if as_json or not sys.stdout.isatty():
        yield _Lines(as_json=as_json)
        return
    console = Console()
    with keyboard() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        yield _Screen(console, live, keys)


class _Lines:
    """A line for each look, for programs and files."""

    newest = NEWEST_OFF_A_TERMINAL

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def show(self, at: datetime, summary: Summary, rates: Rates | None) -> None:
        if self._as_json:
            print(json.dumps(_as_fields(at, summary, rates)), flush=True)
        else:
            newest = screen.visible(screen.as_line(summary.newest[0])) if summary.newest else "none"
            print(f"{_time(at)} {_counts(summary)}; {_speeds(rates)}; newest {newest}", flush=True)

    def show_error(self, at: datetime, error: errors.CryptoOrdersError) -> None:
        screen.complain(f"{_time(at)} {error}")

    def is_left_within(self, seconds: float) -> bool:
        time.sleep(seconds)
        return False


class _Screen:
    """The whole terminal, drawn anew at each look."""

    def __init__(self, console: Console, live: Live, keys: Keyboard | None) -> None:
        self._console = console
        self._live = live
        self._keys = keys
        self._seen: list[Any] = []

    @property
    def newest(self) -> int:
        return min(MAX_NEWEST, max(1, self._console.height - LINES_AROUND_THE_ORDERS))

    def show(self, at: datetime, summary: Summary, rates: Rates | None) -> None:
        heading = Text(f" {_counts(summary)}\n {_speeds(rates)}", style="bold")
        self._seen = [heading, self._orders(summary.newest)]
        how = "q or Ctrl-C ends" if self._keys else "Ctrl-C ends"
        self._draw(Text(f" {_time(at)}, {how}", style="dim"))

    def show_error(self, at: datetime, error: errors.CryptoOrdersError) -> None:
        text = f" {_time(at)} {screen.visible(str(error))}"
        overflow = "crop" if screen.is_ascii() else "ellipsis"
        self._draw(Text(text, style="red", no_wrap=True, overflow=overflow))

    def is_left_within(self, seconds: float) -> bool:
        if self._keys:
            return self._keys.pressed(b"q", seconds)
        time.sleep(seconds)
        return False

    def _orders(self, newest: Sequence[Order]) -> RenderableType:
        """Return as many orders as there is room for: an id or a number may take several lines."""
        room = self.newest + LINES_OF_A_TABLE
        while True:
            table = orders_table(newest, self._console.width)
            lines = len(self._console.render_lines(table))
            if lines <= room or len(newest) <= 1:
                return table
            newest = newest[: max(1, len(newest) * room // lines)]

    def _draw(self, state: Text) -> None:
        self._live.update(Group(state, *self._seen), refresh=True)


def _as_fields(at: datetime, summary: Summary, rates: Rates | None) -> dict[str, Any]:
    return {
        "at": _time(at),
        "live": summary.live,
        "active": summary.active,
        "paused": summary.paused,
        "placed_per_second": round(rates.placed, 3) if rates else None,
        "cancelled_per_second": round(rates.cancelled, 3) if rates else None,
        "newest": [order.to_dict() for order in summary.newest],
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _counts(summary: Summary) -> str:
    return f"{summary.live} live, {summary.active} active, {summary.paused} paused"


def _speeds(rates: Rates | None) -> str:
    return f"{rates.placed:.1f} placed/s, {rates.cancelled:.1f} cancelled/s" if rates else "first look"
