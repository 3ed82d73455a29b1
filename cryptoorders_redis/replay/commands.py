"""Commands as JSON Lines: what a line asks for, and what is no command."""

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
"""The longest line, its end included. A place with every field at its limit has under 6 KiB."""


class Op(StrEnum):
    """What a command asks for: the name of the call that does it."""

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
"""What may be there besides."""

_ONE_OF = {Op.AMEND: ("amount", "price")}
"""Of these one must be there."""


class Amendment(NamedTuple):
    """What `amend` takes: of amount and price one at least, None for the other."""

    order_id: str
    amount: Number | None = None
    price: Number | None = None
    expected_amount: Number | None = None
    expected_price: Number | None = None


class Reduction(NamedTuple):
    """What `reduce` takes."""

    order_id: str
    by: Number


@dataclass(frozen=True, slots=True)
class Command:
    """What one line asks for.

    Attributes:
        op: what to do.
        target: what to place, amend or reduce; for every other op the id of the order or user.
    """

    op: Op
    target: NewOrder | Amendment | Reduction | str

    @property
    def subject(self) -> str:
        """The id of the order or user that it is about."""
        return self.target if isinstance(self.target, str) else self.target.order_id


def parse_command(line: bytes) -> Command:
    """Return the command that a line holds, all of it legal.

    Numbers keep every digit: an int as it is, any other as a Decimal.

    Raises:
        TypeError, ValueError: the line is not exactly one command; says what is wrong with it.
    """
    fields = _fields(line)
    op = _op(fields)
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
        raise ValueError(f"{op} needs a field of {', '.join(map(repr, one_of))}")
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
            fields["metadata"] = _plain_numbers(fields["metadata"])
        new = NewOrder(**fields)
        validate_order(new)
        return Command(op, new)
    ((name, value),) = fields.items()
    return Command(op, validate_text(value, name))


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's lines, holding one at a time; of one that is too long, as much as shows that."""
    line = file.readline(MAX_LINE_BYTES + 1).removeprefix(codecs.BOM_UTF8)
    while line:
        yield line
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES + 1)
        line = file.readline(MAX_LINE_BYTES + 1)


def parse_metadata(text: str) -> dict[str, Any]:
    """Return the metadata that a text of JSON holds; whether all of it is legal, `place` says.

    Raises:
        TypeError, ValueError: the text is not a JSON object.
    """
    return _plain_numbers(_fields(text.encode(errors="surrogateescape")))


def _plain_numbers(metadata: Any) -> Any:
    """Return metadata with numbers as JSON has them: what is no int is a float."""
    if not isinstance(metadata, dict):
        return metadata  # refused by place
    fields = cast("dict[str, Any]", metadata)
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in fields.items()}


def _fields(line: bytes) -> dict[str, Any]:
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


def _op(fields: dict[str, Any]) -> Op:
    if "op" not in fields:
        raise ValueError("the field 'op' is missing")
    name = fields["op"]
    if not isinstance(name, str):
        raise TypeError(f"op must be a str, not {type(name).__name__}")
    try:
        return Op(name)
    except ValueError:
        raise ValueError(f"unknown op {name[:50]!r}; known are {', '.join(Op)}") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        # Whoever wrote two meant one of them; which, JSON leaves open.
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"the field {twice!r} is there twice")
    return fields


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"a number with an exponent out of all range: {text[:50]}") from None


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python's own limit on digits
        raise ValueError(f"a number of {len(text)} characters") from None


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_JSON = json.JSONDecoder(
    object_pairs_hook=_each_once, parse_float=_decimal, parse_int=_int, parse_constant=_constant
)
