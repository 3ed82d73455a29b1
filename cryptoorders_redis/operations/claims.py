"""Placing on Redis Cluster, where an id's entry in the directory and its order are in different slots.

A client claims the id: it writes an entry with a token that only this claim has. Then it places the order,
in one script that refuses a claim for which a fence stands. Who meets another's entry looks whether that
order is live. If it is not, even after some milliseconds, it sets the fence, after which that claim can never
become an order, and takes the entry over. So at no moment are there two live orders of one id, and a client
that dies between its steps blocks nobody.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, ReadTransaction, Step, Steps, directory
from cryptoorders_redis.operations.deadlines import EXPIRED, already_expired, become_timed
from cryptoorders_redis.operations.head import due_keys, optional_keys, pack_head, timed_streams
from cryptoorders_redis.operations.store import STALE
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.entries import Entry, decode_entry, new_entry
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.records import NewRecord

if TYPE_CHECKING:
    from cryptoorders_redis.operations.cluster import Cluster

_log = logging.getLogger("cryptoorders_redis")

LOOK_SECONDS = (0.0, 0.002, 0.004, 0.008)
"""Before each look at another's claim that is not an order yet. The last look sets the fence."""

FENCE_SECONDS = 3600
"""For so long a fence stands. A claim older than 600 seconds is refused by lua/cluster/place.lua itself."""


class ClaimedIds(NamedTuple):
    """The claims of some order ids.

    Attributes:
        entries: of each the entry of its claim; None where an order of that id is live.
        claimed_at: when the first was claimed, by the clock of the directory's node.
    """

    entries: Sequence[Entry | None]
    claimed_at: int


class _Claim:
    """A new order on its way into its stream.

    Attributes:
        index: its place among the orders of the call.
        entry: what this claim writes into the directory.
        over: the entry that it may take over.
        found: another's entry, which is in its way.
        claimed_at: when it was claimed, by the clock of the directory's node.
        num_fenced: how often another client took it over.
    """

    __slots__ = ("claimed_at", "entry", "found", "index", "num_fenced", "order", "over")

    def __init__(self, index: int, order: NewRecord) -> None:
        self.index = index
        self.order = order
        self.entry = Entry(0, "")
        self.over = b""
        self.found: bytes | None = None
        self.claimed_at = 0
        self.num_fenced = 0


def place_orders(store: Cluster, orders: Sequence[NewRecord]) -> Steps[bytes]:
    """Place orders. The reply has b"y" for claim one placed, b"n" for claim whose id is live."""
    answers = bytearray(b"n" * len(orders))
    # The second order of one id comes when the first is live: it was placed, or another was there.
    first_of: dict[str, int] = {}
    for index, order in enumerate(orders):
        first_of.setdefault(order[0], index)
    claims = [_Claim(index, orders[index]) for index in first_of.values()]
    is_timed = any(order[3] for order in orders)
    while claims:
        if is_timed:
            yield from become_timed(store)
        settings = store.settings
        yield from _claim(store.keys, settings, claims)
        to_place = [claim for claim in claims if claim.found is None]
        placed, void = yield from _place(store, settings, to_place)
        for claim in placed:
            answers[claim.index] = ord("y")
        taken_over = yield from _look(store, [claim for claim in claims if claim.found is not None])
        claims = void + taken_over
    return bytes(answers)


def claim_ids(store: Cluster, settings: Settings, orders: Sequence[tuple[str, str]]) -> Steps[ClaimedIds]:
    """Claim the ids of new orders, of each given its id and its user's id, that are to be placed by a script.

    An id that is live stays unclaimed.
    """
    claims = [_Claim(index, (order_id, user_id, b"", "")) for index, (order_id, user_id) in enumerate(orders)]
    to_claim: Sequence[_Claim] = claims
    while to_claim:
        yield from _claim(store.keys, settings, to_claim)
        to_claim = yield from _look(store, [claim for claim in to_claim if claim.found is not None])
    entries = [None if claim.found is not None else claim.entry for claim in claims]
    return ClaimedIds(entries, min((claim.claimed_at for claim in claims), default=0))


def _claim(keys: Keys, settings: Settings, claims: Sequence[_Claim]) -> Steps[None]:
    for claim in claims:
        claim.entry = new_entry(settings.stream_of(claim.order[1]))
    wanted = ((claim.order[0], claim.entry.encode(), claim.over) for claim in claims)
    found = yield from directory.claim(keys, wanted)
    for claim in claims:
        claim.claimed_at, claim.found = found[claim.order[0]]


def _place(
    store: Cluster, settings: Settings, claims: Sequence[_Claim]
) -> Steps[tuple[list[_Claim], list[_Claim]]]:
    """Make claims orders, those of one stream in one script, all streams at one time.

    Replies with those that are placed, and those that are void and to be claimed again.
    """
    by_stream: dict[int, list[_Claim]] = {}
    for claim in claims:
        by_stream.setdefault(claim.entry.stream, []).append(claim)
    if not by_stream:
        return [], []
    try:
        replies = yield [
            _place_call(store, settings, stream, of_stream) for stream, of_stream in by_stream.items()
        ]
    except errors.CryptoOrdersError as error:
        if len(claims) == 1 and not isinstance(error, errors.OutcomeUnknown | errors.StoreUnavailable):
            yield from directory.release(store.keys, [(claims[0].order[0], claims[0].entry.encode())])
        raise
    placed: list[_Claim] = []
    void: list[_Claim] = []
    stale: list[int] = []
    expired = b""
    for (stream, of_stream), reply in zip(by_stream.items(), replies, strict=True):
        if reply == STALE:
            stale.append(stream)
            void += of_stream
            continue
        if reply.startswith(EXPIRED):
            expired = reply
            void += of_stream
            continue
        _note_answers(store, of_stream, reply, placed, void)
    for claim in void:
        claim.over = claim.entry.encode()
    if stale or expired:
        try:
            if expired:
                raise already_expired(expired)
            yield from store.catch_up_or_create(stale)
        except errors.CryptoOrdersError:
            yield from directory.release(store.keys, [(claim.order[0], claim.over) for claim in void])
            raise
    return placed, void


def _note_answers(
    store: Cluster, claims: Sequence[_Claim], reply: bytes, placed: list[_Claim], void: list[_Claim]
) -> None:
    """Sort the claims of one stream into those that are placed and those that are void, by its reply."""
    answers, _, number = reply.partition(b" ")
    store.note_sequence(int(number))
    for claim, answer in zip(claims, answers.decode(), strict=True):
        if answer == "y":
            placed.append(claim)
            store.known.note(claim.order[0], claim.entry.encode())
        elif answer == "f":
            claim.num_fenced += 1
            void.append(claim)


def _place_call(store: Cluster, settings: Settings, stream: int, claims: Sequence[_Claim]) -> Call:
    keys = store.keys
    users = dict.fromkeys(claim.order[1] for claim in claims)
    words = (
        keys.config_of(stream),
        keys.sequence_of(stream),
        keys.orders(stream),
        *(keys.fence(stream, claim.entry.token) for claim in claims),
        keys.placed(stream),
        *(keys.user(stream, user_id) for user_id in users),
        *optional_keys(keys, settings, stream),
    )
    claimed_at = min(claim.claimed_at for claim in claims)
    orders = (word for claim in claims for word in (stream, *claim.order))
    args = pack((pack_head(settings, keys.namespace), claimed_at, store.last_seen, *orders))
    return Call(
        "cluster/place", keys.slot_of(stream), pack(words), args, [claim.order[0] for claim in claims]
    )


def _look(store: Cluster, claims: Iterable[_Claim]) -> Steps[list[_Claim]]:
    """See whether the orders in the way of claims are live; reply with those whose way is free now."""
    waiting: list[_Claim] = list(claims)
    yield from store.learn_streams(claim.found for claim in waiting)
    for number, seconds in enumerate(LOOK_SECONDS):
        if not waiting:
            break
        is_last = number == len(LOOK_SECONDS) - 1
        # By chance, and longer for one that was fenced: else two could fence each other without end.
        longest = min(max(claim.num_fenced for claim in waiting), 8)
        wait_seconds = seconds * 2.0**longest * random.uniform(0.5, 1.5)
        settings = store.settings
        steps = [_look_step(store, settings, claim, wait_seconds, is_last=is_last) for claim in waiting]
        to_send = [step for step in steps if step]
        replies: Iterator[Any] = iter((yield to_send) if to_send else ())
        waiting = [
            claim for claim, step in zip(waiting, steps, strict=True) if not step or is_dead(next(replies))
        ]
    for claim in waiting:
        claim.over = claim.found or b""
    return waiting


def _look_step(
    store: Cluster, settings: Settings, claim: _Claim, wait_seconds: float, *, is_last: bool
) -> Step | None:
    """Return the step that looks at the order in the way of a claim; None where it can be none."""
    entry = decode_entry(claim.found or b"")
    if entry is None or entry.stream >= settings.num_streams:
        return None
    timed = settings if settings.timed else None
    return look_step(store.keys, claim.order[0], entry, wait_seconds, fences=is_last, timed=timed)


def look_step(
    keys: Keys,
    order_id: str | bytes,
    entry: Entry,
    wait_seconds: float = 0.0,
    *,
    fences: bool = True,
    timed: Settings | None = None,
) -> Step:
    """Return the step that looks whether an order is live where its entry says, and else fences the claim.

    `is_dead` says what its reply means.

    Args:
        keys: the names of the keys.
        order_id: the order.
        entry: its entry. One without a token is no claim, and needs no fence.
        wait_seconds: how long to wait before.
        fences: whether to fence; else it only looks.
        timed: the settings of a namespace with deadlines, where an order whose time is over must not count.
    """
    orders, slot = keys.orders(entry.stream), keys.slot_of(entry.stream)
    fences = fences and bool(entry.token)
    if fences or timed:
        due = due_keys(keys, timed, entry.stream) if timed else ()
        names = pack((orders, keys.fence(entry.stream, entry.token), *due))
        head = (timed_streams(timed) if timed else "", keys.namespace, entry.stream)
        args = pack((*head, order_id, FENCE_SECONDS if fences else 0))
        return Call("cluster/fence", slot, names, args, (), wait_seconds)
    return ReadTransaction(slot, [("HEXISTS", orders, order_id)], "", wait_seconds)


def is_dead(reply: object) -> bool:
    """Return whether a look found no live order."""
    return reply in (0, [0])


def release_dead(store: Cluster, order_ids: Sequence[str] | Sequence[bytes]) -> Steps[None]:
    """Release the entries of orders that are not live any more, whatever these entries are.

    Another client may be about to place one of them: so its claim is fenced first. An error is not raised, as
    by `directory.release`.
    """
    found: list[tuple[str | bytes, bytes]] = []
    looks: list[Step] = []
    try:
        entries = yield from directory.entries_of(store.keys, order_ids)
        for order_id, data in zip(order_ids, entries, strict=True):
            entry = decode_entry(data) if data else None
            if data and entry and entry.stream < store.num_streams:
                found.append((order_id, data))
                looks.append(look_step(store.keys, order_id, entry))
        replies = (yield looks) if looks else []
    except errors.CryptoOrdersError as error:
        _log.debug("entries of orders that are gone may stay in the directory: %s", error)
        return
    dead = (each for each, reply in zip(found, replies, strict=True) if is_dead(reply))
    yield from directory.release(store.keys, dead)
