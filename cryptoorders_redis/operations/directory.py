"""The directory on Redis Cluster: what each id's entry says, in 256 shards, each in a slot of its own."""

import logging
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, ReadTransaction, Step, Steps
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import shard_of_order

OrderId: TypeAlias = str | bytes
"""An order id, as text or as the server gives it."""

_log = logging.getLogger("cryptoorders_redis")

PAGE = 1000
"""Entries of one shard that are released in one script."""

MAX_KNOWN = 50_000
"""Entries that one client remembers: about 10 MB."""


class KnownEntries:
    """Entries that a client has written or seen, so that it need not look them up.

    They may be outdated. What a stream then does to an order is right all the same, for an id is live in one
    stream only. That it does nothing says nothing: the caller must look the entry up and try again.
    """

    def __init__(self) -> None:
        self._entries: dict[str, bytes] = {}

    def get(self, order_id: str) -> bytes | None:
        """Return what is remembered of an order."""
        return self._entries.get(order_id)

    def note(self, order_id: str, entry: bytes) -> None:
        """Remember an entry. When there are too many, all are forgotten."""
        if len(self._entries) >= MAX_KNOWN:
            self._entries = {}
        self._entries[order_id] = entry

    def forget(self, order_id: str) -> None:
        """Forget the entry of an order, which is gone or outdated."""
        self._entries.pop(order_id, None)


def entries_of(
    keys: Keys, order_ids: Sequence[OrderId] | Sequence[str] | Sequence[bytes]
) -> Steps[list[bytes | None]]:
    """Reply with the entry of each order; None for one that has none."""
    by_shard: dict[int, list[int]] = {}
    for index, order_id in enumerate(order_ids):
        by_shard.setdefault(shard_of_order(order_id, keys.directory_shards), []).append(index)
    steps: list[Step] = []
    for shard, indexes in by_shard.items():
        command = ("HMGET", keys.directory(shard), *(order_ids[index] for index in indexes))
        steps.append(ReadTransaction(keys.slot_of_shard(shard), [command]))
    entries: list[bytes | None] = [None] * len(order_ids)
    if steps:
        for indexes, (found,) in zip(by_shard.values(), (yield steps), strict=True):
            for index, entry in zip(indexes, found, strict=True):
                entries[index] = entry
    return entries


def claim(
    keys: Keys, claims: Iterable[tuple[OrderId, bytes, bytes]]
) -> Steps[dict[OrderId, tuple[int, bytes | None]]]:
    """Claim ids, those of one shard in one script, all shards at one time.

    Args:
        keys: the names of the keys.
        claims: of each its order id, its entry, and the entry that it may take over, or b"".

    Returns:
        Of each order id when it was claimed, in microseconds since 1970, and the entry in its way, or None.
    """
    by_shard: dict[int, list[tuple[OrderId, bytes, bytes]]] = {}
    for each in claims:
        by_shard.setdefault(shard_of_order(each[0], keys.directory_shards), []).append(each)
    replies = yield [
        Call(
            "cluster/claim",
            keys.slot_of_shard(shard),
            pack((keys.directory(shard),)),
            pack(word for each in of_shard for word in each),
        )
        for shard, of_shard in by_shard.items()
    ]
    return {
        order_id: (int(moment), entry)
        for of_shard, (moment, *found) in zip(by_shard.values(), replies, strict=True)
        for (order_id, _, _), entry in zip(of_shard, found, strict=True)
    }


def release(keys: Keys, entries: Iterable[tuple[OrderId, bytes]]) -> Steps[bool]:
    """Remove entries of orders that are gone, each only if it still stands there.

    An error is not raised: what the caller did is done. An entry that stays costs the next placer of the id
    some milliseconds.

    Returns:
        False where an entry did not stand there any more.
    """
    by_shard: dict[int, list[tuple[OrderId, bytes]]] = {}
    for entry in entries:
        by_shard.setdefault(shard_of_order(entry[0], keys.directory_shards), []).append(entry)
    steps = [
        Call(
            "cluster/release",
            keys.slot_of_shard(shard),
            pack((keys.directory(shard),)),
            pack(word for entry in of_shard[first : first + PAGE] for word in entry),
        )
        for shard, of_shard in by_shard.items()
        for first in range(0, len(of_shard), PAGE)
    ]
    if steps:
        try:
            replies = yield steps
        except errors.CryptoOrdersError as error:
            _log.debug("entries of orders that are gone stay in the directory: %s", error)
        else:
            return sum(replies) == sum(map(len, by_shard.values()))
    return True
