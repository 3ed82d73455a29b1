"""The steps by which all live orders of a namespace are copied into one that is not there yet.

The target's config says that it is being copied into, from before the first order until all were compared.
So nobody can use a half-made copy, but to drop it. The source is only read. Whether somebody changed it
meanwhile is seen in two ways: its orders are read a second time, and each change leaves a trace in the
sessions of its client.
"""

import secrets
from collections.abc import Sequence
from hashlib import blake2b
from string import ascii_lowercase
from typing import NamedTuple

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps, directory
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.configure import config_call
from cryptoorders_redis.operations.drop import drop
from cryptoorders_redis.operations.head import due_keys, timed_streams
from cryptoorders_redis.operations.store import STALE, Commands, Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Config, Settings
from cryptoorders_redis.schema.copies import CopiedOrder, cannot_be_copied, decode_copies
from cryptoorders_redis.schema.entries import Entry, decode_entry

PAGE = 1000
"""Orders of one stream that are copied in one step."""

SCAN_PAGE = 5000
"""Keys that are looked at in one step of a scan."""


class CopyFailed(errors.CryptoOrdersError):
    """The copy is not what the source holds now."""


class StreamCounts(NamedTuple):
    """How many orders are in each key of a stream."""

    orders: int
    placed: int
    paused: int


class Survey(NamedTuple):
    """What a namespace holds, without its orders.

    Attributes:
        settings: its settings.
        counts: by stream.
        last_numbers: the last sequence number that was assigned, by stream.
        sessions: by name of a client's sessions a digest of what they hold.
    """

    settings: Settings
    counts: list[StreamCounts]
    last_numbers: list[int]
    sessions: dict[bytes, bytes]


def begin(store: Store, source: Settings) -> Operation[None]:
    """Create the namespace for a copy alone, with the source's settings. A half-made copy is dropped first.

    Raises:
        ConfigurationMismatch: there is such a namespace, or the server is of another kind.
    """
    return Operation("copy", "change", (store.keys.namespace,), _begin(store, source), is_long=True)


def _begin(store: Store, source: Settings) -> Steps[None]:
    config = yield from store.read_config()
    store.check_server(config)
    if config.is_copying:
        yield from drop(store).steps()
        config = yield from store.read_config()
    if config.is_there:
        raise _is_there_already(store, config)
    yield from _check_no_key(store)
    copying = "".join(secrets.choice(ascii_lowercase) for _ in range(16))
    yield [store.create_call(source.num_streams, source.placement, copying)]
    config = yield from store.read_config()
    if config.copying != copying.encode() or config.is_dropping:
        raise _is_there_already(store, config)
    epoch = (config.epoch or b"").decode()
    store.settings = Settings(epoch, source.num_streams, source.placement)
    if source.timed:
        yield from _make_timed(store)


def make_timed(store: Store) -> Operation[None]:
    """Say that the copy has deadlines, before the first of them is written."""
    return Operation("copy", "change", (store.keys.namespace,), _make_timed(store))


def _make_timed(store: Store) -> Steps[None]:
    yield [config_call(store, {"timed": "1"})]
    config = yield from store.read_config()
    epoch = (config.epoch or b"").decode()
    store.settings = store.settings._replace(epoch=epoch, timed=True)


def _is_there_already(store: Store, config: Config) -> errors.ConfigurationMismatch:
    namespace = store.keys.namespace
    if config.is_dropping:
        found = f"namespace {namespace!r} is being dropped in the target: drop it to its end"
    elif config.is_copying:
        found = f"another copy or import into namespace {namespace!r} has begun"
    else:
        found = f"the target has a namespace {namespace!r} already: choose another, or drop it"
    return errors.ConfigurationMismatch(f"{found}; nothing was written")


def _check_no_key(store: Store) -> Steps[None]:
    """Refuse keys of orders without a config. Those of a dropped namespace's sessions end by themselves."""
    cursor = b"0"
    while True:
        cursor, keys = yield from store.scan(cursor, SCAN_PAGE)
        for key in keys:
            meaning = store.keys.meaning_of(key)
            if meaning is None or meaning.kind not in ("config", "fence", "sessions"):
                raise errors.ConfigurationMismatch(
                    f"the target has a key {key.decode(errors='backslashreplace')!r}, though no namespace "
                    f"{store.keys.namespace!r}: choose another; nothing was written"
                )
        if cursor == b"0":
            return


def survey(store: Store) -> Operation[Survey]:
    """Read what the namespace holds, without its orders."""
    return Operation("copy", "read", (), _survey(store), is_long=True)


def _survey(store: Store) -> Steps[Survey]:
    def make_commands(settings: Settings) -> Commands:
        yield from _count_commands(store, settings)
        yield from store.last_numbers(settings)
        for stream in settings.streams:
            yield stream, ("ZCARD", store.keys.waiting(stream))

    sessions = yield from _read_sessions(store)
    replies = yield from store.snapshot(make_commands)
    settings = store.settings
    if settings.moving_from is not None:
        raise CopyFailed(
            f"the source's orders are being moved to {settings.num_streams} streams: finish that resize first"
        )
    end, waiting_from = 3 * settings.num_streams, len(replies) - settings.num_streams
    if waiting := sum(replies[waiting_from:]):
        raise CopyFailed(
            f"{waiting} events wait in the source, and events are not copied: let workers apply them first"
        )
    numbers = [int(number or 0) for number in replies[end:waiting_from]]
    if len(numbers) == 1:
        numbers *= settings.num_streams  # one server numbers the orders of all streams
    return Survey(settings, _counts_in(replies[:end]), numbers, sessions)


def _count_commands(store: Store, settings: Settings) -> Commands:
    for stream in settings.streams:
        yield stream, ("HLEN", store.keys.orders(stream))
        yield stream, ("ZCARD", store.keys.placed(stream))
        yield stream, ("SCARD", store.keys.paused(stream))


def _counts_in(replies: Sequence[int]) -> list[StreamCounts]:
    return [StreamCounts(*replies[first : first + 3]) for first in range(0, len(replies), 3)]


def _read_sessions(store: Store) -> Steps[dict[bytes, bytes]]:
    sessions: dict[bytes, bytes] = {}
    cursor = b"0"
    while True:
        cursor, found = yield from store.scan(cursor, SCAN_PAGE)
        for key in found:
            meaning = store.keys.meaning_of(key)
            if meaning is None or meaning.kind != "sessions":
                continue
            ((words,),) = yield [ReadTransaction(store.keys.slot_in(key), [("HGETALL", key)])]
            fields = sorted(zip(words[::2], words[1::2], strict=True))
            sessions[key] = blake2b(repr(fields).encode(), digest_size=16).digest()
        if cursor == b"0":
            return sessions


def read_orders(store: Store, stream: int, above: int) -> Operation[list[CopiedOrder]]:
    """Read the next orders of a stream; fewer than PAGE are the last.

    Args:
        store: the source.
        stream: the stream.
        above: the sequence number behind which to begin.

    Raises:
        CopyFailed: the source has other settings by now.
        InconsistentData: an order cannot be copied.
    """
    return Operation("copy", "read", (), _read_orders(store, stream, above), is_long=True)


def _read_orders(store: Store, stream: int, above: int) -> Steps[list[CopiedOrder]]:
    keys, settings, epoch = store.keys, store.settings, store.settings.epoch
    of_stream = (keys.orders(stream), keys.placed(stream), keys.paused(stream))
    if store.is_standalone:
        names = pack((keys.config, *of_stream))
        head = (epoch, timed_streams(settings, of_all=True), keys.namespace)
        call = Call("page", keys.slot, names, pack((*head, above, "+inf", PAGE)))
    else:
        due = due_keys(keys, settings, stream)
        names = pack((keys.config_of(stream), keys.sequence_of(stream), *of_stream, *due))
        head = (epoch, timed_streams(settings), keys.namespace, stream)
        call = Call("cluster/page", keys.slot_of(stream), names, pack((*head, above, "+inf", PAGE, 0)))
    (reply,) = yield [call]
    if reply == STALE:
        raise CopyFailed("the settings of the source were changed during the copy")
    orders = [order for columns in reply[2:] for order in decode_copies(*columns)]
    for order in orders:
        if store.settings.stream_of(order.user_id) != stream:
            raise cannot_be_copied(order.order_id, f"it is in stream {stream}, and not in that of its user")
    return orders


def write_orders(
    store: Store, stream: int, last_number: int, orders: Sequence[CopiedOrder]
) -> Operation[None]:
    """Write orders of one stream. What is placed later in it comes behind `last_number`.

    Standalone this is atomic. On Redis Cluster the directory comes after the orders: an entry without an
    order could be taken over by a client that still knows an earlier namespace of this name.

    Raises:
        CopyFailed: the namespace is not this copy's any more.
    """
    ids = (store.keys.namespace,)
    return Operation("copy", "change", ids, _write_orders(store, stream, last_number, orders), is_long=True)


def _write_orders(store: Store, stream: int, last_number: int, orders: Sequence[CopiedOrder]) -> Steps[None]:
    keys, settings = store.keys, store.settings
    words = (
        word
        for order in orders
        for word in (
            order.order_id,
            order.user_id,
            order.record,
            order.sequence,
            int(order.is_paused),
            "" if order.deadline is None else order.deadline,
        )
    )
    args = pack((settings.epoch, keys.namespace, stream, last_number, *words))
    if isinstance(store, Cluster):
        (told,) = yield from store.tell(settings, [stream])
        _check_is_ours(store, told == settings.epoch.encode())
        users = dict.fromkeys(keys.user(stream, order.user_id) for order in orders)
        names = (
            keys.config_of(stream), keys.sequence_of(stream), keys.orders(stream), keys.placed(stream),
            keys.paused(stream), *users, *due_keys(keys, settings, stream),
        )  # fmt: skip
        call = Call("cluster/copy_orders", keys.slot_of(stream), pack(names), args, (keys.namespace,))
    else:
        names = (keys.config, keys.sequence_of(stream), keys.directory(0))
        call = Call("copy_orders", keys.slot, pack(names), args, (keys.namespace,))
    (reply,) = yield [call]
    _check_is_ours(store, reply != STALE)
    if isinstance(store, Cluster) and orders:
        yield from _write_entries(store, stream, [order.order_id for order in orders])


def _write_entries(store: Cluster, stream: int, order_ids: Sequence[str]) -> Steps[None]:
    """Write the directory's entries, without tokens: nobody claimed these ids in this namespace."""
    entry = Entry(stream, "").encode()
    claims = [(order_id, entry, b"") for order_id in order_ids]
    while claims:
        found = yield from directory.claim(store.keys, claims)
        # In the way is only the claim of a client that knows an earlier namespace, and is answered STALE.
        claims = [(order_id, entry, other) for order_id, (_, other) in found.items() if other is not None]


def _check_is_ours(store: Store, is_ours: bool) -> None:
    if not is_ours:
        raise CopyFailed(
            f"namespace {store.keys.namespace!r} was dropped, or another copy or import into it was begun"
        )


def find_written(store: Store, order_ids: Sequence[str]) -> Operation[list[str]]:
    """Return those of some ids that were written already."""
    return Operation("copy", "read", (), _find_written(store, order_ids), is_long=True)


def _find_written(store: Store, order_ids: Sequence[str]) -> Steps[list[str]]:
    entries = yield from directory.entries_of(store.keys, order_ids)
    written: list[str] = []
    for order_id, data in zip(order_ids, entries, strict=True):
        entry = decode_entry(data or b"")
        if entry and not entry.token:  # else the claim of a client that knows an earlier namespace
            written.append(order_id)
    return written


def compare_orders(store: Store, stream: int, orders: Sequence[CopiedOrder]) -> Operation[None]:
    """Check that the target holds orders exactly as the source does, in all its keys.

    Raises:
        CopyFailed: one is different.
    """
    return Operation("copy", "read", (), _compare_orders(store, stream, orders), is_long=True)


def _compare_orders(store: Store, stream: int, orders: Sequence[CopiedOrder]) -> Steps[None]:
    if not orders:
        return
    facts = yield from store.inspect(stream, "", [order.order_id.encode() for order in orders])
    for order, copied in zip(orders, facts, strict=True):
        entry = decode_entry(copied.entry) if copied.entry is not None else None
        is_equal = (
            copied.record == order.record
            and int(copied.sequence or 0) == order.sequence
            and bool(copied.paused) == order.is_paused
            and copied.in_users_set
            and (None if copied.deadline is None else int(copied.deadline)) == order.deadline
            and entry is not None
            and entry.stream == stream
        )
        if not is_equal:
            raise CopyFailed(f"order {order.order_id!r} was changed during the copy")


def compare_counts(store: Store, counts: Sequence[StreamCounts]) -> Operation[None]:
    """Check that the target holds so many orders.

    Raises:
        CopyFailed: it does not, or the namespace is not this copy's any more.
    """
    return Operation("copy", "read", (), _compare_counts(store, counts), is_long=True)


def _compare_counts(store: Store, counts: Sequence[StreamCounts]) -> Steps[None]:
    settings = store.settings
    replies = yield from store.read_together(settings, _count_commands(store, settings))
    _check_is_ours(store, replies is not None)
    if replies and _counts_in(replies) != counts:
        raise CopyFailed("the target has other orders than were written: its keys were changed by hand")


def finish(store: Store) -> Operation[None]:
    """Open the namespace to all.

    Raises:
        CopyFailed: the namespace is not this copy's any more.
    """
    return Operation("copy", "change", (store.keys.namespace,), _finish(store))


def _finish(store: Store) -> Steps[None]:
    keys = store.keys
    args = pack((store.settings.epoch,))
    (reply,) = yield [Call("finish_copy", keys.slot, pack((keys.config,)), args, (keys.namespace,))]
    _check_is_ours(store, reply != STALE)
