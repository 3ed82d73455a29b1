"""How many orders are live, from the sizes of keys: no order is read."""

from functools import partial

from cryptoorders_redis.operations import Operation, Steps
from cryptoorders_redis.operations.store import Commands, Store
from cryptoorders_redis.order import OrderStatus, StatusName
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.validation import validate_text


def count(store: Store, user_id: str | None, status: StatusName | None) -> Operation[int]:
    """Count the live orders that match all given filters, at one moment.

    Raises:
        TypeError, ValueError: what is given is not legal; when it is made.
    """
    if user_id is not None:
        validate_text(user_id, "user_id")
    wanted = None if status is None else OrderStatus(status)
    if user_id is None:
        return Operation("count", "read", (), _count_of_all(store, wanted), is_long=True)
    return Operation("count", "read", (user_id,), _count_of_user(store, user_id, wanted), is_long=True)


def sizes(store: Store, settings: Settings) -> Commands:
    """Yield the commands that read, of each stream, how many orders are live and how many are paused."""
    for stream in settings.streams:
        yield stream, ("ZCARD", store.keys.placed(stream))
        yield stream, ("SCARD", store.keys.paused(stream))


def _count_of_all(store: Store, status: OrderStatus | None) -> Steps[int]:
    replies = yield from store.snapshot(partial(sizes, store))
    return _of_status(status, sum(replies[0::2]), sum(replies[1::2]))


def _count_of_user(store: Store, user_id: str, status: OrderStatus | None) -> Steps[int]:
    def commands(settings: Settings) -> Commands:
        for stream in settings.homes_of(user_id):
            theirs = store.keys.user(stream, user_id)
            yield stream, ("SCARD", theirs)
            yield stream, ("SINTER", theirs, store.keys.paused(stream))  # SINTERCARD came with Redis 7

    replies = yield from store.snapshot(commands)
    return _of_status(status, sum(replies[0::2]), sum(map(len, replies[1::2])))


def _of_status(status: OrderStatus | None, live: int, paused: int) -> int:
    if status is None:
        return live
    return paused if status is OrderStatus.PAUSED else live - paused
