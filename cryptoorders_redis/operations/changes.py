"""Changing orders by their ids on Redis Cluster: look up, change in the stream, release what is gone.

An entry that was read named the stream where the order was, if it was live at all. So where it is not live
there now, there was a moment in the call at which it was live nowhere, and the answer False is true.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cryptoorders_redis.operations import Call, Steps, directory
from cryptoorders_redis.operations.claims import release_dead
from cryptoorders_redis.operations.head import optional_keys, pack_head
from cryptoorders_redis.operations.store import STALE
from cryptoorders_redis.operations.words import Argument, pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.keys import Keys

if TYPE_CHECKING:
    from cryptoorders_redis.operations.cluster import Cluster

_log = logging.getLogger("cryptoorders_redis")

_DECLARED: dict[str, tuple[str, ...]] = {
    "pause": ("placed", "paused"),
    "resume": ("placed", "paused"),
    "cancel": ("orders", "placed", "paused"),
    "amend": ("orders",),
    "reduce": ("orders", "placed", "paused"),
}
"""The keys that each script on a stream declares, besides config and the owner's set."""

_DECLARED_FOR_FEED: dict[str, tuple[str, ...]] = {
    "pause": ("orders",),
    "resume": ("orders",),
    "amend": ("placed", "paused"),
}
"""Further ones, from which it reads what the change feed says of an order."""

_MAY_REMOVE = frozenset(("cancel", "reduce"))


class _Change:
    """What is to become of one order.

    Attributes:
        order_id: the order.
        entry: what the directory says of it, or said when this client saw it last.
        is_remembered: whether it was not looked up now.
        answer: the answer so far.
    """

    __slots__ = ("answer", "entry", "is_remembered", "order_id")

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        self.entry: bytes | None = None
        self.is_remembered = False
        self.answer = b"n"


def change_orders(
    store: Cluster, script: str, owner: str, ids: Sequence[str], more: Sequence[Argument]
) -> Steps[bytes]:
    """Change orders, those of one stream in one script, all streams at one time; reply as the script does."""
    changes = [_Change(order_id) for order_id in ids]
    left: Sequence[_Change] = changes
    while left:
        settings = store.settings
        if script in _MAY_REMOVE or not owner:
            # Before the removal: an entry that is read afterwards may be the claim of an order to come.
            yield from _look_up(store, left)
        by_stream: dict[int, list[_Change]] = {}
        for change in left:
            # Of a named owner the stream is known.
            stream = settings.stream_of(owner) if owner else store.stream_in(change.entry)
            if stream is not None:
                by_stream.setdefault(stream, []).append(change)
        if not by_stream:
            break
        replies = yield [
            change_call(
                store.keys,
                settings,
                script,
                stream,
                [each.order_id for each in of_stream],
                owner=owner,
                more=more,
            )
            for stream, of_stream in by_stream.items()
        ]
        left = []
        stale: list[int] = []
        gone: list[tuple[str, bytes]] = []
        other_entries: list[str] = []
        for (stream, of_stream), reply in zip(by_stream.items(), replies, strict=True):
            if reply == STALE:
                stale.append(stream)
                left += of_stream
                continue
            for number, change in enumerate(of_stream):
                change.answer = reply if len(of_stream) == 1 else reply[number : number + 1]
            # Where nothing was done by an entry that was not looked up, the order may be live elsewhere.
            left += (each for each in of_stream if each.answer == b"n" and each.is_remembered and not owner)
            gone += _note(store, script, stream, of_stream)
            other_entries += (
                each.order_id
                for each in of_stream
                if each.is_remembered
                and _has_removed(script, each.answer)
                and store.stream_in(each.entry) != stream
            )
        if not (yield from directory.release(store.keys, gone)):
            other_entries += (order_id for order_id, _ in gone)
        yield from release_dead(store, other_entries)
        if stale and not (yield from store.catch_up(stale)):
            break
    return b"".join(change.answer for change in changes)


def change_call(
    keys: Keys,
    settings: Settings,
    script: str,
    stream: int,
    ids: Sequence[str],
    *,
    owner: str = "",
    more: Sequence[Argument] = (),
) -> Call:
    """Return the call that changes orders in a stream."""
    slot = keys.slot_of(stream)
    names = [keys.config_of(stream), *(f"{slot}:{kind}" for kind in _DECLARED[script])]
    if settings.feed:
        names += (f"{slot}:{kind}" for kind in _DECLARED_FOR_FEED.get(script, ()))
    if owner:
        names.append(keys.user(stream, owner))
    names += optional_keys(keys, settings, stream)
    args = pack((pack_head(settings, keys.namespace), stream, owner, *ids, *more))
    return Call(f"cluster/{script}", slot, pack(names), args, ids)


def _look_up(store: Cluster, changes: Sequence[_Change]) -> Steps[None]:
    """Find the entries of orders, of those that are not remembered in the directory."""
    unknown: list[_Change] = []
    for change in changes:
        change.entry = store.known.get(change.order_id)
        change.is_remembered = change.entry is not None
        if not change.is_remembered:
            unknown.append(change)
    if unknown:
        entries = yield from directory.entries_of(store.keys, [change.order_id for change in unknown])
        for change, entry in zip(unknown, entries, strict=True):
            change.entry = entry
        yield from store.learn_streams(entries)


def _note(store: Cluster, script: str, stream: int, changes: Sequence[_Change]) -> list[tuple[str, bytes]]:
    """Remember the entries of live orders; return the ids and entries of those that are gone."""
    gone: list[tuple[str, bytes]] = []
    for change in changes:
        if change.answer == b"n" or _has_removed(script, change.answer):
            store.known.forget(change.order_id)
        if change.answer != b"n" and change.entry and store.stream_in(change.entry) == stream:
            if _has_removed(script, change.answer):
                gone.append((change.order_id, change.entry))
            else:
                store.known.note(change.order_id, change.entry)
    return gone


def _has_removed(script: str, answer: bytes) -> bool:
    """Return whether a change has ended its order: a cancel, or the reduction that left nothing."""
    return answer == b"y" if script == "cancel" else script == "reduce" and not answer.strip(b"0.")
