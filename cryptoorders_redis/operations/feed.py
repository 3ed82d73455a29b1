"""The change feed: what happened to the orders of each stream, in order and without a gap.

The script that changes orders appends the entries, and numbers them. A reader checks the numbers. Where it
finds nothing more, it checks that it has read the last one. So what was trimmed or lost is an error, and no
silence.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.store import MAX_STREAMS, Commands, Store
from cryptoorders_redis.operations.words import Argument
from cryptoorders_redis.order import EPOCH, Order
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.records import decode_order
from cryptoorders_redis.validation import validate_int, validate_text

PAGE = 1000
"""Changes read in one round trip, over all streams."""

LEAST_OF_A_STREAM = 10
"""Changes read of one stream in one round trip, where there are so many streams that it would be fewer."""

BLOCK_MILLISECONDS = 400
"""For so long the server holds a read back until there is something: far less than a time-out."""

SHORTEST_WAIT_SECONDS = 0.005
LONGEST_WAIT_SECONDS = 0.1
"""On Redis Cluster, where no read waits for several streams: between two looks."""

FROM_START = "start"
"""The cursor of the oldest entry that is kept."""

_PART = re.compile(r"(\d{1,20}-\d{1,20})/(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to an order, or to all orders of a user.

    Attributes:
        stream: The stream in which it happened.
        number: Its number in the stream. The next change of the stream has the next number.
        at: When it happened, by the server's clock, in UTC to the millisecond.
        op: `"place"`, `"pause"`, `"resume"`, `"amend"`, `"cancel"`, `"cancel_all"`; `"reduce"`, where
            something of the amount is left; `"fill"`, where nothing is left; `"expire"`;
            `"cancel_all_after"`, where a dead man's switch has fired; `"left"` and `"joined"`, where a
            resize moved the order from one stream to another.
        order_id: The order. None for `"cancel_all"` and `"cancel_all_after"`: all orders that the user had in
            the stream are gone.
        user_id: The user whose order it is.
        order: The order as it was then, for `"place"`, `"amend"`, `"reduce"` and `"joined"`. Else None.
        cursor: Where to continue behind this change: `changes(after=cursor)`.
    """

    stream: int
    number: int
    at: datetime
    op: str
    order_id: str | None
    user_id: str
    order: Order | None
    cursor: str

    def to_dict(self) -> dict[str, Any]:
        """Convert the change to a dict that `json.dumps` accepts.

        Returns:
            The fields by name, in the order of the attributes. `at` is ISO 8601 text in UTC, always with
                three digits of a second. `order` is as by `Order.to_dict`, or None.
        """
        return {
            "stream": self.stream,
            "number": self.number,
            "at": self.at.isoformat(timespec="milliseconds"),
            "op": self.op,
            "order_id": self.order_id,
            "user_id": self.user_id,
            "order": self.order and self.order.to_dict(),
            "cursor": self.cursor,
        }


class Position(NamedTuple):
    """A position in the feed of one stream.

    Attributes:
        entry_id: the ID of the last entry before it.
        number: the number of that entry; None while that is not known.
    """

    entry_id: str
    number: int | None


class Entry(NamedTuple):
    """An entry of the feed of one stream. All of it but the ID is as it was written."""

    entry_id: str
    number: int
    op: str
    order_id: bytes
    user_id: str
    sequence: bytes
    paused: bytes
    record: bytes

    def to_change(self, stream: int, cursor: str) -> Change:
        """Return the change that it says."""
        milliseconds = int(self.entry_id.partition("-")[0])
        order = None
        if self.record:
            order = decode_order(self.order_id, self.sequence, self.record, int(self.paused))
        return Change(
            stream=stream,
            number=self.number,
            at=EPOCH + timedelta(milliseconds=milliseconds),
            op=self.op,
            order_id=self.order_id.decode() or None,
            user_id=self.user_id,
            order=order,
            cursor=cursor,
        )


def decode_entry(row: Sequence[Any]) -> Entry:
    """Return the entry that the server's reply says.

    Raises:
        InconsistentData: somebody else has written it.
    """
    entry_id, words = row
    try:
        n, op, order_id, user_id, sequence, paused, record = words[1:14:2]
        return Entry(
            entry_id.decode(), int(n), op.decode(), order_id, user_id.decode(), sequence, paused, record
        )
    except ValueError as error:
        raise errors.InconsistentData(f"entry {entry_id!r} of the change feed is not legal") from error


def encode_cursor(positions: Sequence[Position]) -> str:
    """Return the text of a position in the feeds of all streams."""
    return ",".join(f"{position.entry_id}/{position.number or 0}" for position in positions)


def decode_cursor(text: str) -> list[Position]:
    """Return the position in each stream.

    Raises:
        TypeError, ValueError: the text is no cursor.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"after must be a str, not {type(text).__name__}")
    parts = [_PART.fullmatch(part) for part in text.split(",")]
    if not all(parts):
        raise ValueError(f"after must be a cursor, from position() or a change, not {text[:80]!r}")
    return [Position(part[1], int(part[2])) for part in parts if part]


def position(store: Store) -> Operation[str]:
    """Read the position behind all changes of all streams so far: the cursor by which they are left out.

    Raises:
        ConfigurationMismatch: there is no feed.
    """
    return Operation("position", "read", (), _position(store))


def _position(store: Store) -> Steps[str]:
    return encode_cursor((yield from read_positions(store)))


def read_positions(store: Store) -> Steps[list[Position]]:
    """Reply with the position behind all changes of each stream so far."""
    keys = store.keys

    def make_commands(settings: Settings) -> Commands:
        for stream in settings.feeds:
            changes, changed = keys.feed_of(stream)
            yield stream, ("GET", changed)
            yield stream, ("XREVRANGE", changes, "+", "-", "COUNT", 1)
            yield stream, ("HGET", keys.config_of(stream), "epoch")

    while True:
        settings, replies = yield from read_feeds(store, make_commands)
        rows = list(zip(replies[0::3], replies[1::3], replies[2::3], strict=True))
        # A stream of Redis Cluster that was not told yet is still changed without a feed.
        behind = [stream for stream, (*_, told) in enumerate(rows) if told != settings.epoch.encode()]
        if not behind:
            return [Position(last[0][0].decode() if last else "0-0", int(n or 0)) for n, last, _ in rows]
        if not (yield from store.catch_up(behind)):
            raise store.no_such_namespace()


def read_feeds(
    store: Store, make_commands: Callable[[Settings], Commands]
) -> Steps[tuple[Settings, list[Any]]]:
    """Reply with the settings, and what commands read at one moment, on Redis Cluster one of each stream.

    Raises:
        ConfigurationMismatch: there is no feed.
    """
    if not store.settings.feed:
        yield from store.read_settings()
    while True:
        settings = store.settings
        if not settings.feed:
            raise errors.ConfigurationMismatch(
                f"namespace {store.keys.namespace!r} has no change feed: configure(feed=10_000) begins one"
            )
        replies = yield from store.read_together(settings, make_commands(settings))
        if replies is not None:
            return settings, replies
        yield from store.read_settings()


class Feed:
    """The changes behind a cursor, page after page.

    Args:
        store: the store.
        after: a cursor, "start", or None for the position at the first page.
        user_id: only changes of this user's orders; None for all.
        stream: only changes of this stream; None for all.
        wait: whether to wait for changes to come. Else it ends behind the last one.

    Raises:
        TypeError, ValueError: naming the first argument that is not legal.
    """

    def __init__(
        self, store: Store, after: str | None, user_id: str | None, stream: int | None, *, wait: bool
    ) -> None:
        self._store = store
        self._user_id = None if user_id is None else validate_text(user_id, "user_id")
        self._stream = None if stream is None else validate_int(stream, "stream", 0, MAX_STREAMS - 1)
        self._waits = wait
        self._positions = None if after is None else [] if after == FROM_START else decode_cursor(after)
        self._next_stream = Position("0-0", None if after == FROM_START else 0)
        """Where a stream begins that the cursor does not have."""

    def next_page(self) -> Operation[Iterator[Change] | None]:
        """Read the next changes, which may be none for this user; None at the end."""
        ids = () if self._user_id is None else (self._user_id,)
        operation = Operation("changes", "read", ids, self._next_page(), is_long=True)
        operation.holds_connection = self._waits
        return operation

    def _next_page(self) -> Steps[Iterator[Change] | None]:
        if self._positions is None:
            self._positions = yield from read_positions(self._store)
        positions = self._positions
        wait_seconds = SHORTEST_WAIT_SECONDS
        while True:
            streams, replies = yield from self._read(positions)
            pages = replies[1::2]
            for stream, last, rows in zip(streams, replies[0::2], pages, strict=True):
                after = positions[stream].number or 0
                if not rows and after != int(last or 0):
                    raise errors.ChangesMissed(stream, after, None)
            if any(pages):
                return self._changes(positions, streams, pages)
            if not self._waits:
                return None
            yield from self._wait(positions, streams, wait_seconds)
            wait_seconds = min(2 * wait_seconds, LONGEST_WAIT_SECONDS)

    def _read(self, positions: list[Position]) -> Steps[tuple[Sequence[int], list[Any]]]:
        """Reply with the streams that are read, and for each the last number and the next entries."""

        def make_commands(settings: Settings) -> Commands:
            streams = self._streams(positions, settings)
            count = max(LEAST_OF_A_STREAM, PAGE // len(streams))
            for stream in streams:
                changes, changed = self._store.keys.feed_of(stream)
                yield stream, ("GET", changed)
                above = "(" + positions[stream].entry_id
                yield stream, ("XRANGE", changes, above, "+", "COUNT", count)

        settings, replies = yield from read_feeds(self._store, make_commands)
        streams = self._streams(positions, settings)
        for stream, last, rows in zip(streams, replies[0::2], replies[1::2], strict=True):
            entry_id, number = positions[stream]
            if number is None:
                number = decode_entry(rows[0]).number - 1 if rows else int(last or 0)
                positions[stream] = Position(entry_id, number)
        self._next_stream = Position("0-0", 0)
        return streams, replies

    def _streams(self, positions: list[Position], settings: Settings) -> Sequence[int]:
        """Return the streams to read, after making sure that each has a position."""
        count = max(len(positions), len(settings.feeds), (self._stream or 0) + 1)
        positions.extend([self._next_stream] * (count - len(positions)))
        return range(count) if self._stream is None else (self._stream,)

    def _changes(
        self, positions: list[Position], streams: Sequence[int], pages: Sequence[Any]
    ) -> Iterator[Change]:
        """Yield the changes that were read, and move on by each."""
        for stream, rows in zip(streams, pages, strict=True):
            for entry in map(decode_entry, rows):
                after = positions[stream].number or 0
                if entry.number != after + 1:
                    raise errors.ChangesMissed(stream, after, entry.number)
                positions[stream] = Position(entry.entry_id, entry.number)
                if self._user_id in (None, entry.user_id):
                    yield entry.to_change(stream, encode_cursor(positions))

    def _wait(self, positions: list[Position], streams: Sequence[int], seconds: float) -> Steps[None]:
        """Wait until there may be more."""
        keys = self._store.keys
        if not self._store.is_standalone and len(streams) > 1:  # no read is of several slots
            yield [ReadTransaction(keys.slot, [("HGET", keys.config, "epoch")], "", seconds)]
            return
        words: list[Argument] = ["XREAD", "COUNT", 1, "BLOCK", BLOCK_MILLISECONDS, "STREAMS"]
        words += (keys.feed_of(stream)[0] for stream in streams)
        words += (positions[stream].entry_id for stream in streams)
        slot = keys.slot if self._store.is_standalone else keys.slot_of(streams[0])
        yield [ReadTransaction(slot, [words])]
