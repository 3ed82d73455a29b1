"""Replays the change feed of a stream, to compare what comes out with the keys of the stream."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

FIELDS = (b"n", b"op", b"id", b"user", b"sequence", b"paused", b"order")

Entry = tuple[bytes, dict[bytes, bytes]]


class Stream(Protocol):
    """What the keys of a stream hold."""

    orders: dict[bytes, bytes]
    placed: dict[bytes, float]
    paused: set[bytes]
    users: dict[bytes, str]
    changes: list[Entry]
    changed: int


class Live(NamedTuple):
    """An order as the feed says it; None for what it does not say, because it does not reach back so far."""

    user: bytes
    record: bytes | None
    sequence: bytes | None
    is_paused: bool


def replay(entries: Sequence[Entry]) -> dict[bytes, Live | None]:
    """Return each order id that entries are about: None where its order is gone."""
    state: dict[bytes, Live | None] = {}
    for entry_id, fields in entries:
        assert tuple(fields) == FIELDS, (entry_id, fields)
        op, order_id, user = fields[b"op"], fields[b"id"], fields[b"user"]
        known = state.get(order_id)
        if fields[b"order"]:
            is_there = op in (b"amend", b"reduce")
            assert op in (b"place", b"joined") or is_there, (entry_id, fields)
            assert not known or is_there, f"{entry_id}: {order_id} was live already"
            is_paused = fields[b"paused"] == b"1"
            assert not known or known.is_paused == is_paused, (entry_id, fields)
            state[order_id] = Live(user, fields[b"order"], fields[b"sequence"], is_paused)
        elif op in (b"pause", b"resume"):
            assert order_id not in state or known, f"{entry_id}: {order_id} was not live"
            assert not known or known.is_paused == (op == b"resume"), f"{entry_id}: nothing was changed"
            record, sequence = (known.record, known.sequence) if known else (None, None)
            state[order_id] = Live(user, record, sequence, op == b"pause")
        elif op in (b"cancel_all", b"cancel_all_after"):
            assert not order_id
            state.update({each: None for each, live in state.items() if live and live.user == user})
        else:
            assert op in (b"cancel", b"fill", b"left", b"expire"), (entry_id, fields)
            assert order_id not in state or known, f"{entry_id}: {order_id} was not live"
            state[order_id] = None
    return state


def assert_replays(stream: Stream, number: int) -> None:
    """Fail unless the feed of a stream has no gap, and says what its keys hold."""
    entries = [(entry_id, _fields_of(words)) for entry_id, words in stream.changes]
    if not entries:
        return
    numbers = [int(fields[b"n"]) for _, fields in entries]
    assert numbers == list(range(numbers[0], stream.changed + 1)), f"stream {number}: a gap in {numbers}"
    state = replay(entries)
    for order_id, live in state.items():
        assert (order_id in stream.orders) == (live is not None), (number, order_id, live)
        if live:
            assert (order_id in stream.paused) == live.is_paused, (number, order_id, live)
            assert stream.users[order_id] == live.user.decode(), (number, order_id, live)
            assert live.record in (None, stream.orders[order_id]), (number, order_id, live)
            assert live.sequence is None or int(live.sequence) == stream.placed[order_id], (number, order_id)
    began_at = 1000 * int(entries[0][0].partition(b"-")[0])
    if numbers[0] == 1:
        unknown = {
            order_id for order_id in stream.orders.keys() - state if stream.placed[order_id] > began_at
        }
        assert not unknown, f"stream {number}: live, but not in the feed: {unknown}"


def _fields_of(words: Sequence[bytes] | Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    if isinstance(words, Mapping):
        return dict(words)
    return dict(zip(words[::2], words[1::2], strict=True))
