"""Files of orders: all live orders of a namespace go into one, and come out of it into a new namespace."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any

from cryptoorders_redis.operations import copying
from cryptoorders_redis.operations.copying import StreamCounts
from cryptoorders_redis.operations.export import ExportedOrders
from cryptoorders_redis.operations.metrics import metrics
from cryptoorders_redis.operations.queries import LAST_SEQUENCE
from cryptoorders_redis.operations.summary import summary
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.copies import (
    CopiedOrder,
    decode_line,
    encode_line,
    format_placed_at,
    status_of,
)
from cryptoorders_redis.transport.link import Link

BATCH = 20_000
"""Orders that are read from a file before they are written."""

BATCH_BYTES = 16 * 1024 * 1024
"""The batch ends earlier where its lines are so long together."""

CSV_COLUMNS = (
    "order_id", "sequence", "placed_at", "status", "user_id", "currency", "amount", "price", "expires_at",
    "metadata", "more",
)  # fmt: skip
"""The columns of a CSV file. The last one has the other fields of the record, as JSON."""


class Export:
    """All live orders of a store, as the text of a file. Memory is flat: a page of orders at a time.

    Raises:
        NoSuchNamespace: the namespace was dropped.

    Attributes:
        expected: how many orders are live at the beginning.
        events_waiting: how many events wait then. They are not exported.
        num_orders: how many orders were given out.
        num_paused: how many of them are PAUSED.
    """

    def __init__(self, source: Link) -> None:
        self._source = source
        seen = source.run(summary(source.store, 0, 0))
        self._last_number = seen.sequence
        self.expected: int = seen.live
        self.events_waiting: int = source.run(metrics(source.store)).waiting
        self.num_orders: int = 0
        self.num_paused: int = 0

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the lines of JSON of some orders, and how many they are.

        Raises:
            InconsistentData: an order cannot be exported.
        """
        for orders in self._pages():
            yield len(orders), b"".join(map(encode_line, orders))

    def csv(self) -> Iterator[tuple[int, bytes]]:
        """Yield the rows of CSV of some orders, and how many orders they are; the first is the header."""
        yield 0, _encode_rows([CSV_COLUMNS])
        for orders in self._pages():
            yield len(orders), _encode_rows(map(_make_row, orders))

    def _pages(self) -> Iterator[Sequence[CopiedOrder]]:
        exported = ExportedOrders(self._source.store, self._last_number)
        while orders := self._source.run(exported.next_page()):
            self.num_orders += len(orders)
            self.num_paused += sum(order.is_paused for order in orders)
            yield orders


def _encode_rows(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="backslashreplace")


def _make_row(order: CopiedOrder) -> list[object]:
    more: dict[str, Any] = json.loads(order.record)
    first = [order.order_id, order.sequence, format_placed_at(order.sequence), status_of(order).value]
    named = [more.pop(name) for name in ("user_id", "currency", "amount", "price")]
    expires_at, metadata = more.pop("expires_at", None), more.pop("metadata", None)
    return [
        *first,
        *named,
        str(expires_at or "").replace("Z", "+00:00"),  # as in placed_at
        "" if metadata is None else json.dumps(metadata),
        json.dumps(more) if more else "",
    ]


@dataclass(slots=True)
class _Batch:
    """Orders of a file that follow on each other, by their ids.

    Attributes:
        first_line: the number of the line of the first one.
    """

    first_line: int
    orders: dict[str, CopiedOrder] = field(default_factory=dict[str, CopiedOrder])
    last_number: int = 0
    num_bytes: int = 0

    def is_full(self) -> bool:
        return len(self.orders) >= BATCH or self.num_bytes >= BATCH_BYTES


class Import:
    """The orders of a file, and a namespace that they are written into.

    The constructor reads the first orders: nothing need be begun for a file of another kind.

    Args:
        lines: the lines of the file.
        settings: those of the namespace.
        expected: how many orders the file must have; None for any number.

    Attributes:
        settings: those of the namespace.
        num_orders: how many orders were read.
        num_paused: how many of them are PAUSED.

    Raises:
        ValueError: a line is refused; says which, and why.
    """

    def __init__(self, lines: Iterable[bytes], settings: Settings, expected: int | None = None) -> None:
        self.settings: Settings = settings
        self._expected = expected
        self._counts = [StreamCounts(0, 0, 0)] * settings.num_streams
        self._last_number = 0
        self._streams_of_last = set[int]()
        """The streams in which an order has that number."""
        self._batches = self._read_batches(lines)
        self._first_batch = next(self._batches)

    @property
    def num_orders(self) -> int:
        return sum(counts.orders for counts in self._counts)

    @property
    def num_paused(self) -> int:
        return sum(counts.paused for counts in self._counts)

    def run(self, target: Link) -> None:
        """Write all orders of the file, and open the namespace.

        Raises:
            ValueError: a line is refused, or the file has another number of orders than expected. After this
                and any other error nobody can use the namespace.
            CopyFailed: the namespace is not this import's any more.
        """
        for batch in chain([self._first_batch], self._batches):
            self._write(target, batch)
        if self._expected not in (None, self.num_orders):
            raise ValueError(
                f"the file has {self.num_orders} orders, and not {self._expected}: was it cut off?"
            )
        store = target.store
        for stream in self.settings.streams:
            target.run(copying.write_orders(store, stream, self._last_number, ()))
        target.run(copying.compare_counts(store, self._counts))
        target.run(copying.finish(store))

    def _write(self, target: Link, batch: _Batch) -> None:
        store = target.store
        order_ids = list(batch.orders)
        written = set(target.run(copying.find_written(store, order_ids)))
        for line, order_id in enumerate(order_ids, start=batch.first_line):
            if order_id in written:
                raise ValueError(f"line {line}: {_is_twice(order_id)}")
        if not store.settings.timed and any(order.deadline for order in batch.orders.values()):
            target.run(copying.make_timed(store))
        by_stream = sorted(batch.orders.values(), key=self._stream_of)
        for stream, group in groupby(by_stream, self._stream_of):
            orders = list(group)
            for first in range(0, len(orders), copying.PAGE):
                part = orders[first : first + copying.PAGE]
                target.run(copying.write_orders(store, stream, batch.last_number, part))

    def _stream_of(self, order: CopiedOrder) -> int:
        return self.settings.stream_of(order.user_id)

    def _read_batches(self, lines: Iterable[bytes]) -> Iterator[_Batch]:
        batch = _Batch(1)
        for number, line in enumerate(lines, start=1):
            try:
                self._take(decode_line(line), batch)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
            batch.num_bytes += len(line)
            if batch.is_full():
                yield batch
                batch = _Batch(number + 1)
        yield batch

    def _take(self, order: CopiedOrder, batch: _Batch) -> None:
        """Take an order in. ValueError: it is in the file twice, or does not come behind the last one."""
        if order.order_id in batch.orders:
            raise ValueError(_is_twice(order.order_id))
        number, stream = order.sequence, self._stream_of(order)
        if not 1 <= number <= LAST_SEQUENCE:
            raise ValueError(f"the sequence number {number} is not 1 to {LAST_SEQUENCE}")
        if number < self._last_number:
            raise ValueError(
                f"not in placement order: the sequence number {number} comes after {self._last_number}"
            )
        if number > self._last_number:
            self._last_number = number
            self._streams_of_last.clear()
        # On Redis Cluster orders of different streams may have one number, and those of one stream may not.
        if stream in self._streams_of_last:
            raise ValueError(
                f"the sequence number {number} is twice in stream {stream} of "
                f"{self.settings.num_streams}: if the source was a Redis Cluster, give its number of streams"
            )
        self._streams_of_last.add(stream)
        batch.orders[order.order_id] = order
        batch.last_number = number
        counts = self._counts[stream]
        self._counts[stream] = StreamCounts(
            counts.orders + 1, counts.placed + 1, counts.paused + order.is_paused
        )


def _is_twice(order_id: str) -> str:
    return f"order {order_id!r} is in the file twice"
