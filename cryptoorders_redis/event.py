"""Events: what is to be done to orders, with the time at which it happened elsewhere."""

import itertools
import os
import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from cryptoorders_redis.order import Metadata, Number


class Op(StrEnum):
    """What a command or an event does. Its value is the name of the method that does it.

    Attributes:
        PLACE: Place an order.
        PAUSE: Pause an order.
        RESUME: Resume a paused order.
        CANCEL: Cancel an order.
        AMEND: Change the amount or the price of an order.
        REDUCE: Take a part off the amount of an order.
        CANCEL_ALL_BY_USER: Cancel all orders of a user.
    """

    PLACE = "place"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    AMEND = "amend"
    REDUCE = "reduce"
    CANCEL_ALL_BY_USER = "cancel_all_by_user"


FIELDS: dict[Op, tuple[str, ...]] = {
    Op.PLACE: ("order_id", "user_id", "currency", "amount", "price"),
    Op.PAUSE: ("order_id",),
    Op.RESUME: ("order_id",),
    Op.CANCEL: ("order_id",),
    Op.AMEND: ("order_id",),
    Op.REDUCE: ("order_id", "by"),
    Op.CANCEL_ALL_BY_USER: ("user_id",),
}
"""The fields that each op needs."""

OPTIONAL_FIELDS: dict[Op, tuple[str, ...]] = {
    Op.PLACE: ("metadata",),
    Op.AMEND: ("amount", "price", "expected_amount", "expected_price"),
}
"""The fields that may be left out."""

ONE_OF_FIELDS: dict[Op, tuple[str, ...]] = {Op.AMEND: ("amount", "price")}
"""At least one of these fields is needed."""


def check_fields(
    op: Op, given: Collection[str], *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> None:
    """Check that the fields that are given are those of the op, and these.

    Raises:
        ValueError: One is not, or one is missing. The message names the first one.
    """
    needed = dict.fromkeys((*FIELDS[op], *required))
    allowed = {*needed, *OPTIONAL_FIELDS.get(op, ()), *optional}
    for name in given:
        if name not in allowed:
            raise ValueError(f"{op} has no field {name!r}")
    for name in needed:
        if name not in given:
            raise ValueError(f"{op} needs the field {name!r}")
    one_of = ONE_OF_FIELDS.get(op)
    if one_of and not any(name in given for name in one_of):
        raise ValueError(f"{op} needs at least one of the fields {', '.join(map(repr, one_of))}")


def _make_ids() -> Iterator[str]:
    """Yield event ids that rise from one to the next, and that no other process yields."""
    maker = secrets.token_hex(4)
    begin = time.time_ns() // 1000
    return (f"{begin:016d}-{maker}-{number:012d}" for number in itertools.count(1))


_event_ids = _make_ids()


def _begin_ids() -> None:
    global _event_ids  # noqa: PLW0603 - a child process must not repeat the ids of its parent
    _event_ids = _make_ids()


os.register_at_fork(after_in_child=_begin_ids)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a user's orders, perhaps reported late and out of order.

    The fields of a `place` are those of the method of that name; so are those of every other op. The event
    only reaches orders of its own user.

    Attributes:
        op: What is to be done: an `Op` or its value.
        user_id: The user whose orders it is about.
        event_time: When it happened: a datetime with a time zone, or an int of milliseconds since 1970.
        order_id: The order, for each op but `cancel_all_by_user`.
        currency: Of a `place`.
        amount: Of a `place`; the new amount of an `amend`, or None to keep the old one.
        price: Of a `place`; the new price of an `amend`, or None to keep the old one.
        event_id: The id, unique in the namespace: 1 to 256 bytes of UTF-8. It takes effect once,
            however often it is submitted. Events of one time are applied in the order of their ids. Without
            one it gets an id that is larger than those of all events that this process made before.
        by: How much a `reduce` takes off.
        expected_amount: Of an `amend`.
        expected_price: Of an `amend`.
        metadata: Of a `place`.
    """

    op: Op | str
    user_id: str
    event_time: datetime | int
    order_id: str | None = None
    currency: str | None = None
    amount: Number | None = None
    price: Number | None = None
    event_id: str = ""
    by: Number | None = field(default=None, kw_only=True)
    expected_amount: Number | None = field(default=None, kw_only=True)
    expected_price: Number | None = field(default=None, kw_only=True)
    metadata: Metadata | None = field(default=None, kw_only=True, hash=False)

    def __post_init__(self) -> None:
        if self.event_id is None or self.event_id == "":  # pyright: ignore[reportUnnecessaryComparison]
            object.__setattr__(self, "event_id", next(_event_ids))


class Submission(StrEnum):
    """What became of a submitted event.

    Attributes:
        ACCEPTED: It waits for its time.
        KNOWN: An event of this id waits or was applied already. Nothing was changed.
        LATE: It came too late, and is a dead letter.
        EARLY: Its time is too far in the future, and it is a dead letter.
    """

    ACCEPTED = "ACCEPTED"
    KNOWN = "KNOWN"
    LATE = "LATE"
    EARLY = "EARLY"


class OutcomeState(StrEnum):
    """Where an event stands.

    Attributes:
        WAITING: It waits for its time.
        APPLIED: It was applied, and has an answer.
        REFUSED: It was not applied, and has a reason. It is a dead letter as long as that is kept.
        UNKNOWN: No event of this id is known: it was never submitted, or is so old that it was forgotten.
    """

    WAITING = "WAITING"
    APPLIED = "APPLIED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


Answer: TypeAlias = bool | int | Decimal
"""What a call of the op would have returned; False also for a `reduce` of an order that was not live."""


class Outcome(NamedTuple):
    """What became of an event.

    Attributes:
        state: Where it stands.
        answer: Of an event that was applied, what a call of its op would have returned: whether something
            was changed, the number of orders that were cancelled, or the amount that a `reduce` has left.
            None in every other state.
        reason: Of a refused event why: `late`, `too_old`, `early`; `exceeded` or `digits` of a `reduce` that
            would have raised an error; or `unreadable`. Of an applied one `late` if it came when its time
            was over. Otherwise None.
    """

    state: OutcomeState
    answer: Answer | None = None
    reason: str | None = None


class DeadLetter(NamedTuple):
    """An event that was refused.

    Attributes:
        event_id: The id of the event.
        event_time: When it happened, in UTC.
        refused_at: When it was refused, by the server's clock, in UTC.
        reason: Why, as in `Outcome`.
        event: The event. None if its text cannot be read.
        text: The text by which the store keeps the event.
    """

    event_id: str
    event_time: datetime
    refused_at: datetime
    reason: str
    event: Event | None
    text: str


class StreamIntake(NamedTuple):
    """The events of one stream.

    Attributes:
        stream: The number of the stream.
        waiting: How many events wait.
        oldest: The event time of the first of them, in UTC. None if none waits.
        applied: How many events were applied, refused ones among them.
        late: How many events were accepted when their time was over.
        refused: How many events became dead letters.
    """

    stream: int
    waiting: int
    oldest: datetime | None
    applied: int
    late: int
    refused: int


class IntakeStats(NamedTuple):
    """The state of the intake.

    Attributes:
        streams: The state of each stream.
        newest: The greatest event time that was accepted, in UTC. None if there was no event yet.
        watermark: Events before this time were applied, in UTC. None if none was applied yet. On Redis
            Cluster that of the stream that is furthest behind.
        lag_seconds: For how long the first event that waits has been due, by event time: the newest event
            less the window less the first event's time. 0 if none is due.
        dead_letters: How many dead letters are kept.
        workers: The names of the living workers.
    """

    streams: tuple[StreamIntake, ...]
    newest: datetime | None
    watermark: datetime | None
    lag_seconds: float
    dead_letters: int
    workers: tuple[str, ...]

    @property
    def waiting(self) -> int:
        """How many events wait in all streams."""
        return sum(stream.waiting for stream in self.streams)
