"""Applying the events that are due on Redis Cluster: the ids of new orders are claimed before.

A round looks what is due in each stream, claims the ids of new orders, and applies. The script stops where
another worker was there meanwhile. So none needs a lock here either.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from cryptoorders_redis.event import Op
from cryptoorders_redis.operations import Call, Steps
from cryptoorders_redis.operations.claims import claim_ids, release_dead
from cryptoorders_redis.operations.head import optional_keys, pack_head
from cryptoorders_redis.operations.store import STALE
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.entries import Entry
from cryptoorders_redis.schema.events import fields_in

if TYPE_CHECKING:
    from cryptoorders_redis.operations.cluster import Cluster


class _Seen:
    """An event that is due.

    Attributes:
        event_id: its id.
        op, order_id, user_id: what it asks for. Empty where that cannot be read: the script then makes it a
            dead letter.
        entry: of a place, the claim of its order's id; None where an order of that id is live.
    """

    __slots__ = ("entry", "event_id", "op", "order_id", "user_id")

    def __init__(self, event_id: bytes, text: bytes | None) -> None:
        user_id, order_id, op = fields_in(text)
        self.user_id, self.order_id, self.op = user_id or "", order_id or "", op
        self.event_id = event_id
        self.entry: Entry | None = None

    @property
    def is_place(self) -> bool:
        """Whether it places an order, whose id is to be claimed."""
        return bool(self.op == Op.PLACE and self.order_id and self.user_id)

    @property
    def verdict(self) -> str:
        """What lua/cluster/advance.lua is told of it."""
        if not self.is_place:
            return ""
        return self.entry.token if self.entry else "n"


def advance_in_cluster(
    store: Cluster, settings: Settings, streams: Sequence[int], limit: int
) -> Steps[list[Any]]:
    """Apply the events of streams that are due. The replies are those of lua/advance.lua."""
    replies: list[Any] = yield [_due_call(store, settings, stream, limit) for stream in streams]
    due: dict[int, list[_Seen]] = {}
    answers: dict[int, Any] = {}
    for stream, reply in zip(streams, replies, strict=True):
        if reply == STALE:
            answers[stream] = STALE
            continue
        newest, has_more, quiet_in, event_ids, texts = reply
        store.newest_event = max(store.newest_event, int(newest))
        answers[stream] = [0, has_more, quiet_in]
        if event_ids:
            events = list(map(_Seen, event_ids, texts))
            due[stream] = events[: _end_before_second(events)]
            answers[stream][1] = int(has_more or len(due[stream]) < len(events))
    for stream, reply in zip(streams, replies, strict=True):
        if reply != STALE and int(reply[0]) < store.newest_event:
            answers[stream][1] = 1  # it is told in the next round what is newest
    if due:
        yield from _apply(store, settings, due, answers)
    return [answers[stream] for stream in streams]


def _apply(
    store: Cluster, settings: Settings, due: dict[int, list[_Seen]], answers: dict[int, Any]
) -> Steps[None]:
    """Claim and apply what is due, and say in the answers how many events were applied."""
    places = [event for events in due.values() for event in events if event.is_place]
    claimed_at = 0
    if places:
        claims = yield from claim_ids(store, settings, [(each.order_id, each.user_id) for each in places])
        claimed_at = claims.claimed_at
        for event, entry in zip(places, claims.entries, strict=True):
            event.entry = entry
    to_apply = {stream: events[: _end_before_doubt(events)] for stream, events in due.items()}
    replies = yield [
        _advance_call(store, settings, stream, events, claimed_at) for stream, events in to_apply.items()
    ]
    removed: list[bytes] = []
    unused: list[str] = []
    for (stream, events), reply in zip(to_apply.items(), replies, strict=True):
        count = 0
        if reply == STALE:
            answers[stream] = STALE
        else:
            count, gone, last = reply
            answers[stream][0] = count
            answers[stream][1] = int(answers[stream][1] or count < len(due[stream]))
            removed += gone
            store.note_sequence(int(last))
        for event in events[:count]:
            if event.entry:
                store.known.note(event.order_id, event.entry.encode())
        unused += (event.order_id for event in due[stream][count:] if event.entry)
    yield from release_dead(store, removed)
    yield from release_dead(store, unused)


def _end_before_second(events: Sequence[_Seen]) -> int:
    """Return where a second event of an order id stands that is to be claimed: the first may free the id."""
    seen: set[str] = set()
    for index, event in enumerate(events):
        if event.is_place and event.order_id in seen:
            return index
        seen.add(event.order_id)
    return len(events)


def _end_before_doubt(events: Sequence[_Seen]) -> int:
    """Return where a place stands whose id is live, and may be free after the events before it."""
    is_freeing = False
    for index, event in enumerate(events):
        if is_freeing and event.is_place and event.entry is None:
            return index
        is_freeing = is_freeing or event.op == Op.CANCEL_ALL_BY_USER
    return len(events)


def _due_call(store: Cluster, settings: Settings, stream: int, limit: int) -> Call:
    keys, intake = store.keys, settings.intake
    names = (keys.config_of(stream), keys.intake(stream), keys.events(stream), keys.waiting(stream))
    args = (settings.epoch, intake.window, intake.quiet, store.newest_event, limit)
    return Call("cluster/due", keys.slot_of(stream), pack(names), pack(args))


def _advance_call(
    store: Cluster, settings: Settings, stream: int, events: Collection[_Seen], claimed_at: int
) -> Call:
    keys, intake = store.keys, settings.intake
    users = dict.fromkeys(event.user_id for event in events if event.user_id)
    names = (
        keys.config_of(stream),
        keys.sequence_of(stream),
        *keys.columns_of(stream),
        keys.intake(stream),
        keys.events(stream),
        *keys.outcomes(stream),
        keys.dead(stream),
        keys.letters(stream),
        keys.waiting(stream),
        *(keys.user(stream, user_id) for user_id in users),
        *(keys.fence(stream, event.entry.token) for event in events if event.entry),
        *optional_keys(keys, settings, stream),
    )
    words = (
        pack_head(settings, keys.namespace), stream, intake.window, intake.quiet, intake.remember, claimed_at,
        store.last_seen, len(users),
    )  # fmt: skip
    seen = (word for event in events for word in (event.event_id, event.verdict))
    return Call("cluster/advance", keys.slot_of(stream), pack(names), pack((*words, *seen)))
