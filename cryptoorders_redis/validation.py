"""What input is legal."""

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

from cryptoorders_redis import errors
from cryptoorders_redis.order import EPOCH, OrderFields

MAX_TEXT_BYTES = 256
"""The longest order id, user id or currency, in bytes of UTF-8."""

MAX_NUMBER_DIGITS = 100
"""The most digits of an amount or a price, before and after the point together."""

MAX_METADATA_BYTES = 2048
"""The longest metadata of an order, in bytes of UTF-8 as JSON."""

MOST_MICROSECONDS = 2**53
"""A sorted set keeps its scores as doubles, which have all whole numbers up to here: to the year 2255."""

LONGEST_EXPIRY = timedelta(days=73_000)
"""The longest time from now on until an order expires: 200 years."""

_PLAIN_TEXT = re.compile(r"(0|[1-9]\d{0,39})(\.\d{1,40})?", re.ASCII)
"""What needs no `Decimal` to see that it is plain and short enough: nearly all of what comes."""

_DECIMAL_TEXT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)


def validate_text(value: object, field: str) -> str:
    """Return an order id, user id or currency if it is legal.

    Raises:
        TypeError: it is not a `str`, or a kind of it that is written as something else.
        ValueError: it is empty, longer than 256 bytes of UTF-8, or has no UTF-8 form.
    """
    if not isinstance(value, str):
        raise TypeError(f"{field} must be a str, not {type(value).__name__}")
    if type(value) is not str and str(value) != value:  # an Enum of str: which of its two texts is meant?
        raise TypeError(f"{field} must be a str, and {type(value).__name__} is written in another way")
    if not value:
        raise ValueError(f"{field} must not be empty")
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"{field} cannot be written as UTF-8: {error.reason}") from None
    if size > MAX_TEXT_BYTES:
        raise ValueError(f"{field} must be at most {MAX_TEXT_BYTES} bytes of UTF-8, not {size}")
    return value


def validate_order(order: OrderFields) -> None:
    """Check all fields of an order.

    Raises:
        TypeError: a field has a wrong type. The message names the first one.
        ValueError: a field is not legal. The message names the first one.
    """
    order_id, user_id, currency, amount, price = order[:5]
    validate_text(order_id, "order_id")
    validate_text(user_id, "user_id")
    validate_text(currency, "currency")
    validate_decimal(amount, "amount")
    validate_decimal(price, "price")
    if len(order) > 5 and order[5] is not None:
        format_metadata(order[5])
    format_expiry(order[6] if len(order) > 6 else None)


def format_decimal(value: object, field: str) -> str:
    """Return an amount or a price as plain decimal text that loses no digit. `field` says which it is.

    Raises:
        TypeError: it has a wrong type.
        ValueError: it is not legal.
    """
    legal = validate_decimal(value, field)
    return legal if isinstance(legal, str) else format(legal.copy_abs(), "f")


def validate_decimal(value: object, field: str) -> Decimal | str:
    """Return an amount or a price if it is legal, as plain text where that costs nothing.

    Raises:
        TypeError: it has a wrong type.
        ValueError: it is not legal.
    """
    if type(value) is str and _PLAIN_TEXT.fullmatch(value) and value.strip("0."):
        return value
    number = _decimal(value, field)
    text = str(number)
    if _PLAIN_TEXT.fullmatch(text) and text.strip("0."):  # faster than the checks that follow
        return text
    if not number.is_finite():
        raise ValueError(f"{field} must be finite, not {number}")
    if number <= 0 and not field.endswith("price"):
        raise ValueError(f"{field} must be above zero, not {number}")
    if number < 0:
        raise ValueError(f"{field} must not be negative, not {number}")
    # Asked before the text is made: 1E+999999999 is short, its plain text is not.
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    digits = max(number.adjusted(), 0) + 1 + max(-exponent, 0)
    if digits > MAX_NUMBER_DIGITS:
        raise ValueError(f"{field} must have at most {MAX_NUMBER_DIGITS} digits, not {digits}")
    return number


def format_metadata(value: object) -> str:
    """Return an order's metadata as compact JSON.

    Raises:
        TypeError: it is not a mapping, or a name or a value in it has a wrong type.
        ValueError: a number in it is not legal, or it is too long.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"metadata must be a mapping, not {type(value).__name__}")
    metadata = dict(cast("Mapping[object, object]", value))  # once: another reading could give another
    for name, entry in metadata.items():
        if not isinstance(name, str):
            raise TypeError(f"a name in metadata must be a str, not {type(name).__name__}")
        if not isinstance(entry, str | int | float | None):
            raise TypeError(
                f"metadata[{name[:50]!r}] must be a str, int, float, bool or None, not {type(entry).__name__}"
            )
        if isinstance(entry, float) and not math.isfinite(entry):
            raise ValueError(f"metadata[{name[:50]!r}] must be finite, not {entry}")
    try:
        text = _METADATA_JSON.encode(metadata)
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"metadata cannot be written as UTF-8: {error.reason}") from None
    except ValueError:  # Python's own limit on the digits of an int
        raise ValueError("metadata holds a number of too many digits") from None
    if size > MAX_METADATA_BYTES:
        raise ValueError(f"metadata must be at most {MAX_METADATA_BYTES} bytes as JSON, not {size}")
    return text


_METADATA_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _decimal(value: object, field: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise TypeError(f"{field} must be a Decimal, int, float or str, not {type(value).__name__}")
    if isinstance(value, float):
        # Not repr(): a subclass (NumPy's) may write more than the number.
        return Decimal(float.__repr__(value))
    if isinstance(value, str) and not _DECIMAL_TEXT.fullmatch(value):
        if value.strip().lower().lstrip("+-") in {"nan", "snan", "inf", "infinity"}:
            raise ValueError(f"{field} must be finite, not {value}")
        raise ValueError(f"{field} must be a decimal number, not {value[:50]!r}")
    return Decimal(value)


def validate_int(value: object, field: str, least: int, most: int | None) -> int:
    """Return a number if it is legal.

    Raises:
        TypeError, ValueError: it is not an `int`, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{field} must be an int, not {type(value).__name__}")
    if value < least or (most is not None and value > most):
        range_ = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(f"{field} must be {range_}, not {value}")
    return value


def validate_moment(value: object, field: str) -> int:
    """Return a moment as microseconds since 1970.

    Raises:
        TypeError: it is not a datetime.
        ValueError: it has no time zone.
    """
    if not isinstance(value, datetime):
        raise TypeError(f"{field} must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValueError(f"{field} must have a time zone, and {value} has none")
    return (value - EPOCH) // timedelta(microseconds=1)


def format_expiry(value: object) -> str:
    """Return when an order expires, as the scripts are told it: microseconds, "+" before those from now on.

    Empty for None.

    Raises:
        TypeError: it is neither a datetime nor a timedelta.
        ValueError: it has no time zone, or it is too far in the future.
        AlreadyExpired: it is no time in the future, whatever the server's clock says.
    """
    if value is None:
        return ""
    if isinstance(value, timedelta):
        if value <= timedelta(0):
            raise errors.AlreadyExpired(f"expires_at must be a time from now on, not {value}")
        if value > LONGEST_EXPIRY:
            raise ValueError(
                f"expires_at must be at most {LONGEST_EXPIRY.days} days from now on, not {value}"
            )
        return f"+{value // timedelta(microseconds=1)}"
    if not isinstance(value, datetime):
        raise TypeError(f"expires_at must be a datetime or a timedelta, not {type(value).__name__}")
    moment = validate_moment(value, "expires_at")
    if moment <= 0:
        raise errors.AlreadyExpired(f"expires_at must be in the future, not {value}")
    if moment > MOST_MICROSECONDS:
        raise ValueError(f"expires_at must be before the year 2255, not {value}")
    return str(moment)
