"""Makes the directory on Redis Cluster agree with the streams, by the steps of a placer.

Directory and stream are in different slots. So an entry is fenced before it goes: its claim may be on its
way to become an order.
"""

from cryptoorders_redis.operations import Call, ReadTransaction, Steps, directory
from cryptoorders_redis.operations.changes import change_call
from cryptoorders_redis.operations.claims import is_dead, look_step
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.findings import Inconsistency, Mended, Suspect, text_of
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.entries import Entry, decode_entry, new_entry

ADDED = "its id did not find it, and does again"
REMOVED = "its entry in the directory had no order, and was removed"
LEFT_TWICE = "it was live twice: this one was cancelled, and the one in stream {} stays"


def mend_entry(store: Cluster, order_id: str | bytes, stream: int, *, is_dry: bool = False) -> Steps[str]:
    """Make the directory agree with a stream about one order; reply with what was done, empty for nothing."""
    (data,) = yield from directory.entries_of(store.keys, [order_id])
    entry = decode_entry(data) if data else None
    names_stream = entry is not None and entry.stream == stream
    is_there = yield from _is_live(store, order_id, Entry(stream, ""))
    if is_there == names_stream:
        return ""
    if is_there:
        return (yield from _route(store, order_id, stream, data, is_dry=is_dry))
    if data is None or entry is None:
        return ""
    if not is_dry:
        if (yield from _is_live(store, order_id, entry)):
            return ""
        yield from directory.release(store.keys, [(order_id, data)])
    return REMOVED


def _route(
    store: Cluster, order_id: str | bytes, stream: int, data: bytes | None, *, is_dry: bool
) -> Steps[str]:
    """Let the directory name the stream where an order is; or cancel it, where its id finds another."""
    entry = decode_entry(data) if data else None
    looked_at = Entry(entry.stream, "") if entry and is_dry else entry  # without a token it is not fenced
    if (
        looked_at
        and looked_at.stream < store.num_streams
        and (yield from _is_live(store, order_id, looked_at))
    ):
        if not is_dry:
            name = order_id if isinstance(order_id, str) else text_of(order_id)
            (reply,) = yield [change_call(store.keys, store.settings, "cancel", stream, [name])]
            if reply != b"y":
                return ""
        return LEFT_TWICE.format(looked_at.stream)
    if not is_dry:
        yield from directory.claim(store.keys, [(order_id, new_entry(stream).encode(), data or b"")])
    return ADDED


def _is_live(store: Cluster, order_id: str | bytes, entry: Entry) -> Steps[bool]:
    """Reply with whether an order is live where an entry says. Else the claim of the entry is fenced."""
    (reply,) = yield [look_step(store.keys, order_id, entry)]
    return not is_dead(reply)


def mend_misplaced(store: Cluster, suspect: Suspect, *, is_dry: bool) -> Mended:
    """Remove an entry from a shard of the directory that is not its own, where no call looks for it."""
    key, order_id = suspect.more, suspect.data
    slot = store.keys.slot_in(key.encode())
    ((data,),) = yield [ReadTransaction(slot, [("HGET", key, order_id)])]
    if data is not None and not is_dry:
        (removed,) = yield [Call("cluster/release", slot, pack((key,)), pack((order_id, data)))]
        data = data if removed else None
    how = f"its entry in {key} was removed, where no call looks for it"
    return [] if data is None else [Inconsistency(text_of(order_id), None, how)]
