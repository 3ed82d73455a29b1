"""Changes the number of streams while other clients go on: orders move to their new streams in slices.

From the first moment new orders are placed in their new streams. In between, a user may have orders in two
streams, the old home and the new one. No call sees it: what is about a user acts on both in one script, and
what is about an order follows the directory. Each slice is one script: an order is always in one stream.

A resize may be killed at any moment and run again by anybody, run by several at once, or turned round. It has
ended when a scan under one epoch has met nothing that another epoch has changed.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.count import sizes
from cryptoorders_redis.operations.head import due_keys, pack_head
from cryptoorders_redis.operations.intake.moves import move_events
from cryptoorders_redis.operations.store import STALE, Store, check_num_streams
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.keys import KeyMeaning

SLICE = 100
"""Orders that are moved in one script: 1 to 2 ms in which the server does nothing else.

An order takes as long in a slice of 25 as in one of 500: what costs is to find it in large keys.
"""

REST_SECONDS = 1e-5
"""How long the mover waits for each order of a slice, so that other calls come first.

Without it, a client that waits for each reply makes one call between two slices.
"""

PAGE = 500
"""Keys, or order ids of a user, that a scan looks at in one round trip."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many of the live orders were looked at, about, and how many there were at the start."""


class _SettingsChangedError(Exception):
    """Somebody has changed the settings: the scan begins again."""


def resize(store: Store, num_streams: int, progress: Progress | None) -> Operation[None]:
    """Move the orders of the namespace to another number of streams.

    Raises:
        TypeError, ValueError: the number is not legal; when it is made.
        NotOnCluster: the namespace is on a Redis Cluster; when it is made.
    """
    check_num_streams(num_streams)
    if not store.is_standalone:
        raise errors.NotOnCluster(
            "the number of streams cannot be changed on a Redis Cluster, where slots move instead: choose "
            "many streams when the namespace is created"
        )
    steps = _resize(store, num_streams, progress or (lambda _done, _total: None))
    return Operation("resize", "change", (store.keys.namespace,), steps, is_long=True)


def _resize(store: Store, num_streams: int, progress: Progress) -> Steps[None]:
    keys = store.keys
    begin = Call("begin_resize", keys.slot, pack((keys.config,)), pack((num_streams,)), (keys.namespace,))
    (reply,) = yield [begin]
    if reply == b"n":
        return
    if reply != b"y":
        raise _under_way(int(reply.removeprefix(b"BUSY "))) if reply else store.no_such_namespace()
    while True:
        if not (yield from store.read_settings()):
            raise store.no_such_namespace()
        settings = store.settings
        if settings.num_streams != num_streams:  # turned round, or dropped and created again
            raise _under_way(settings.num_streams)
        if settings.moving_from is None:
            return  # another has finished it
        try:
            if not (yield from move_events(store, settings)):
                continue
            yield from _move_all(store, settings, progress)
        except _SettingsChangedError:
            continue
        (ended,) = yield [Call("finish_resize", keys.slot, pack((keys.config,)), pack((settings.epoch,)))]
        if ended != STALE:
            yield from store.read_settings()
            return


def _under_way(num_streams: int) -> errors.ResizeUnderWay:
    return errors.ResizeUnderWay(
        f"others have resized to {num_streams} streams, or are doing so: resize({num_streams}) finishes that",
        num_streams=num_streams,
    )


def _move_all(store: Store, settings: Settings, progress: Progress) -> Steps[None]:
    """Move all orders that are not in their new streams."""
    counts = yield from store.read_together(settings, sizes(store, settings))
    if counts is None:
        raise _SettingsChangedError
    done, total = 0, sum(counts[0::2])
    cursor = b"0"
    while True:
        cursor, found = yield from store.scan(cursor, PAGE)
        users = {
            key: meaning
            for key in found
            if (meaning := store.keys.meaning_of(key)) and meaning.kind == "user"
        }
        if users:
            (live,) = yield [ReadTransaction(store.keys.slot, [("SCARD", key) for key in users])]
            for (key, meaning), number in zip(users.items(), live, strict=True):
                yield from _move_user(store, settings, key, meaning)
                done += number  # the set that a user has moved to may be met too
                progress(min(done, total), total)
        for key in found:
            meaning = store.keys.meaning_of(key)
            if meaning and meaning.kind == "due" and meaning.stream is not None:
                yield from _move_switches(store, settings, key, meaning.stream)
        if cursor == b"0":
            progress(total, total)
            return


def _move_user(store: Store, settings: Settings, key: bytes, meaning: KeyMeaning) -> Steps[None]:
    """Move the orders that are in one set of a user, unless that is in the user's home."""
    home = settings.stream_of(meaning.name)
    if meaning.stream is None or meaning.stream == home:
        return
    cursor = b"0"
    while True:
        scan = ("SSCAN", key, cursor, "COUNT", PAGE)
        (((cursor, order_ids),),) = yield [ReadTransaction(store.keys.slot, [scan])]
        for first in range(0, len(order_ids), SLICE):
            some = order_ids[first : first + SLICE]
            (moved,) = yield [move_call(store, settings, (meaning.stream, home), meaning.name, some)]
            if moved == STALE:
                raise _SettingsChangedError
        if cursor == b"0":
            return


def _move_switches(store: Store, settings: Settings, key: bytes, stream: int) -> Steps[None]:
    """Move the dead man's switches that are in one stream to the homes of their users.

    A sweep finds a switch in any stream, and while orders move it cancels in all of them.
    """
    cursor = b"0"
    while True:
        scan = ("ZSCAN", key, cursor, "MATCH", "u:*", "COUNT", PAGE)
        (((cursor, found),),) = yield [ReadTransaction(store.keys.slot, [scan])]
        for member in found[0::2]:
            user_id = member.decode().removeprefix("u:")
            home = settings.stream_of(user_id)
            if home != stream:
                (moved,) = yield [move_call(store, settings, (stream, home), user_id, ())]
                if moved == STALE:
                    raise _SettingsChangedError
        if cursor == b"0":
            return


def move_call(
    store: Store, settings: Settings, streams: tuple[int, int], user_id: str, order_ids: Sequence[bytes]
) -> Call:
    """Return the call that moves orders of a user, and the user's switch, from one stream to another."""
    keys = store.keys
    declared = [
        name
        for each in streams
        for name in (*keys.columns_of(each), keys.user(each, user_id), *due_keys(keys, settings, each))
    ]
    names = pack((keys.config, keys.directory(0), *declared))
    args = pack((pack_head(settings, keys.namespace), *streams, user_id, *order_ids))
    return Call("move", keys.slot, names, args, (), REST_SECONDS * len(order_ids))
