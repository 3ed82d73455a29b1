"""Parses commands and events from JSON Lines, and refuses lines that are not one."""

import codecs
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, NamedTuple, NoReturn, cast

from cryptoorders_redis.event import OPTIONAL_FIELDS, Event, Op, check_fields
from cryptoorders_redis.order import NewOrder, Number
from cryptoorders_redis.schema.events import encode_event
from cryptoorders_redis.validation import validate_decimal, validate_order, validate_text

MAX_LINE_BYTES = 64 * 1024
"""The maximum length of a line, line end included. A `place` with the longest fields has under 6 KiB."""


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
    op, fields = _parse_named_fields(line)
    if op is Op.AMEND:
        validate_text(fields["order_id"], "order_id")
        for name in OPTIONAL_FIELDS[op]:
            if name in fields:
                validate_decimal(fields[name], name)
        return Command(op, Amendment(**fields))
    if op is Op.REDUCE:
        validate_text(fields["order_id"], "order_id")
        validate_decimal(fields["by"], "by")
        return Command(op, Reduction(**fields))
    if op is Op.PLACE:
        new = NewOrder(**fields)
        validate_order(new)
        return Command(op, new)
    ((name, value),) = fields.items()
    return Command(op, validate_text(value, name))


def parse_event(line: bytes, default_id: str) -> Event:
    """Return the event in a line. All its fields are legal, and numbers keep every digit.

    Args:
        line: The fields of a command, a `user_id`, an `event_time` in milliseconds since 1970, and perhaps an
            `event_id`.
        default_id: The id of the event if the line has none.

    Raises:
        TypeError: A field has a wrong type, or the line is not a JSON object.
        ValueError: The line is not exactly one legal event.
    """
    op, fields = _parse_named_fields(line, required=("user_id", "event_time"), optional=("event_id",))
    event_id = validate_text(fields.pop("event_id", default_id), "event_id")
    event = Event(op, event_id=event_id, **fields)
    encode_event(event)
    return event


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


def _parse_named_fields(
    line: bytes, *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> tuple[Op, dict[str, Any]]:
    """Return the op and the other fields of a line, which has those of the op, and these."""
    fields = _parse_fields(line)
    op = _parse_op(fields)
    check_fields(op, fields, required=required, optional=("op", *optional))
    del fields["op"]
    if fields.get("metadata") is not None:
        fields["metadata"] = _with_floats(fields["metadata"])
    return op, fields


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
