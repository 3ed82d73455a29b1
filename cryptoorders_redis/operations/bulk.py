"""Many changes of one kind, one after the other, in batches: standalone each is one script, and atomic."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar, cast

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Operation, Steps
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.order import OrderFields, UsersOrderFields
from cryptoorders_redis.schema.records import NewRecord, encode_new
from cryptoorders_redis.validation import validate_text

BATCH = 1000
"""Changes in one script: about 5 ms in which the server does nothing else."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def place_many(store: Store, orders: Iterable[OrderFields]) -> Operation[list[bool]]:
    """Place orders one after the other. The answer says of each whether it was placed.

    Raises:
        ValueError: naming the index of the first order that is not legal.
    """
    checked = list(each_checked(orders, "orders", _with_record))

    ids = [order[0] for order in checked]
    steps = in_batches(store, checked, store.place_batch, _is_yes)
    return Operation("place_many", "change", ids, steps, is_long=True)


def place_many_of(store: Store, user_id: str, orders: Iterable[UsersOrderFields]) -> Operation[list[bool]]:
    """Place orders of one user; see `place_many`."""

    def with_user(order: UsersOrderFields) -> OrderFields:
        if not isinstance(order, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]
            return order  # refused with its index
        return (*order[:1], user_id, *order[1:])  # pyright: ignore[reportReturnType]

    return place_many(store, map(with_user, orders))


def change_many(
    store: Store, change: str, order_ids: Iterable[str], owner: str = ""
) -> Operation[list[bool]]:
    """Pause, resume or cancel orders one after the other. The answer says of each whether it was changed.

    With an owner, only that user's orders are.

    Raises:
        ValueError: naming the index of the first id that is not legal.
    """
    if isinstance(order_ids, str):
        raise TypeError("order_ids must be an iterable of str, not one str")
    checked = list(each_checked(order_ids, "order_ids", lambda each: validate_text(each, "order_id")))

    steps = in_batches(store, checked, partial(store.change_batch, change, owner), _is_yes)
    return Operation(f"{change}_many", "change", checked, steps, is_long=True)


def in_batches(
    store: Store,
    items: Sequence[Item],
    send: Callable[[Sequence[Item]], Steps[Sequence[int]]],
    decode: Callable[[int], Answer],
    explain_end: Callable[[Item], errors.CryptoOrdersError] | None = None,
) -> Steps[list[Answer]]:
    """Send batch after batch, so that the items' order is kept whatever is sent again.

    Args:
        store: the operations of the namespace.
        items: what is sent.
        send: sends a batch, and replies with a letter for each item until the first that was refused.
        decode: makes an answer of a letter.
        explain_end: returns the error for the first item that was refused.
    """
    answers: list[Answer] = []
    while len(answers) < len(items):
        batch = items[len(answers) : len(answers) + BATCH]
        try:
            reply = yield from send(batch)
        except errors.CryptoOrdersError as error:
            # A batch that is several scripts may be half done, whatever the error of one of them.
            is_in_doubt = isinstance(error, errors.OutcomeUnknown) or not store.is_standalone
            in_doubt = len(batch) if is_in_doubt else 0
            raise errors.BulkInterrupted(answers, in_doubt, len(items), error) from error
        answers += map(decode, reply)
        if explain_end and len(reply) < len(batch):
            error = explain_end(batch[len(reply)])
            in_doubt = 0 if store.is_standalone else len(batch) - len(reply)
            raise errors.BulkInterrupted(answers, in_doubt, len(items), error) from error
    return answers


def each_checked(items: Iterable[object], name: str, check: Callable[[object], Item]) -> Iterator[Item]:
    for index, item in enumerate(items):
        try:
            yield check(item)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}[{index}]: {error}") from error


def _with_record(order: object) -> NewRecord:
    if not isinstance(order, tuple):
        raise TypeError(f"must be a NewOrder or a tuple of its fields, not {type(order).__name__}")
    fields = cast("OrderFields", order)
    if len(fields) not in (5, 6, 7):
        raise ValueError(
            f"an order has 5 fields, or 6 with metadata, or 7 with expires_at, not {len(fields)}"
        )
    return encode_new(fields)


def _is_yes(letter: int) -> bool:
    return letter == ord("y")
