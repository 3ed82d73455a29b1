"""Many changes of one kind, in turn, a batch a round trip. A batch is one script and atomic."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, cast

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation
from cryptoorders_redis.operations.standalone import STALE, Standalone
from cryptoorders_redis.order import OrderFields, UsersOrderFields
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.schema.records import encode_record
from cryptoorders_redis.transport.resp import Argument
from cryptoorders_redis.validation import validate_text

BATCH = 1000
"""Changes in one script: about 5 ms in which the server does nothing else."""

Item = TypeVar("Item")


def place_many(node: Standalone, orders: Iterable[OrderFields]) -> Operation[list[bool]]:
    """Reply for each order whether it was placed, in turn.

    Raises:
        ValueError: naming the index of the first order that is not legal.
    """
    checked = list(_each_checked(orders, "orders", _with_record))

    def call(batch: Sequence[tuple[OrderFields, bytes]]) -> Call:
        num_streams = node.num_streams
        args: list[Argument] = [node.keys.namespace, num_streams]
        for (order_id, user_id, *_), record in batch:
            args += (stream_of_user(user_id, num_streams), order_id, user_id, record)
        keys = (node.keys.config, node.keys.sequence, node.keys.directory(0))
        return Call("place_many", keys, args, changes=tuple(order[0] for order, _ in batch))

    return _in_batches(node, checked, call)


def place_many_of(
    node: Standalone, user_id: str, orders: Iterable[UsersOrderFields]
) -> Operation[list[bool]]:
    """Reply for each of a user's orders whether it was placed, in turn; see `place_many`."""

    def with_user(order: UsersOrderFields) -> OrderFields:
        if not isinstance(order, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]
            return order  # refused with its index
        return (*order[:1], user_id, *order[1:])  # pyright: ignore[reportReturnType]

    return place_many(node, map(with_user, orders))


def change_many(
    node: Standalone, change: str, order_ids: Iterable[str], owner: str = ""
) -> Operation[list[bool]]:
    """Reply for each id whether it was changed, in turn: `change` is pause, resume or cancel.

    With an owner, only that user's own orders can be.

    Raises:
        ValueError: naming the index of the first id that is not legal.
    """
    if isinstance(order_ids, str):
        raise TypeError("order_ids must be an iterable of str, not one str")
    checked = list(_each_checked(order_ids, "order_ids", lambda each: validate_text(each, "order_id")))

    def call(batch: Sequence[str]) -> Call:
        keys = (node.keys.directory(0),)
        return Call(f"{change}_many", keys, (node.keys.namespace, owner, *batch), changes=tuple(batch))

    return _in_batches(node, checked, call)


def _in_batches(
    node: Standalone, items: Sequence[Item], call: Callable[[Sequence[Item]], Call]
) -> Operation[list[bool]]:
    """Make a call a batch, one after the other, so that the items' order is kept whatever is sent again."""
    answers: list[bool] = []
    while len(answers) < len(items):
        batch = items[len(answers) : len(answers) + BATCH]
        try:
            (reply,) = yield [call(batch)]
            if reply == STALE:
                yield from node.create_again(node.num_streams)
                continue
        except errors.CryptoOrdersError as error:
            in_doubt = len(batch) if isinstance(error, errors.OutcomeUnknown) else 0
            raise errors.BulkInterrupted(answers, in_doubt, len(items), error) from error
        answers += [answer == ord("y") for answer in reply]
    return answers


def _each_checked(items: Iterable[object], name: str, check: Callable[[object], Item]) -> Iterator[Item]:
    for index, item in enumerate(items):
        try:
            yield check(item)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}[{index}]: {error}") from error


def _with_record(order: object) -> tuple[OrderFields, bytes]:
    if not isinstance(order, tuple):
        raise TypeError(f"must be a NewOrder or a tuple of its fields, not {type(order).__name__}")
    fields = cast("OrderFields", order)
    if len(fields) != 5:
        raise ValueError(f"an order has 5 fields, not {len(fields)}")
    return fields, encode_record(fields)
