"""Makes the directory and the deadlines agree with the orders again, while other clients make changes.

On Redis Cluster they are in different slots, and a master that dies can lose its last writes. So there can be
an entry without its order, an order without its entry, or an order that is live in two streams. What `verify`
finds is mended by the steps of a placer: an entry is fenced before it goes.
"""

from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps, directory
from cryptoorders_redis.operations.changes import change_call
from cryptoorders_redis.operations.claims import is_dead, look_step
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.deadlines import become_timed
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.operations.verify import Inconsistency, find_all
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import number_in
from cryptoorders_redis.schema.entries import Entry, decode_entry, new_entry
from cryptoorders_redis.schema.records import deadline_in

_ADDED = "its id did not find it, and does again"
_REMOVED = "its entry in the directory had no order, and was removed"

_DEADLINE_SET = "its deadline in due was another than its record says, and is the same now"

_DONE = {b"added": _ADDED, b"removed": _REMOVED}
"""What lua/mend_entry.lua replies."""


def repair(store: Store) -> Operation[list[Inconsistency]]:
    """Mend the directory, deadlines, and on Redis Cluster the config; reply with what was mended, and how."""
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
        if (yield from _mend_deadline(store, order_id, stream)):
            mended.append(Inconsistency(order_id, stream, _DEADLINE_SET))
    if not store.settings.timed and any(each.subject == "timed" for each in found):
        yield from become_timed(store)
        mended.append(Inconsistency("timed", None, "the config says again that there are deadlines"))
    return mended


def _mend_deadline(store: Store, order_id: str, stream: int) -> Steps[bool]:
    """Make the stream's deadlines agree with an order's record; reply with whether they did not."""
    keys = store.keys
    (facts,) = yield from store.inspect(stream, "", [order_id.encode()])
    try:
        deadline = None if facts.record is None else deadline_in(facts.record)
    except ValueError:
        return False  # verify() says that the record cannot be read
    if deadline == (facts.deadline and int(facts.deadline)):
        return False
    names = pack((keys.orders(stream), keys.due(stream)))
    args = pack((order_id, facts.record or "", "" if deadline is None else deadline))
    (reply,) = yield [Call("mend_deadline", keys.slot_of(stream), names, args)]
    return reply == 1


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
        call = Call("cluster/restore_epoch", keys.slot, pack((keys.config,)), pack((latest,)))
        (is_restored,) = yield [call]
        if is_restored and (yield from store.read_settings()):
            yield from store.tell(store.settings, range(store.num_streams))
            return [
                Inconsistency(
                    "config", None, f"its streams know the epoch {latest}: it has a later one again"
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
