"""Makes all keys agree about one order. Its record is the truth; without one, nothing else of it stays.

`verify` says in which streams something is wrong with an id. What all their keys say of it is read, and
decides in which stream the order is to be, if in any. Then one script a stream mends it there, unless the
record was changed meanwhile.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cryptoorders_redis.operations import Call, Steps, directory
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.findings import (
    Inconsistency,
    Mended,
    Mender,
    SettingsChangedError,
    Suspect,
    text_of,
)
from cryptoorders_redis.operations.found import OrderFacts
from cryptoorders_redis.operations.head import pack_head
from cryptoorders_redis.operations.mends.entries import ADDED, LEFT_TWICE, REMOVED, mend_entry
from cryptoorders_redis.operations.resize import move_call
from cryptoorders_redis.operations.store import STALE
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.entries import decode_entry, new_entry, stream_in_entry
from cryptoorders_redis.schema.numbers import whole_number
from cryptoorders_redis.schema.records import check_record, deadline_of

_log = logging.getLogger("cryptoorders_redis")

_KEPT = {
    b"placed": "it had no sequence number, and is listed again",
    b"user": "it was not in the set of its user, and is again",
    b"sets": "it was in the set of another user, and is not any more",
    b"due": "its deadline in due was another than its record says, and is the same now",
    b"entry": ADDED,
}
"""What is said of an order that stays, by the words of lua/mend_order.lua."""

_LEFT_OVER = "there was no such order: what was left of it in {} was removed"
_UNREADABLE = "its record could not be read, and is in {} now; the rest was removed: {!r}"


@dataclass(frozen=True, slots=True)
class _Order:
    """What is known of an order, and what is to become of it.

    Attributes:
        order_id: the order.
        facts: what the keys of each stream say, of those in which something is wrong or may be.
        users: of each stream the users in whose sets it was found.
        records: the fields of its record, in each stream that has one that can be read.
        entry: what the directory says.
        keeps: the stream whose record it is; None where there is no order.
    """

    order_id: bytes
    facts: Mapping[int, OrderFacts]
    users: Mapping[int, Collection[str]]
    records: Mapping[int, Mapping[str, Any]]
    entry: bytes | None
    keeps: int | None

    @property
    def user_id(self) -> str:
        """Its user; empty where that is not known."""
        return "" if self.keeps is None else self.records[self.keeps]["user_id"]

    def number_elsewhere(self) -> tuple[str, str]:
        """Return the sequence number and the status that a stream without its record says, if one does."""
        for facts in self.facts.values():
            if facts.record is None and whole_number(facts.sequence) is not None:
                return text_of(facts.sequence or b""), str(facts.paused)
        return "", ""


def mend_order(mender: Mender, order_id: bytes, suspects: Sequence[Suspect]) -> Mended:
    """Mend what is wrong with one order; reply with what was mended, and how."""
    order = yield from _look_at(mender, order_id, suspects)
    mended: list[Inconsistency] = []
    keeps = order.keeps
    if keeps is not None:
        mended += yield from _keep(mender, order)
    ended: list[Inconsistency] = []
    for stream, facts in order.facts.items():
        if stream not in order.records:
            ended += yield from _clear(mender, order, stream, facts)
        elif stream != keeps:
            ended += yield from _end_double(mender, order, stream)
    mended += ended
    if keeps is None:
        mended += yield from _release(mender, order)
        return mended
    if ended and not mender.is_dry:
        # Whoever follows all streams by order ids may take it for gone, or for another.
        yield from _keep(mender, replace(order, entry=b"%d" % keeps), announced=True)
    if keeps not in mender.store.settings.homes_of(order.user_id):
        mended += yield from _move_home(mender, order)
    return mended


def renumber(mender: Mender, order_id: bytes, stream: int) -> Mended:
    """Give an order another sequence number, at the end: its own is ahead of the clock."""
    order = yield from _look_at(mender, order_id, [Suspect("order", stream, order_id)])
    if order.keeps != stream:
        return []
    return (yield from _keep(mender, order, number="new"))


def _look_at(mender: Mender, order_id: bytes, suspects: Sequence[Suspect]) -> Steps[_Order]:
    store = mender.store
    users: dict[int, set[str]] = {}
    for suspect in suspects:
        if suspect.stream is not None:
            users.setdefault(suspect.stream, set()).update({suspect.more} - {""})
    facts: dict[int, OrderFacts] = {}
    records: dict[int, Mapping[str, Any]] = {}
    entry: bytes | None = None
    to_read = list(users) or [0]
    while to_read:
        stream = to_read.pop()
        (facts[stream],) = yield from store.inspect(stream, "", [order_id])
        record, entry = facts[stream].record, facts[stream].entry
        try:
            fields = check_record(record) if record is not None else None
        except ValueError:
            fields = None
        if fields:
            records[stream] = fields
            users.setdefault(stream, set()).discard(fields["user_id"])
        named = stream_in_entry(entry or b"", has_token=not store.is_standalone)
        others = [named, *(store.settings.homes_of(fields["user_id"]) if fields else ())]
        to_read += [each for each in others if each is not None and each not in facts and each not in to_read]
    facts = dict(sorted(facts.items()))
    named = stream_in_entry(entry or b"", has_token=not store.is_standalone)
    keeps = _choose(store.settings.homes_of, records, named)
    return _Order(order_id, facts, users, records, entry, keeps)


def _choose(homes_of: Any, records: Mapping[int, Mapping[str, Any]], named: int | None) -> int | None:
    """Return the stream whose record is the order: that which its id finds, else in its user's home."""
    at_home = [stream for stream, fields in sorted(records.items()) if stream in homes_of(fields["user_id"])]
    return named if named in records else next(iter([*at_home, *sorted(records)]), None)


def _keep(mender: Mender, order: _Order, number: str = "", *, announced: bool = False) -> Mended:
    """Make the keys of the stream that keeps the order agree with its record."""
    assert order.keeps is not None
    store, stream, facts = mender.store, order.keeps, order.facts[order.keeps]
    elsewhere = order.number_elsewhere()
    call = _call(
        mender,
        order,
        stream,
        record=facts.record or b"",
        number=(number, "") if number else elsewhere,
        new_entry=b"%d" % stream,
        announced=announced,
    )
    done = yield from _send(call, stream)
    mended = [_said(order, stream, _KEPT[word]) for word in done]
    if isinstance(store, Cluster) and not number:
        mended += yield from _mend_entry(mender, order, stream)
    return mended


def _end_double(mender: Mender, order: _Order, stream: int) -> Mended:
    """Cancel the order in another stream where it is live too."""
    store, how = mender.store, LEFT_TWICE.format(order.keeps)
    if isinstance(store, Cluster):
        # The streams were read one after the other: it may have left the one and joined the other meanwhile.
        found = yield from mend_entry(store, order.order_id, stream, is_dry=True)
        if found != how:
            return []
    _warn(mender, order, stream)
    done = yield from _send(_call(mender, order, stream, op="cancel", leaves_entry=True), stream)
    return [_said(order, stream, how)] if done else []


def _clear(mender: Mender, order: _Order, stream: int, facts: OrderFacts) -> Mended:
    """Remove what is in a stream of an order that is not there."""
    if facts.record is not None:
        _warn(mender, order, stream)
    op = "cancel" if order.keeps is None or facts.record is not None else "left"
    done = yield from _send(_call(mender, order, stream, op=op, leaves_entry=True), stream)
    if b"record" in done:
        aside = mender.store.keys.records_aside(stream)
        return [_said(order, stream, _UNREADABLE.format(aside, facts.record))]
    return [_said(order, stream, _LEFT_OVER.format(", ".join(map(text_of, done))))] if done else []


def _release(mender: Mender, order: _Order) -> Mended:
    """Remove the entry of an order that is live nowhere."""
    store = mender.store
    stream = stream_in_entry(order.entry or b"", has_token=not store.is_standalone)
    if order.entry is None:
        return []
    if isinstance(store, Cluster):
        if decode_entry(order.entry):
            return (yield from _mend_entry(mender, order, stream or 0))
        if not mender.is_dry:
            yield from directory.release(store.keys, [(order.order_id, order.entry)])
        return [_said(order, None, REMOVED)]
    at = min(order.facts) if stream is None else stream
    done = yield from _send(_call(mender, order, at, seen=b""), at)
    return [_said(order, stream, REMOVED)] if b"entry" in done else []


def _mend_entry(mender: Mender, order: _Order, stream: int) -> Mended:
    assert isinstance(mender.store, Cluster)
    how = yield from mend_entry(mender.store, order.order_id, stream, is_dry=mender.is_dry)
    return [_said(order, stream, how)] if how else []


def _move_home(mender: Mender, order: _Order) -> Mended:
    """Move an order that is in another stream than its user's. It keeps its sequence number."""
    store, user_id, source = mender.store, order.user_id, order.keeps
    assert source is not None
    home = store.settings.stream_of(user_id)
    said = [_said(order, source, f"an order of user {user_id!r}: it was moved to their stream {home}")]
    if mender.is_dry:
        return said
    if not isinstance(store, Cluster):
        streams = (source, home)
        (moved,) = yield [move_call(store, store.settings, streams, user_id, [order.order_id])]
        if moved == STALE:
            raise SettingsChangedError(source)
        return said if moved else []
    (facts,) = yield from store.inspect(source, "", [order.order_id])
    if facts.record != order.facts[source].record or facts.entry is None:
        return []
    entry = new_entry(home)
    # It joins before it leaves: a repair that is killed in between has not lost it.
    number = (text_of(facts.sequence or b""), str(facts.paused))
    joined = yield from _send(
        _call(mender, order, home, seen=b"", record=facts.record or b"", number=number, token=entry.token),
        home,
    )
    claim = (order.order_id, entry.encode(), facts.entry)
    if not joined:
        return []
    found = yield from directory.claim(store.keys, [claim])
    left: Sequence[bytes] = ()
    if found[claim[0]][1] is None:
        left = yield from _send(_call(mender, order, source, number=number, op="left"), source)
    if left:
        return said
    # Another client has changed it meanwhile: there it stays.
    yield from _send(_call(mender, order, home, seen=facts.record or b"", op="left"), home)
    yield from mend_entry(store, claim[0], source)
    return []


def _call(
    mender: Mender,
    order: _Order,
    stream: int,
    *,
    seen: bytes | None = None,
    record: bytes = b"",
    number: tuple[str, str] = ("", ""),
    op: str = "",
    new_entry: bytes = b"",
    leaves_entry: bool = False,
    announced: bool = False,
    token: str = "",
) -> Call:
    """Return the call of lua/mend_order.lua for one stream, which is to have this record, or nothing."""
    store, keys = mender.store, mender.store.keys
    shard = keys.directory(0) if store.is_standalone else ""
    users = sorted(order.users.get(stream, ()))
    user_id = order.user_id or next(iter(users), "")
    if not record:
        user_id = order.records.get(stream, {}).get("user_id") or user_id
        users = sorted({*users, user_id} - {""})  # to be gone from all sets
    fields = order.records.get(order.keeps) if order.keeps is not None else None
    deadline = deadline_of(fields) if fields else None
    if seen is None:
        seen = order.facts[stream].record or b""
    names = (
        keys.config_of(stream), keys.sequence_of(stream), keys.fence(stream, token),
        *keys.columns_of(stream), keys.due(stream), keys.records_aside(stream), *keys.feed_of(stream),
        *(keys.user(stream, each) for each in dict.fromkeys((user_id, *users)) if each),
        *((shard,) if shard else ()),
    )  # fmt: skip
    args = (
        pack_head(store.settings, keys.namespace), "1" if mender.is_dry else "", stream,
        "" if leaves_entry else shard, order.entry or b"", new_entry, order.order_id, seen, record, user_id,
        "" if deadline is None else deadline, *number, op, "1" if announced else "", *users,
    )  # fmt: skip
    return Call("mend_order", store.slot_of_change(stream), pack(names), pack(args))


def _send(call: Call, stream: int) -> Steps[Sequence[bytes]]:
    """Reply with words for what was mended; none where the order is not any more as it was seen."""
    (reply,) = yield [call]
    if reply == STALE:
        raise SettingsChangedError(stream)
    return () if reply == b"CHANGED" else reply


def _said(order: _Order, stream: int | None, how: str) -> Inconsistency:
    return Inconsistency(text_of(order.order_id), stream, how)


def _warn(mender: Mender, order: _Order, stream: int) -> None:
    if not mender.is_dry:
        record = order.facts[stream].record
        _log.warning(
            "the repair removes the record of order %r from stream %d: %r", order.order_id, stream, record
        )
