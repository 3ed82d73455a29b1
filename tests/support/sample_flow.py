"""Writes tests/data/sample-flow.csv: random order flow, in the columns of a recorded exchange.

python -m tests.support.sample_flow
"""

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SAMPLE = Path(__file__).parent.parent / "data" / "sample-flow.csv"

COLUMNS = ("id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction")

NUM_ROWS = 3000


class _Live(NamedTuple):
    price: str
    volume: int
    direction: str
    created_ms: int


class _Chance:
    """Random choices, made with `random()` alone: it gives the same numbers on every Python."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def below(self, limit: int) -> int:
        return int(self.random() * limit)

    def one_of(self, ids: list[int]) -> int:
        return ids[self.below(len(ids))]

    def happens(self, share: float) -> bool:
        return self.random() < share


class _Flow:
    """A market: the orders that are live, and those that were."""

    def __init__(self, seed: int) -> None:
        self._chance = _Chance(seed)
        self._live: dict[int, _Live] = {}
        self._gone: list[int] = []
        self._next_id = 1001
        self._now_ms = 1_700_000_000_000

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield rows without end: mostly single events, and now and then a burst of many at one moment."""
        while True:
            self._now_ms += 1 + self._chance.below(2000)
            in_burst = 5 + self._chance.below(30) if self._chance.happens(0.03) else 1
            for _ in range(in_burst):
                yield self._event()

    def _event(self) -> tuple[object, ...]:
        drawn = self._chance.random()
        if drawn < 0.02 and self._gone:
            return self._of_nothing(self._chance.one_of(self._gone))
        if drawn < 0.46 or not self._live:
            return self._create()
        order_id = self._chance.one_of(list(self._live))
        return self._change(order_id) if drawn < 0.62 else self._delete(order_id)

    def _create(self) -> tuple[object, ...]:
        """Mostly with a new id; at times with an id that was live before, or still is."""
        if self._gone and self._chance.happens(0.06):
            order_id = self._chance.one_of(self._gone)
        elif self._live and self._chance.happens(0.02):
            order_id = self._chance.one_of(list(self._live))
        else:
            order_id, self._next_id = self._next_id, self._next_id + 1 + self._chance.below(3)
        cents = 23_000 + self._chance.below(1000)
        price = f"{cents // 100}.{cents % 100:02}"
        volume = (1 + self._chance.below(500)) * 10 ** (4 + self._chance.below(5)) + self._chance.below(
            10_000
        )
        order = _Live(price, volume, "bid" if self._chance.happens(0.5) else "ask", self._now_ms)
        self._live.setdefault(order_id, order)
        return self._row(order_id, order, "created")

    def _change(self, order_id: int) -> tuple[object, ...]:
        """A partial fill: its volume decreases."""
        order = self._live[order_id]
        self._live[order_id] = order._replace(volume=1 + self._chance.below(order.volume))
        return self._row(order_id, self._live[order_id], "changed")

    def _delete(self, order_id: int) -> tuple[object, ...]:
        """A complete fill, which leaves no volume, or a cancel."""
        order = self._live.pop(order_id)
        self._gone.append(order_id)
        return self._row(
            order_id, order._replace(volume=0) if self._chance.happens(0.3) else order, "deleted"
        )

    def _of_nothing(self, order_id: int) -> tuple[object, ...]:
        """A deletion that comes late: mostly the order is not live any more."""
        order = self._live.pop(order_id, _Live("230.00", 0, "bid", self._now_ms))
        return self._row(order_id, order, "deleted")

    def _row(self, order_id: int, order: _Live, action: str) -> tuple[object, ...]:
        exchange_ms = order.created_ms // 1000 * 1000
        return order_id, self._now_ms, exchange_ms, order.price, order.volume, action, order.direction


def sample_flow(seed: int = 1, num_rows: int = NUM_ROWS) -> str:
    """Return the flow as CSV: the same text for the same seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row for _, row in zip(range(num_rows), _Flow(seed).rows(), strict=False))
    return text.getvalue()


if __name__ == "__main__":
    SAMPLE.parent.mkdir(exist_ok=True)
    SAMPLE.write_text(sample_flow())
