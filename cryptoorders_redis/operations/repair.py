"""Makes the directory agree with the streams again, in small steps, while other clients make changes.

On Redis Cluster they are in different slots, and a master that dies can lose its last writes. So there can be
an entry without its order, an order without its entry, or an order that is live in two streams. What `verify`
finds is mended by the steps of a placer: an entry is fenced before it goes.
"""

from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps, directory
from cryptoorders_redis.operations.changes import change_call
from cryptoorders_redis.operations.claims import is_dead, look_step
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.operations.verify import Inconsistency, find_all
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import number_in
from cryptoorders_redis.schema.entries import Entry, decode_entry, new_entry

_ADDED = "its id did not find it, and does again"
_REMOVED = "its entry in the directory had no order, and was removed"

_DONE = {b"added": _ADDED, b"removed": _REMOVED}
"""What lua/mend_entry.lua replies."""


def repair(store: Store) -> Operation[list[Inconsistency]]:
    """Mend the directory, and on Redis Cluster the config; reply with what was mended, and how."""
    return Operation("repair", "change", (store.keys.namespace,), _repair(store), is_long=True)


def _repair(store: Store) -> Steps[list[Inconsistency]]:
    mended: list[Inconsistency] = []
    if isinstance(store, Cluster):
        mended += yield from _restore_epoch(store)
    # An entry of a stream that this client does not know yet would look like none.
    if not (yield from store.read_settings()):
        return mended
    found = yield from find_all(store)
    suspects = dict.fromkeys((each.subject, each.stream) for each in found)
    for order_id, stream in suspects:
        if stream is None:
            continue
        if isinstance(store, Cluster):
            how = yield from _mend(store, order_id, stream)
        else:
            how = yield from _mend_standalone(store, order_id, stream)
        if how:
            mended.append(Inconsistency(order_id, stream, how))
    return mended


def _mend_standalone(store: Store, order_id: str, stream: int) -> Steps[str]:
    keys = store.keys
    names = pack((keys.directory(0), keys.orders(stream)))
    (reply,) = yield [Call("mend_entry", keys.slot, names, pack((stream, order_id)))]
    return _DONE.get(reply, "")


def _restore_epoch(store: Cluster) -> Steps[list[Inconsistency]]:
    """Take the epoch from the streams, where the config has lost it and they know a later one."""
    keys = store.keys
    config = yield from store.read_config()
    if not config.is_there:
        return []
    replies = yield [
        ReadTransaction(keys.slot_of(stream), [("HGET", keys.config_of(stream), "epoch")])
        for stream in range(number_in(config.num_streams))
    ]
    latest = max(number_in(epoch) for (epoch,) in replies)
    if latest > number_in(config.epoch):
        # One more: who knows the lost settings must not be taken for one who knows these.
        call = Call("cluster/restore_epoch", keys.slot, pack((keys.config,)), pack((latest + 1,)))
        (is_restored,) = yield [call]
        if is_restored and (yield from store.read_settings()):
            yield from store.tell(store.settings, range(store.num_streams))
            return [
                Inconsistency(
                    "config", None, f"the epoch {latest} is restored, which its streams know, and one more"
                )
            ]
    return []


def _mend(store: Cluster, order_id: str, stream: int) -> Steps[str]:
    """Make the directory agree with a stream about one order; reply with what was done, empty for nothing."""
    keys = store.keys
    (data,) = yield from directory.entries_of(keys, [order_id])
    entry = decode_entry(data) if data else None
    names_stream = entry is not None and entry.stream == stream
    is_there = yield from _is_live(store, order_id, Entry(stream, ""))
    if is_there == names_stream:
        return ""
    if not is_there:
        if data is None or entry is None or (yield from _is_live(store, order_id, entry)):
            return ""
        yield from directory.release(keys, [(order_id, data)])
        return _REMOVED
    if entry and entry.stream < store.num_streams and (yield from _is_live(store, order_id, entry)):
        (reply,) = yield [change_call(keys, store.settings, "cancel", stream, [order_id])]
        if reply != b"y":
            return ""
        return f"it was live twice: this one was cancelled, and the one in stream {entry.stream} stays"
    yield from directory.claim(keys, [(order_id, new_entry(stream).encode(), data or b"")])
    return _ADDED


def _is_live(store: Cluster, order_id: str, entry: Entry) -> Steps[bool]:
    """Reply with whether an order is live where an entry says. Else the claim of the entry is fenced."""
    (reply,) = yield [look_step(store.keys, order_id, entry)]
    return not is_dead(reply)
