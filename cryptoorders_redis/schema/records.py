"""The text of an order's record, and the order that the keys of a stream describe."""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, cast

from cryptoorders_redis import errors
from cryptoorders_redis.order import EPOCH, Order, OrderFields, OrderStatus
from cryptoorders_redis.validation import (
    MOST_MICROSECONDS,
    format_decimal,
    format_expiry,
    format_metadata,
    validate_text,
)

NewRecord: TypeAlias = tuple[str, str, bytes, str]
"""Of a new order its id, its user's id, its record, and its deadline as `format_expiry` writes it.

The script puts the deadline into the record: it may be a time from now on, by the server's clock."""

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def encode_new(new: OrderFields) -> NewRecord:
    """Return what the store is told of a new order, if everything in it is legal.

    Raises:
        TypeError, ValueError: naming the first field that is not legal.
    """
    return new[0], new[1], encode_record(new), format_expiry(new[6] if len(new) > 6 else None)


def encode_record(new: OrderFields) -> bytes:
    """Return the JSON that an order's hash field holds, if everything in the order is legal.

    Raises:
        TypeError, ValueError: naming the first field that is not legal.
    """
    order_id, user_id, currency, amount, price = new[:5]
    validate_text(order_id, "order_id")
    metadata = new[5] if len(new) > 5 else None
    if metadata is None and (plain := _plain_record(user_id, currency, amount, price)):
        return plain
    quoted_user_id = _quoted(validate_text(user_id, "user_id"))
    quoted_currency = _quoted(validate_text(currency, "currency"))
    record = (
        f'{{"user_id":{quoted_user_id},"currency":{quoted_currency},'
        f'"amount":"{format_decimal(amount, "amount")}","price":"{format_decimal(price, "price")}"'
    )
    end = "}" if metadata is None else f',"metadata":{format_metadata(metadata)}}}'
    return (record + end).encode()


def _plain_record(user_id: object, currency: object, amount: object, price: object) -> bytes | None:
    """Return the record of nearly every order: one pattern sees that all is legal, in a third of the time."""
    is_written_exactly = (
        type(user_id) is type(currency) is str
        and type(amount) in _WRITTEN_EXACTLY
        and type(price) in _WRITTEN_EXACTLY
    )
    if not is_written_exactly:
        return None
    try:
        record = f'{{"user_id":"{user_id}","currency":"{currency}","amount":"{amount}","price":"{price}"}}'
    except ValueError:  # Python's own limit on the digits of an int
        return None
    return record.encode() if _PLAIN_RECORD.fullmatch(record) else None


_WRITTEN_EXACTLY = frozenset((str, int, Decimal))
"""Types whose text is their number, and nothing else. Not bool, and not what is derived from them."""

_PLAIN_RECORD = re.compile(
    r'\{"user_id":"[ !#-\[\]-~]{1,256}","currency":"[ !#-\[\]-~]{1,256}",'
    r'"amount":"(?!0(\.0+)?")(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?",'
    r'"price":"(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?"\}'
)
"""A record of legal values that no character of needs an escape."""


def check_record(record: bytes) -> dict[str, Any]:
    """Return the fields of a record that can be read and changed, also those that this release does not know.

    Raises:
        ValueError: it cannot; says why.
    """
    try:
        fields: Any = json.loads(record.decode())
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - it is data, and no argument
    for name, is_legal in _FIELDS.items():
        if not is_legal(cast("dict[str, Any]", fields).get(name)):
            raise ValueError(f"its field {name!r} is missing or not legal")
    return cast("dict[str, Any]", fields)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and _LONE_SURROGATE.search(value) is None


def _is_decimal(value: object) -> bool:
    return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None


def _is_metadata(value: object) -> bool:
    return value is None or isinstance(value, dict)


def _is_deadline(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, str) or not _DEADLINE.fullmatch(value):
        return False
    try:
        return 0 <= _to_microseconds(value) <= MOST_MICROSECONDS
    except ValueError:  # such as the 30th of February
        return False


def _to_microseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // _MICROSECOND


def deadline_of(fields: Mapping[str, Any]) -> int | None:
    """Return the deadline among the fields of a record, in microseconds since 1970; None for none."""
    text = fields.get("expires_at")
    return None if text is None else _to_microseconds(text)


def deadline_in(record: bytes) -> int | None:
    """Return the deadline that a legal record says, in microseconds since 1970; None for none."""
    return deadline_of(check_record(record))


def _is_amount(value: object) -> bool:
    return _is_decimal(value) and str(value).strip("0.") != ""


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_DECIMAL = re.compile(r"\d+(\.\d*)?", re.ASCII)

_DEADLINE = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z", re.ASCII
)

_FIELDS: dict[str, Callable[[object], bool]] = {
    "user_id": _is_text,
    "currency": _is_text,
    "amount": _is_amount,
    "price": _is_decimal,
    "metadata": _is_metadata,
    "expires_at": _is_deadline,
}


_TEXT = r'"([^"\\\x00-\x1f]*)"'

_match_plain = re.compile(
    rf'{{"user_id":{_TEXT},"currency":{_TEXT},"amount":{_TEXT},"price":{_TEXT}(?:,"expires_at":{_TEXT})?}}'
).fullmatch
"""Matches a record of these fields alone, without any escape: what JSON reads from it is certain."""

_MICROSECOND = timedelta(microseconds=1)

# Half the time of the constructor: a frozen dataclass's calls object.__setattr__() for each field.
(
    _set_order_id,
    _set_user_id,
    _set_currency,
    _set_amount,
    _set_price,
    _set_status,
    _set_placed_at,
    _set_sequence,
    _set_metadata,
    _set_expires_at,
) = [getattr(Order, field.name).__set__ for field in dataclasses.fields(Order)]


def decode_orders(
    order_ids: Sequence[bytes], sequences: bytes, records: Sequence[bytes], flags: bytes
) -> list[Order]:
    """Return the orders that `lua/include/order_columns.lua` has read.

    Raises:
        InconsistentData: the keys of one do not describe an order.
    """
    paused = map(int, flags.decode())
    rows = zip(order_ids, sequences.split(), records, paused, strict=True)
    return [decode_order(*row) for row in rows]


def decode_order(order_id: bytes, sequence: bytes | float, record: bytes, paused: int) -> Order:
    """Return the order that a stream's keys describe.

    Raises:
        InconsistentData: they do not describe one.
    """
    try:
        text = record.decode()
        if plain := _match_plain(text):
            user_id, currency, amount, price, expires_at = plain.groups()
            metadata = None
        else:
            fields = json.loads(text)
            user_id, currency = fields["user_id"], fields["currency"]
            amount, price = fields["amount"], fields["price"]
            metadata, expires_at = fields.get("metadata"), fields.get("expires_at")
        number = int(sequence)
        order: Order = object.__new__(Order)
        _set_order_id(order, order_id.decode())
        _set_user_id(order, user_id)
        _set_currency(order, currency)
        _set_amount(order, Decimal(amount))
        _set_price(order, Decimal(price))
        _set_status(order, OrderStatus.PAUSED if paused else OrderStatus.ACTIVE)
        _set_placed_at(order, EPOCH + number * _MICROSECOND)
        _set_sequence(order, number)
        _set_metadata(order, metadata)
        _set_expires_at(order, expires_at and datetime.fromisoformat(expires_at))
    except (AttributeError, TypeError, ValueError, KeyError, ArithmeticError, RecursionError) as error:
        raise errors.InconsistentData(
            f"order {order_id!r} has the sequence number {sequence!r} and the record {record!r}: "
            "verify() says what is wrong with the store"
        ) from error
    return order
