"""Reads replies from the bytes of a connection, as they come: hiredis where it is installed, else Python."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias, cast

from redis.connection import DefaultParser
from redis.exceptions import InvalidResponse
from redis.utils import HIREDIS_AVAILABLE

from cryptoorders_redis.transport.resp import Reply

Read: TypeAlias = Callable[[bytes], list[Reply]]
"""Takes the next bytes, and returns all replies that are complete by now. Raises InvalidResponse."""

MakeError: TypeAlias = Callable[[str], Exception]
"""Makes the error of an error reply."""

parse_error: MakeError = cast("Any", DefaultParser).parse_error
"""Makes the error that redis-py makes of the text of an error reply."""

_SHORT_HEAD = b"$1"
"""The head of a reply of one byte, as nearly all changes have it: `$1\r\ny\r\n`."""

_SHORT_SIZE = 7

_BULK, _INTEGER, _ARRAY, _STRING, _ERROR = b"$:*+-"


def make_read(make_error: MakeError) -> Read:
    """Return what reads the replies of one new connection.

    Args:
        make_error: is called with the text of each error reply, also of one inside an array. What it
            returns stands in the place of the reply.
    """
    return _hiredis_read(make_error) if HIREDIS_AVAILABLE else RespReader(make_error).read


def _hiredis_read(make_error: MakeError) -> Read:
    reader: Any = import_module("hiredis").Reader(protocolError=InvalidResponse, replyError=make_error)
    feed, gets = reader.feed, reader.gets

    def read(data: bytes) -> list[Reply]:
        feed(data)
        replies: list[Reply] = []
        while (reply := gets()) is not False:  # False: the next reply is not complete
            replies.append(reply)
        return replies

    return read


def _short_replies(data: bytes) -> list[Reply] | None:
    """Return the replies, where they are all of one byte: ten times as fast as reading one by one."""
    num_replies, rest = divmod(len(data), _SHORT_SIZE)
    if rest:
        return None
    parts = data.split(b"\r\n")
    if len(parts) != 2 * num_replies + 1 or parts[:-1:2].count(_SHORT_HEAD) != num_replies:
        return None
    return parts[1::2]


class RespReader:
    """Reads RESP2. It never reads a byte of a complete item twice, so its cost is linear."""

    def __init__(self, make_error: MakeError) -> None:
        self._make_error = make_error
        self._unread: list[bytes] = []
        self._num_unread = 0
        self._num_needed = 0
        """With fewer unread bytes the next item is not complete."""
        self._replies: list[Reply] = []
        self._items = self._replies
        """Where the next item belongs: to the replies, or to an array that is half read."""
        self._num_items = -1
        """The length of that array; -1 for the replies."""
        self._outer: list[tuple[list[Reply], int]] = []
        """The arrays, and at the bottom the replies, in which that array stands."""

    def read(self, data: bytes) -> list[Reply]:
        """Take the next bytes, and return all replies that are complete by now.

        Raises:
            InvalidResponse: this is not RESP2. The connection cannot be used any more.
        """
        if self._unread:
            self._unread.append(data)
            self._num_unread += len(data)
            if self._num_unread < self._num_needed:
                return []
            data = b"".join(self._unread)
            self._unread.clear()
        if not self._outer and data.startswith(_SHORT_HEAD) and (answers := _short_replies(data)):
            return answers
        try:
            self._read_items(data)
        except ValueError as error:
            raise InvalidResponse(f"a length or a number is malformed: {error}") from error
        replies = self._replies.copy()
        self._replies.clear()
        return replies

    def _read_items(self, data: bytes) -> None:
        find, num_bytes = data.find, len(data)
        items, num_items, outer = self._items, self._num_items, self._outer
        begin = num_needed = 0
        item: Reply
        while (end := find(b"\r\n", begin)) >= 0:
            kind = data[begin]
            if kind == _BULK:
                size = int(data[begin + 1 : end])
                begin, item_begin = end + 2, begin
                if size < 0:
                    item = None
                else:
                    end = begin + size
                    if end + 2 > num_bytes:
                        begin = item_begin
                        num_needed = end + 2 - begin
                        break
                    item = data[begin:end]
                    begin = end + 2
            elif kind == _ARRAY:
                size = int(data[begin + 1 : end])
                begin = end + 2
                if size > 0:
                    outer.append((items, num_items))
                    items, num_items = [], size
                    continue
                item = None if size else []
            else:
                item = self._read_line(kind, data[begin + 1 : end])
                begin = end + 2
            items.append(item)
            while len(items) == num_items:
                item = items
                items, num_items = outer.pop()
                items.append(item)
        self._items, self._num_items = items, num_items
        if begin < num_bytes:
            self._unread.append(data[begin:])
            self._num_unread = num_bytes - begin
            self._num_needed = num_needed

    def _read_line(self, kind: int, line: bytes) -> Reply:
        if kind == _INTEGER:
            return int(line)
        if kind == _STRING:
            return line
        if kind == _ERROR:
            return self._make_error(line.decode(errors="replace"))
        raise InvalidResponse(f"a reply begins with {chr(kind)!r}")
