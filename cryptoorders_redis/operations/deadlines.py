"""Deadlines: orders that expire, and the dead man's switches of users.

A sweep carries out the deadlines of a stream that have passed, and anybody may run it. What makes answers
true is not the sweep: a script answers DUE, and a snapshot is taken again, while a deadline of its stream
has passed and is not carried out. So by the server's clock no call shows or changes an order whose time is
over, whether or not a worker runs.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, Step, Steps
from cryptoorders_redis.operations.configure import config_call
from cryptoorders_redis.operations.gate import is_due_reply, stream_that_is_due
from cryptoorders_redis.operations.head import pack_head
from cryptoorders_redis.operations.store import STALE, Commands, Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.order import EPOCH
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.validation import validate_int, validate_text

T = TypeVar("T")

SWEPT = 500
"""Deadlines that one script carries out, about: 2 ms in which the server does nothing else."""

EXPIRED = b"EXPIRED "
"""The reply of a script that refuses an order, and behind it the order's id."""

MOST_SECONDS = 86_400
"""The longest time after which a dead man's switch fires: a day."""


def wait_out(store: Store, steps: Steps[T], sent: Sequence[Step], replies: list[Any]) -> Steps[T]:
    """Continue an operation whose steps got DUE among their replies: sweep, and send those steps again.

    They are sent under new request numbers: DUE is an answer that stays.
    """
    while True:
        try:
            try:
                while waiting := [at for at, reply in enumerate(replies) if is_due_reply(reply)]:
                    yield from carry_out(store, {stream_that_is_due(replies[at]) for at in waiting})
                    again = yield [sent[at] for at in waiting]
                    for at, reply in zip(waiting, again, strict=True):
                        replies[at] = reply
            except errors.CryptoOrdersError as error:
                sent = steps.throw(error)
            else:
                sent = steps.send(replies)
            replies = yield sent
        except StopIteration as done:
            return done.value


def carry_out(store: Store, streams: Collection[int]) -> Steps[None]:
    """Carry out all deadlines of streams that have passed by now."""
    if streams:
        yield from try_rights(store)
    for stream in streams:
        has_more: bool | None = True
        while has_more is not False:
            has_more = yield from store.sweep(store.settings, stream)
            if has_more is None and not (yield from store.catch_up([stream])):
                break


def try_rights(store: Store) -> Steps[None]:
    """Make sure that the user may change orders: a script that a missing right stops is not undone."""
    if not store.has_tried_rights:
        yield [config_call(store, {"none": ""})]
        store.has_tried_rights = True


def carry_out_due(store: Store, streams: Collection[int] | None, share: tuple[int, int]) -> Steps[None]:
    """Carry out what is due in some streams, as `advance` takes them. Cheap where nothing is due."""
    if not store.settings.timed:
        return
    first, step = share
    taken = [
        each for each in range(first, len(store.settings.streams), step) if streams is None or each in streams
    ]
    if taken:
        waits = yield from store.read_first_deadlines(taken)
        yield from carry_out(store, [stream for stream, wait in waits.items() if wait <= 0])


def already_expired(reply: bytes) -> errors.AlreadyExpired:
    """Return the error for an order that a script refuses for its deadline."""
    order_id = reply.removeprefix(EXPIRED).decode()
    return errors.AlreadyExpired(
        f"expires_at of order {order_id!r} is not in the future by the server's clock: nothing was placed"
    )


def become_timed(store: Store) -> Steps[None]:
    """Let orders of the namespace have deadlines, from the first one on; it is created where it is gone."""
    while not store.settings.timed:
        yield [config_call(store, {"timed": "1"})]
        yield from store.catch_up_or_create(range(store.num_streams))


def cancel_all_after(store: Store, user_id: str, seconds: int) -> Operation[datetime | None]:
    """Arm or disarm a user's dead man's switch; reply with when it will fire.

    Raises:
        TypeError, ValueError: what is given is not legal; when it is made.
    """
    validate_text(user_id, "user_id")
    validate_int(seconds, "seconds", 0, MOST_SECONDS)
    return Operation("cancel_all_after", "change", (user_id,), _cancel_all_after(store, user_id, seconds))


def _cancel_all_after(store: Store, user_id: str, seconds: int) -> Steps[datetime | None]:
    keys = store.keys
    while True:
        if seconds:
            yield from become_timed(store)
        settings = store.settings
        homes = settings.homes_of(user_id)
        names = pack((keys.config_of(homes[0]), *map(keys.due, homes)))
        args = pack((pack_head(settings, keys.namespace), user_id, 1_000_000 * seconds, *homes))
        call = Call("cancel_all_after", store.slot_of_change(homes[0]), names, args, (user_id,))
        (reply,) = yield [call]
        if reply != STALE:
            return _moment(int(reply))
        is_there = yield from (store.catch_up_or_create if seconds else store.catch_up)(homes)
        if not is_there:
            return None


def cancel_all_deadline(store: Store, user_id: str) -> Operation[datetime | None]:
    """Read when a user's armed dead man's switch will fire; None where it is not armed.

    Raises:
        TypeError, ValueError: the user id is not legal; when it is made.
    """
    validate_text(user_id, "user_id")
    return Operation("cancel_all_deadline", "read", (user_id,), _cancel_all_deadline(store, user_id))


def _cancel_all_deadline(store: Store, user_id: str) -> Steps[datetime | None]:
    def make_commands(settings: Settings) -> Commands:
        for stream in settings.homes_of(user_id):
            yield stream, ("ZSCORE", store.keys.due(stream), f"u:{user_id}")

    replies = yield from store.snapshot(make_commands)
    return _moment(max(int(score or 0) for score in replies))


def _moment(microseconds: int) -> datetime | None:
    return EPOCH + timedelta(microseconds=microseconds) if microseconds else None
