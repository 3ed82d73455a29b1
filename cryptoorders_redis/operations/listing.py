"""The listing: what the keys of several streams say at one moment, in placement order, as lines.

A server prints a sequence number far slower than an order id: on Redis 7.0 a million of them take 240 ms.
So only the ids of many orders are read at the one moment. Their numbers are read before, in pages:
the number of an order never changes, and an order that is placed later has a higher one.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress, count
from typing import Any, Protocol, TypeAlias

from cryptoorders_redis.operations import Steps
from cryptoorders_redis.operations.words import Argument
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.keys import Keys

PAGE = 20_000
"""Orders whose numbers are read in one round trip, over all streams."""

Run: TypeAlias = Sequence[Any]
"""One stream's reply to ZRANGE ... WITHSCORES."""

_Read: TypeAlias = tuple[int, Sequence[Argument]]
"""A command, and the stream whose keys it reads."""

_SEQUENCE_DIGITS = 16
"""Of microseconds since 1970, from 2001 to 2286."""


def split_run(run: Run) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return the order ids and the sequence numbers of a reply, in which they alternate."""
    return run[0::2], run[1::2]


def merge_runs(runs: Iterable[tuple[Sequence[bytes], Sequence[bytes]]]) -> list[bytes]:
    """Return the order ids of all runs, each given with its sequence numbers, by these.

    Each run is sorted, so the sort only merges. The numbers all have 16 digits and so sort as the
    bytes that they came as, which takes a quarter less time; others are read as numbers.
    """
    order_ids: list[bytes] = []
    sequences: list[bytes] = []
    for run_ids, run_sequences in runs:
        order_ids += run_ids
        sequences += run_sequences
    by_sequence: Sequence[bytes] | Sequence[int] = sequences
    if set(map(len, sequences)) - {_SEQUENCE_DIGITS}:
        by_sequence = [int(sequence) for sequence in sequences]
    indexes = sorted(range(len(order_ids)), key=by_sequence.__getitem__)
    return [order_ids[index] for index in indexes]


def format_listing(order_ids: Sequence[bytes], paused: AbstractSet[bytes]) -> list[str]:
    """Return the listing's lines: the id, with `(paused)` behind it where it is."""
    lines = list(map(bytes.decode, order_ids))
    for index in compress(count(), map(paused.__contains__, order_ids)):
        lines[index] += "(paused)"
    return lines


class Streams(Protocol):
    """What the listing needs of a store."""

    keys: Keys
    settings: Settings

    def read_together(self, settings: Settings, commands: Iterable[_Read]) -> Steps[list[Any] | None]: ...

    def read_settings(self) -> Steps[bool]: ...


class _SettingsChangedError(Exception):
    pass


def read_listing(store: Streams) -> Steps[list[str]]:
    """Reply with the listing of all streams, at one moment."""
    while True:
        settings = store.settings
        streams = [_Stream(store.keys, stream) for stream in settings.streams]
        try:
            if len(streams) > 1:
                return (yield from _read_streams(store, settings, streams))
            # In the order of their numbers, which nobody needs then.
            order_ids, paused = yield from _read(store, settings, [streams[0].all_ids, streams[0].paused])
            return format_listing(order_ids, set(paused))
        except _SettingsChangedError:
            yield from store.read_settings()


def _read(store: Streams, settings: Settings, commands: Iterable[_Read]) -> Steps[list[Any]]:
    replies = yield from store.read_together(settings, commands)
    if replies is None:
        raise _SettingsChangedError
    return replies


def _read_streams(store: Streams, settings: Settings, streams: Sequence["_Stream"]) -> Steps[list[str]]:
    """Reply with the listing of several streams.

    While orders move to other streams, all numbers are read at the one moment: an order that has come could
    be taken for an earlier order of the same id, which that stream had.
    """
    read_paused = [stream.paused for stream in streams]
    unread: Sequence[_Stream] = streams if settings.moving_from is None else ()
    while unread:
        size = max(PAGE // len(unread), 1)
        replies = yield from _read(store, settings, [*(s.next_page(size) for s in unread), *read_paused])
        unread = _take_pages(unread, replies[: len(unread)], size)
        if read_paused and not unread:
            return _format_streams(streams, replies[len(streams) :])  # all at one moment already
        read_paused.clear()
    while True:
        commands = [
            command for stream in streams for command in (stream.all_ids, stream.paused, stream.rest())
        ]
        replies = yield from _read(store, settings, commands)
        try:
            for stream, order_ids, rest in zip(streams, replies[0::3], replies[2::3], strict=True):
                stream.complete(order_ids, rest)
            return _format_streams(streams, replies[1::3])
        except KeyError:
            # An order that came from another stream. So all numbers are read at the one moment.
            streams = [_Stream(store.keys, stream) for stream in range(len(streams))]


def _take_pages(streams: Sequence["_Stream"], pages: Sequence[Run], size: int) -> list["_Stream"]:
    """Take pages in, and return the streams that may have more."""
    return [stream for stream, page in zip(streams, pages, strict=True) if stream.take_page(page) == size]


def _format_streams(streams: Iterable["_Stream"], paused: Iterable[Iterable[bytes]]) -> list[str]:
    order_ids = merge_runs((stream.order_ids, stream.sequences) for stream in streams)
    return format_listing(order_ids, set[bytes]().union(*paused))


class _Stream:
    """What was read of one stream so far, and the commands that read more."""

    def __init__(self, keys: Keys, stream: int) -> None:
        self._number = stream
        self._placed = keys.placed(stream)
        self.all_ids: _Read = (stream, ("ZRANGE", self._placed, 0, -1))
        self.paused: _Read = (stream, ("SMEMBERS", keys.paused(stream)))
        self.order_ids: list[bytes] = []
        self.sequences: list[bytes] = []

    def rest(self) -> "_Read":
        """Return the command that reads what is behind all that was read, with numbers."""
        return self._number, self._rest()

    def next_page(self, size: int) -> "_Read":
        return self._number, (*self._rest(), "LIMIT", 0, size)

    def _rest(self) -> Sequence[Argument]:
        above = b"(" + self.sequences[-1] if self.sequences else "-inf"
        return "ZRANGEBYSCORE", self._placed, above, "+inf", "WITHSCORES"

    def take_page(self, run: Run) -> int:
        """Take a page in, and return how many orders it has."""
        order_ids, sequences = split_run(run)
        self.order_ids += order_ids
        self.sequences += sequences
        return len(order_ids)

    def complete(self, order_ids: list[bytes], rest: Run) -> None:
        """Take in all ids of one moment. Those in `rest` are the last of them."""
        rest_ids, rest_sequences = split_run(rest)
        earlier = order_ids[: len(order_ids) - len(rest_ids)]
        if earlier != self.order_ids:
            # An id that was placed again in between is in it twice, and the second number is its own.
            number_of = dict(zip(self.order_ids, self.sequences, strict=True))
            self.sequences = [number_of[order_id] for order_id in earlier]
        self.order_ids = order_ids
        self.sequences += rest_sequences
