"""Carrying deadlines out on Redis Cluster, where the directory's entries are released afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptoorders_redis.operations import Call, ReadTransaction, Steps
from cryptoorders_redis.operations.claims import release_dead
from cryptoorders_redis.operations.deadlines import SWEPT
from cryptoorders_redis.operations.directory import entries_of, release
from cryptoorders_redis.operations.gate import READ_TIME, clock_in
from cryptoorders_redis.operations.head import optional_keys, pack_head
from cryptoorders_redis.operations.store import STALE
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Settings

if TYPE_CHECKING:
    from cryptoorders_redis.operations.cluster import Cluster


def sweep_stream(store: Cluster, settings: Settings, stream: int) -> Steps[bool | None]:
    """Carry out some deadlines of a stream that have passed: those of orders first, then of one user.

    What is due is read before: a script must declare a user's set, and an entry that is read after the
    removal may be the claim of an order to come.
    """
    keys = store.keys
    due = keys.due(stream)
    (reply,) = yield [
        ReadTransaction(keys.slot_of(stream), [READ_TIME, ("ZRANGE", due, 0, SWEPT - 1, "WITHSCORES")])
    ]
    now, run = clock_in(reply), reply[1]
    members = [member for member, score in zip(run[0::2], run[1::2], strict=True) if int(score) <= now]
    if not members:
        return False
    order_ids = [member[2:] for member in members if member.startswith(b"o:")]
    user_id = b"" if order_ids else members[0][2:]
    gone, declared = order_ids, ()
    if user_id:
        declared = (keys.user(stream, user_id.decode()),)
        ((found,),) = yield [ReadTransaction(keys.slot_of(stream), [("SMEMBERS", declared[0])])]
        gone = list(found)
    entries = yield from entries_of(keys, gone)
    names = (
        keys.config_of(stream), *keys.columns_of(stream), due, *declared,
        *optional_keys(keys, settings, stream),
    )  # fmt: skip
    args = pack((pack_head(settings, keys.namespace), stream, user_id, *order_ids))
    (removed,) = yield [Call("cluster/sweep", keys.slot_of(stream), pack(names), args)]
    if removed == STALE:
        return None
    live = set(removed)
    mine = {each: entry for each, entry in zip(gone, entries, strict=True) if entry and each in live}
    for order_id in removed:
        store.known.forget(order_id.decode())
    yield from release(keys, mine.items())
    yield from release_dead(store, list(live - mine.keys()))
    return True
