"""The text of an event: the JSON by which the store keeps it. Its id and its time are kept beside it."""

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, cast

from cryptoorders_redis.event import (
    FIELDS,
    DeadLetter,
    Event,
    Op,
    Outcome,
    OutcomeState,
    check_fields,
)
from cryptoorders_redis.order import EPOCH
from cryptoorders_redis.schema.records import encode_record
from cryptoorders_redis.validation import format_decimal, validate_int, validate_moment, validate_text

LAST_TIME = 9_000_000_000_000_000
"""Microseconds since 1970 in the year 2255: a sorted set's scores are exact up to there."""

_OPTIONAL_OF_EVENTS = (
    "order_id",
    "currency",
    "amount",
    "price",
    "by",
    "expected_amount",
    "expected_price",
    "metadata",
)


class QueuedEvent(NamedTuple):
    """An event as a queue keeps it.

    Attributes:
        user_id: the user whose orders it is about, by whom it finds its stream.
        event_id: its id.
        time: when it happened, in microseconds since 1970.
        text: what is to be done.
    """

    user_id: str
    event_id: str
    time: int
    text: bytes


def encode_event(event: object) -> QueuedEvent:
    """Return an event as a queue keeps it, if everything in it is legal.

    Raises:
        TypeError, ValueError: naming the first field that is not legal.
    """
    if not isinstance(event, Event):
        raise TypeError(f"must be an Event, not {type(event).__name__}")
    op = _check_op(event.op)
    event_id = validate_text(event.event_id, "event_id")
    user_id = validate_text(event.user_id, "user_id")
    given = _given_fields(op, event)
    quoted = [f'"op":"{op}"']
    if "order_id" in given:
        quoted.append(f'"order_id":{_quoted(validate_text(event.order_id, "order_id"))}')
    if op is Op.PLACE:
        record = encode_record(cast("Any", (*(getattr(event, name) for name in FIELDS[op]), event.metadata)))
        text = ("{" + ",".join(quoted) + ",").encode() + record[1:]
    else:
        quoted.append(f'"user_id":{_quoted(user_id)}')
        quoted += (
            f'"{name}":"{format_decimal(getattr(event, name), name)}"' for name in given if name != "order_id"
        )
        text = ("{" + ",".join(quoted) + "}").encode()
    return QueuedEvent(user_id, event_id, _time_of(event), text)


def decode_event(event_id: str, time: int, text: bytes) -> Event | None:
    """Return the event that a queue kept; None where its text cannot be read."""
    try:
        fields: Any = json.loads(text.decode())
        fields.pop("late", None)
        op = Op(fields.pop("op"))
        event = Event(op=op, event_time=to_moment(time), event_id=event_id, **fields)
        for name in _NUMBERS:
            if (number := getattr(event, name)) is not None:
                object.__setattr__(event, name, Decimal(number))
        encode_event(event)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        return None
    return event


def decode_letter(event_id: bytes, refused_at: int, letter: bytes) -> DeadLetter:
    """Return a dead letter from what the store keeps of it."""
    reason, _, rest = letter.partition(b" ")
    time, _, text = rest.partition(b" ")
    microseconds = int(float(time)) if _NUMBER.fullmatch(time) else 0
    name = event_id.decode(errors="backslashreplace")
    return DeadLetter(
        name,
        to_moment(microseconds),
        to_moment(refused_at),
        reason.decode(errors="backslashreplace"),
        decode_event(name, microseconds, text),
        text.decode(errors="backslashreplace"),
    )


def decode_outcome(waits: bool, outcome: bytes | None, letter: bytes | None) -> Outcome:
    """Return what became of an event.

    Args:
        waits: whether it is in a queue.
        outcome: what was kept when it was applied.
        letter: what is kept of it as a dead letter.
    """
    if waits:
        return Outcome(OutcomeState.WAITING)
    if outcome is None:
        if letter is None:
            return Outcome(OutcomeState.UNKNOWN)
        return Outcome(OutcomeState.REFUSED, None, letter.partition(b" ")[0].decode())
    first, *more = outcome.decode().split(" ")
    if first == "refused":
        return Outcome(OutcomeState.REFUSED, None, " ".join(more))
    reason = "late" if "late" in more else None
    if first in _ANSWERS:
        return Outcome(OutcomeState.APPLIED, _ANSWERS[first], reason)
    return Outcome(OutcomeState.APPLIED, Decimal(first) if "left" in more else int(first), reason)


def to_moment(microseconds: int) -> datetime:
    """Return the moment so many microseconds after 1970, in UTC."""
    return EPOCH + timedelta(microseconds=microseconds)


def user_in(text: bytes | None) -> str | None:
    """Return the user of an event by its text; None where it cannot be read."""
    return fields_in(text)[0]


def fields_in(text: bytes | None) -> tuple[str | None, str | None, str]:
    """Return the user, the order id and the op of an event by its text; None for what cannot be read."""
    try:
        fields: Any = json.loads((text or b"").decode())
        user_id, order_id, op = (fields.get(name) for name in ("user_id", "order_id", "op"))
    except (ValueError, AttributeError, RecursionError):
        return None, None, ""
    return _id_or_none(user_id), _id_or_none(order_id), op if isinstance(op, str) else ""


def _id_or_none(value: object) -> str | None:
    try:
        return validate_text(value, "id")
    except (TypeError, ValueError):
        return None


def _check_op(op: object) -> Op:
    try:
        return Op(cast("str", op))
    except ValueError:
        raise ValueError(f"op must be one of {', '.join(Op)}, not {str(op)[:50]!r}") from None


def _given_fields(op: Op, event: Event) -> list[str]:
    """Return the names of the fields that are given, besides those of every event, if they are the op's."""
    given = [name for name in _OPTIONAL_OF_EVENTS if getattr(event, name) is not None]
    check_fields(op, ("user_id", *given), required=("user_id",))
    return given


def _time_of(event: Event) -> int:
    if isinstance(event.event_time, datetime):
        microseconds = validate_moment(event.event_time, "event_time")
        if not 0 <= microseconds <= LAST_TIME:
            raise ValueError(f"event_time must be in the years 1970 to 2254, not {event.event_time}")
        return microseconds
    return validate_int(event.event_time, "event_time", 0, LAST_TIME // 1000) * 1000


_quoted = json.JSONEncoder(ensure_ascii=False).encode

_NUMBERS = ("amount", "price", "by", "expected_amount", "expected_price")

_NUMBER = re.compile(rb"\d{1,17}")

_ANSWERS = {"y": True, "n": False}
