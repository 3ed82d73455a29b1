"""An order exactly as the keys of its stream hold it, and the line of a file that keeps all of it."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from cryptoorders_redis import errors
from cryptoorders_redis.order import EPOCH, OrderStatus
from cryptoorders_redis.schema.records import check_record, deadline_in
from cryptoorders_redis.validation import validate_text

MAX_LINE_BYTES = 1024 * 1024
"""The maximum length of a line, line end included. With the longest fields that `place` takes it is 6 KiB."""


class CopiedOrder(NamedTuple):
    """An order as the keys of its stream hold it.

    Attributes:
        order_id: its id.
        user_id: the user whose order it is.
        record: its record, byte for byte.
        sequence: its sequence number.
        is_paused: whether it is PAUSED.
    """

    order_id: str
    user_id: str
    record: bytes
    sequence: int
    is_paused: bool

    @property
    def deadline(self) -> int | None:
        """Its deadline in microseconds since 1970; None for none."""
        return deadline_in(self.record) if b'"expires_at"' in self.record else None  # most have none


def decode_copies(
    order_ids: Sequence[bytes], sequences: bytes, records: Sequence[bytes | None], flags: bytes
) -> list[CopiedOrder]:
    """Return the orders that `lua/include/order_columns.lua` has read.

    Raises:
        InconsistentData: one cannot be copied.
    """
    orders: list[CopiedOrder] = []
    for order_id, sequence, record, flag in zip(
        order_ids, sequences.split(), records, flags.decode(), strict=True
    ):
        try:
            user_id: str = check_record(record or b"")["user_id"]
            orders.append(CopiedOrder(order_id.decode(), user_id, record or b"", int(sequence), flag == "1"))
        except ValueError as error:
            raise cannot_be_copied(order_id, error) from error
    return orders


def cannot_be_copied(order_id: bytes | str, reason: object) -> errors.InconsistentData:
    """Return the error for an order that cannot be copied."""
    return errors.InconsistentData(
        f"order {order_id!r} cannot be copied: {reason}; verify() says what is wrong"
    )


def status_of(order: CopiedOrder) -> OrderStatus:
    """Return the status of an order."""
    return OrderStatus.PAUSED if order.is_paused else OrderStatus.ACTIVE


def format_placed_at(sequence: int) -> str:
    """Return the time of placement as `Order.to_dict` does."""
    return (EPOCH + timedelta(microseconds=sequence)).isoformat(timespec="microseconds")


_NO_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")
"""JSON has line breaks only between its values, where a space means the same."""


def encode_line(order: CopiedOrder) -> bytes:
    """Return an order as a line of JSON: what the keys say of it, and then the bytes of its record.

    Raises:
        InconsistentData: the line would be too long to be read again.
    """
    before, _, fields = order.record.translate(_NO_LINE_BREAKS).partition(b"{")
    line = b'%b{"order_id":%b,"sequence":%d,"placed_at":"%b","status":"%b",%b\n' % (
        before,
        json.dumps(order.order_id).encode(),
        order.sequence,
        format_placed_at(order.sequence).encode(),
        status_of(order).encode(),
        fields,
    )
    if len(line) > MAX_LINE_BYTES:
        raise cannot_be_copied(order.order_id, f"its record has {len(order.record)} bytes")
    return line


_LINE = re.compile(
    rb'([ \t]*){\s*"order_id"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"sequence"\s*:\s*(\d{1,16})\s*,'
    rb'\s*"placed_at"\s*:\s*"([^"\\]*)"\s*,\s*"status"\s*:\s*"(ACTIVE|PAUSED)"\s*,([^\r\n]*)\r?\n'
)


def decode_line(line: bytes) -> CopiedOrder:
    """Return the order of a line.

    Raises:
        ValueError: the line is none of an order; says why.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
    if not line.endswith(b"\n"):
        raise ValueError("the line has no end: the file was cut off")
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(
            "not an order as `cryptoorders export` writes it: a JSON object that begins with the fields "
            "order_id, sequence, placed_at and status"
        )
    before, quoted_id, number, placed_at, status, fields = found.groups()
    try:
        order_id = json.loads(quoted_id)
    except ValueError:
        raise ValueError("its field 'order_id' is not JSON") from None
    validate_text(order_id, "order_id")
    sequence = int(number)
    if format_placed_at(sequence).encode() != placed_at:
        raise ValueError(f"placed_at is not the time of the sequence number, {format_placed_at(sequence)}")
    record = before + b"{" + fields
    user_id: str = validate_text(check_record(record)["user_id"], "user_id")
    return CopiedOrder(order_id, user_id, record, sequence, status == OrderStatus.PAUSED.encode())
