"""What the change feed says of one order id, as far as it reaches back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptoorders_redis.operations import Operation, Steps
from cryptoorders_redis.operations.feed import (
    PAGE,
    Change,
    Entry,
    Position,
    decode_entry,
    encode_cursor,
    read_feeds,
)
from cryptoorders_redis.operations.store import Commands, Store
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.validation import validate_text

_ENDS_ALL = ("cancel_all", "cancel_all_after")
"""Changes that end all orders that a user has in the stream."""


@dataclass(frozen=True, slots=True)
class History:
    """What happened to the orders of one id, as far as the change feed reaches back.

    Attributes:
        changes: The changes, the oldest first. Their cursors are those of their own stream alone. A
            `"cancel_all"` or `"cancel_all_after"` is among them where the order was live then.
        is_complete: Whether it begins with the placing of an order. Else what happened before is not kept.
        kept_since: The time of the oldest entry of the stream whose feed reaches back least. None if no entry
            was ever trimmed.
    """

    changes: tuple[Change, ...]
    is_complete: bool
    kept_since: datetime | None


def history(store: Store, order_id: str) -> Operation[History]:
    """Read the feeds of all streams, and reply with what they say of an order id.

    Raises:
        ConfigurationMismatch: there is no feed.
    """
    validate_text(order_id, "order_id")
    return Operation("history", "read", (order_id,), _history(store, order_id.encode()), is_long=True)


def _history(store: Store, order_id: bytes) -> Steps[History]:
    streams: dict[int, _OfStream] = {}
    to_read: Sequence[int] | None = None

    def make_commands(settings: Settings) -> Commands:
        for stream in settings.feeds if to_read is None else to_read:
            last_id = streams[stream].last_id if stream in streams else "0-0"
            yield stream, ("XRANGE", store.keys.feed_of(stream)[0], f"({last_id}", "+", "COUNT", PAGE)

    while to_read is None or to_read:
        settings, pages = yield from read_feeds(store, make_commands)
        read: Sequence[int] = settings.feeds if to_read is None else to_read
        for stream, rows in zip(read, pages, strict=True):
            streams.setdefault(stream, _OfStream(stream, order_id)).take(rows)
        to_read = [stream for stream, rows in zip(read, pages, strict=True) if len(rows) == PAGE]
    cut = [each.first.at for each in streams.values() if each.first and each.first.number > 1]
    changes = _in_order([stay for each in streams.values() for stay in each.stays])
    is_complete = bool(changes) and changes[0].op == "place"
    return History(changes, is_complete, max(cut, default=None))


def _in_order(stays: list[list[Change]]) -> tuple[Change, ...]:
    """Return the changes of all stays. One that was left comes before one that was joined at that moment."""
    stays.sort(key=lambda stay: (stay[0].at, stay[0].op == "joined"))
    return tuple(change for stay in stays for change in stay)


class _OfStream:
    """What the feed of one stream says of an order id, in stays: an order comes to a stream, and is gone."""

    def __init__(self, stream: int, order_id: bytes) -> None:
        self._stream = stream
        self._order_id = order_id
        self._user_id: str | None = None
        """Whose the live order is, where one is live."""
        self.stays: list[list[Change]] = []
        self.first: Change | None = None
        self.last_id = "0-0"

    def take(self, rows: Sequence[Any]) -> None:
        """Take in the next entries."""
        for entry in map(decode_entry, rows):
            self.last_id = entry.entry_id
            self.first = self.first or self._change_of(entry)
            is_its_end = entry.op in _ENDS_ALL and entry.user_id == self._user_id
            if entry.order_id == self._order_id or is_its_end:
                if self._user_id is None:
                    self.stays.append([])
                self.stays[-1].append(self._change_of(entry))
                is_gone = entry.op in ("cancel", "fill", "expire", "left", *_ENDS_ALL)
                self._user_id = None if is_gone else entry.user_id

    def _change_of(self, entry: Entry) -> Change:
        positions = [Position("0-0", 0)] * self._stream + [Position(entry.entry_id, entry.number)]
        return entry.to_change(self._stream, encode_cursor(positions))
