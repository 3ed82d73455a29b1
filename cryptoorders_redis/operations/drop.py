"""Removes a namespace in small steps, so that the server is never held up."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase
from typing import NamedTuple, TypeVar

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import number_in
from cryptoorders_redis.schema.keys import Keys

Item = TypeVar("Item")

PAGE = 500
"""Keys that are dropped in one step."""

CLOSED_SECONDS = 3600
"""For so long a stream of a Redis Cluster knows that it was dropped: longer than any call goes on."""


class _EndedError(Exception):
    """The drop has come to its end: another client was quicker."""


class _Drop(NamedTuple):
    """A drop that was begun.

    Attributes:
        name: the letters that name it.
        epoch: the epoch that it gave the namespace.
        num_streams: the number of streams.
    """

    name: bytes
    epoch: bytes
    num_streams: int


def drop(store: Store) -> Operation[None]:
    """Remove all keys of the namespace; one that is half dropped is dropped to its end.

    Raises:
        NoSuchNamespace: there is none.
        OutcomeUnknown: it may be half dropped.
    """
    return Operation("drop", "change", (store.keys.namespace,), _drop(store), is_long=True)


def _drop(store: Store) -> Steps[None]:
    keys = store.keys
    # Refused to a user who may not scan: better now than half-way.
    yield from store.scan(b"0", 1)
    name = "".join(secrets.choice(ascii_lowercase) for _ in range(16))
    begun = b""
    try:
        # A change in a session, so that a late copy does nothing: the namespace may be another by then.
        names = pack((keys.config, keys.config + ":probe"))
        (begun,) = yield [Call("begin_drop", keys.slot, names, pack((name,)), (keys.namespace,))]
        if not begun:
            raise store.no_such_namespace()
        yield from _drop_all(store, begun)
    except _EndedError:
        return
    except errors.CryptoOrdersError as error:
        if not begun and not isinstance(error, errors.OutcomeUnknown):
            raise  # nothing was done
        raise errors.OutcomeUnknown(
            f"namespace {keys.namespace!r} may be half dropped: {error}; call drop() again",
            operation="drop",
            ids=(keys.namespace,),
        ) from error


def _drop_all(store: Store, name: bytes) -> Steps[None]:
    config = yield from store.read_config()
    drop = _Drop(name, config.epoch or b"", number_in(config.num_streams))
    _check_goes_on(drop, config.dropping)
    if not store.is_standalone:
        slots = map(store.keys.slot_of, range(drop.num_streams))
        yield from _close(slots, drop)
    # No change is made any more, so that one scan finds all keys, but for those on their way to another node.
    while (yield from _drop_found(store, drop)) and not store.is_standalone:
        pass
    yield [Call("drop_keys", store.keys.slot, pack((store.keys.config,) * 2), pack((drop.name,)))]


def _close(slots: Iterable[str], drop: _Drop) -> Steps[None]:
    """Make streams refuse all changes."""
    for page in _pages(list(slots)):
        args = pack((drop.epoch, drop.num_streams, "", CLOSED_SECONDS))
        yield [
            Call("cluster/know", slot, pack((Keys.config_in(slot), *Keys.feed_in(slot))), args)
            for slot in page
        ]


def _drop_found(store: Store, drop: _Drop) -> Steps[int]:
    """Drop all keys that a scan finds; reply with how many of them were orders' or the directory's."""
    cursor, number = b"0", 0
    while True:
        cursor, found = yield from store.scan(cursor, PAGE)
        by_slot: dict[str, list[bytes]] = {}
        for key in found:
            meaning = store.keys.meaning_of(key)
            if meaning is None or meaning.kind != "config":
                by_slot.setdefault("" if store.is_standalone else store.keys.slot_in(key), []).append(key)
                number += meaning is not None and meaning.kind != "sessions"
        for slot, keys in by_slot.items():
            for page in _pages(keys):
                yield from _drop_page(store, drop, slot, page)
        if cursor == b"0":
            return number


def _drop_page(store: Store, drop: _Drop, slot: str, page: Sequence[bytes]) -> Steps[None]:
    """Drop keys of one slot; standalone of any."""
    keys = store.keys
    if store.is_standalone or slot == keys.slot:
        call = Call("drop_keys", keys.slot, pack((keys.config, *page)), pack((drop.name,)))
    elif (meaning := keys.meaning_of(page[0])) and meaning.kind == "directory":
        yield from _drop_entries(store, drop, slot, page[0])
        return
    else:
        yield from _close([slot], drop)
        call = Call("cluster/drop_keys", slot, pack((Keys.config_in(slot), *page)), pack((drop.epoch,)))
    (removed,) = yield [call]
    if removed < 0:
        raise _EndedError


def _drop_entries(store: Store, drop: _Drop, slot: str, directory: bytes) -> Steps[None]:
    """Empty a shard of the directory, which no config in its slot guards.

    Each entry goes only if it still stands there, and its token makes sure that it is of no later namespace.
    """
    cursor = b"0"
    while True:
        (((cursor, words),),) = yield [ReadTransaction(slot, [("HSCAN", directory, cursor, "COUNT", PAGE)])]
        config = yield from store.read_config()
        _check_goes_on(drop, config.dropping)
        for first in range(0, len(words), 2 * PAGE):
            page = words[first : first + 2 * PAGE]
            yield [Call("cluster/release", slot, pack((directory,)), pack(page))]
        if cursor == b"0":
            return


def _check_goes_on(drop: _Drop, dropping: bytes | None) -> None:
    if dropping != drop.name:
        raise _EndedError


def _pages(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield items in pages: a scan may find more than it was asked for."""
    return (items[first : first + PAGE] for first in range(0, len(items), PAGE))
