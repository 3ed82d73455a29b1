"""Parses commands from JSON Lines, and refuses lines that are not a command."""

import codecs
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, BinaryIO, NamedTuple, NoReturn, cast

from cryptoorders_redis.order import NewOrder, Number
from cryptoorders_redis.validation import validate_decimal, validate_order, validate_text

MAX_LINE_BYTES = 64 * 1024
"""The maximum length of a line, line end included. A `place` with the longest fields has under 6 KiB."""


class Op(StrEnum):
    """The operation of a command. Its value is the name of the method that does it."""

    PLACE = "place"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    AMEND = "amend"
    REDUCE = "reduce"
    CANCEL_ALL_BY_USER = "cancel_all_by_user"


_FIELDS: dict[Op, tuple[str, ...]] = {
    Op.PLACE: ("op", "order_id", "user_id", "currency", "amount", "price"),
    Op.PAUSE: ("op", "order_id"),
    Op.RESUME: ("op", "order_id"),
    Op.CANCEL: ("op", "order_id"),
    Op.AMEND: ("op", "order_id"),
    Op.REDUCE: ("op", "order_id", "by"),
    Op.CANCEL_ALL_BY_USER: ("op", "user_id"),
}

_OPTIONAL = {
    Op.PLACE: ("metadata",),
    Op.AMEND: ("amount", "price", "expected_amount", "expected_price"),
}
"""The fields that may be left out."""

_ONE_OF = {Op.AMEND: ("amount", "price")}
"""At least one of these fields is needed."""


class Amendment(NamedTuple):
    """The arguments of `amend`. At least one of amount and price is not None."""

    order_id: str
    amount: Number | None = None
    price: Number | None = None
    expected_amount: Number | None = None
    expected_price: Number | None = None


class Reduction(NamedTuple):
    """The arguments of `reduce`."""

    order_id: str
    by: Number


@dataclass(frozen=True, slots=True)
class Command:
    """A command from one line.

    Attributes:
        op: The operation.
        target: The order to place, or the arguments of `amend` or `reduce`. For every other op the order id
            or user id.
    """

    op: Op
    target: NewOrder | Amendment | Reduction | str

    @property
    def subject(self) -> str:
        """The order id or user id of the command."""
        return self.target if isinstance(self.target, str) else self.target.order_id


def parse_command(line: bytes) -> Command:
    """Return the command in a line. All its fields are legal.

    Numbers keep every digit: an integer becomes an int, any other number a Decimal.

    Raises:
        TypeError: A field has a wrong type, or the line is not a JSON object.
        ValueError: The line is not exactly one legal command.
    """
    fields = _parse_fields(line)
    op = _parse_op(fields)
    required, optional = _FIELDS[op], _OPTIONAL.get(op, ())
    allowed = (*required, *optional)
    for name in fields:
        if name not in allowed:
            raise ValueError(f"{op} has no field {name!r}")
    for name in required:
        if name not in fields:
            raise ValueError(f"{op} needs the field {name!r}")
    one_of = _ONE_OF.get(op)
    if one_of and not any(name in fields for name in one_of):
        raise ValueError(f"{op} needs at least one of the fields {', '.join(map(repr, one_of))}")
    del fields["op"]
    if op is Op.AMEND:
        validate_text(fields["order_id"], "order_id")
        for name in optional:
            if name in fields:
                validate_decimal(fields[name], name)
        return Command(op, Amendment(**fields))
    if op is Op.REDUCE:
        validate_text(fields["order_id"], "order_id")
        validate_decimal(fields["by"], "by")
        return Command(op, Reduction(**fields))
    if op is Op.PLACE:
        if fields.get("metadata") is not None:
            fields["metadata"] = _with_floats(fields["metadata"])
        new = NewOrder(**fields)
        validate_order(new)
        return Command(op, new)
    ((name, value),) = fields.items()
    return Command(op, validate_text(value, name))


def read_lines(file: BinaryIO, max_bytes: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """Yield the lines of a file, one at a time. A line that is too long is cut, but remains too long."""
    line = file.readline(max_bytes + 1).removeprefix(codecs.BOM_UTF8)
    while line:
        yield line
        while len(line) > max_bytes and not line.endswith(b"\n"):
            line = file.readline(max_bytes + 1)
        line = file.readline(max_bytes + 1)


def parse_metadata(text: str) -> dict[str, Any]:
    """Parse metadata from JSON. `place` checks whether its values are legal.

    Raises:
        TypeError: The text is JSON, but not an object.
        ValueError: The text is not JSON.
    """
    return _with_floats(_parse_fields(text.encode(errors="surrogateescape")))


def _with_floats(metadata: Any) -> Any:
    """Return metadata with each Decimal as a float."""
    if not isinstance(metadata, dict):
        return metadata  # place refuses it
    fields = cast("dict[str, Any]", metadata)
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in fields.items()}


def _parse_fields(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        fields: object = _JSON.decode(line.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte 0x{line[error.start]:02x} at {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(fields, dict):
        raise TypeError("not a JSON object")
    return cast("dict[str, Any]", fields)


def _parse_op(fields: dict[str, Any]) -> Op:
    if "op" not in fields:
        raise ValueError("the field 'op' is missing")
    name = fields["op"]
    if not isinstance(name, str):
        raise TypeError(f"op must be a str, not {type(name).__name__}")
    try:
        return Op(name)
    except ValueError:
        raise ValueError(f"unknown op {name[:50]!r}; use one of {', '.join(Op)}") from None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        # JSON does not say which of the two counts.
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"the field {twice!r} occurs twice")
    return fields


def _parse_decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"a number with an exponent that is too large: {text[:50]}") from None


def _parse_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python's own limit on digits
        raise ValueError(f"a number with too many digits: {len(text)} characters") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_JSON = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates,
    parse_float=_parse_decimal,
    parse_int=_parse_int,
    parse_constant=_refuse_constant,
)
