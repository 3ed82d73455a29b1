"""Changing how events are taken."""

from datetime import timedelta
from types import EllipsisType
from typing import Literal, TypeAlias

from cryptoorders_redis.operations import Operation
from cryptoorders_redis.operations.configure import set_fields
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.schema.config import NEVER_QUIET
from cryptoorders_redis.validation import validate_int

Seconds: TypeAlias = timedelta | float
"""A length of time: a timedelta, or a number of seconds."""

LatePolicy: TypeAlias = Literal["apply", "reject"]

MOST_SECONDS = 366 * 86_400


def configure_intake(
    store: Store,
    *,
    window: Seconds | None,
    quiet: Seconds | EllipsisType | None,
    late: LatePolicy | None,
    ahead: Seconds | None,
    limit: int | None,
    remember: Seconds | None,
) -> Operation[None]:
    """Set the settings that are given; what is None stays as it is, and so does a quiet time of `...`.

    Raises:
        TypeError, ValueError: one is not legal; when it is made.
    """
    fields: dict[str, str] = {}
    for name, seconds in (("window", window), ("ahead", ahead), ("remember", remember)):
        if seconds is not None:
            fields[f"intake_{name}"] = str(_microseconds(seconds, name))
    if quiet is None:
        fields["intake_quiet"] = NEVER_QUIET.decode()
    elif not isinstance(quiet, EllipsisType):
        fields["intake_quiet"] = str(_microseconds(quiet, "quiet"))
    if late is not None:
        if late not in ("apply", "reject"):
            raise ValueError(f"late must be 'apply' or 'reject', not {late!r}")
        fields["intake_late"] = late
    if limit is not None:
        fields["intake_limit"] = str(validate_int(limit, "limit", 1, 100_000_000))
    steps = set_fields(store, fields)
    return Operation("configure_intake", "change", (store.keys.namespace,), steps, is_long=True)


def _microseconds(seconds: object, field: str) -> int:
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{field} must be a timedelta or a number of seconds, not {type(seconds).__name__}")
    if not 0 <= seconds <= MOST_SECONDS:
        raise ValueError(f"{field} must be 0 to {MOST_SECONDS} seconds, not {seconds}")
    return round(seconds * 1_000_000)
