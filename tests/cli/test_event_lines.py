"""What a line of a file of events is."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoorders_redis import Event, Op
from cryptoorders_redis.replay.commands import MAX_LINE_BYTES, parse_event
from tests.support.command_lines import event_line
from tests.support.nasty import NASTY_IDS

PAUSE = event_line("pause", "order1", 1_000)


def test_a_place_has_the_fields_of_a_command_and_three_more():
    line = event_line("place", "order1", 1_000, metadata={"side": "buy", "fee": 0.25}, event_id="e1")
    wanted = Event(
        Op.PLACE, "alice", 1_000, "order1", "BTC", Decimal("0.5"), 60_000, "e1",
        metadata={"side": "buy", "fee": 0.25},
    )  # fmt: skip
    assert parse_event(line, "7") == wanted


@pytest.mark.parametrize(
    ("op", "more"),
    [
        ("pause", {}),
        ("resume", {}),
        ("cancel", {}),
        ("reduce", {"by": "0.1"}),
        ("amend", {"price": "60000.50", "expected_amount": 1}),
    ],
)
def test_a_change_has_a_user_and_a_time_too(op, more):
    assert parse_event(event_line(op, "order1", 5, **more), "7") == Event(
        Op(op), "alice", 5, "order1", event_id="7", **more
    )


def test_a_user_is_no_field_twice_where_the_op_has_one():
    line = b'{"op":"cancel_all_by_user","user_id":"alice","event_time":5}'
    assert parse_event(line, "7") == Event(Op.CANCEL_ALL_BY_USER, "alice", 5, event_id="7")


@pytest.mark.parametrize("event_id", NASTY_IDS)
def test_an_id_may_be_any(event_id):
    assert parse_event(event_line("pause", "order1", 5, event_id=event_id), "7").event_id == event_id


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "not JSON"),
        (b'{"op":"pause","order_id":"a","event_time":1}', "pause needs the field 'user_id'"),
        (b'{"op":"pause","order_id":"a","user_id":"b"}', "pause needs the field 'event_time'"),
        (event_line("pause", "a", 1, side="buy"), "pause has no field 'side'"),
        (event_line("pause", "a", 1, late=True), "pause has no field 'late'"),
        (event_line("pause", "a", 1, price=1), "pause has no field 'price'"),
        (event_line("amend", "a", 1), "amend needs at least one of the fields"),
        (event_line("amend", "a", 1, price=None), "amend needs at least one of the fields"),
        (event_line("amend", "a", 1, price=-1), "price must not be negative"),
        (event_line("place", "a", 1, amount=None), "place needs the field 'amount'"),
        (event_line("pause", "a", 1, event_id=""), "event_id must not be empty"),
        (event_line("pause", "a", 1, event_id=None), "event_id must be a str, not NoneType"),
        (event_line("pause", "a", 1, event_id=7), "event_id must be a str, not int"),
        (event_line("pause", "a", 1.5), "event_time must be an int"),
        (event_line("pause", "a", "2026-11-23"), "event_time must be an int"),
        (event_line("pause", "a", -1), "event_time must be 0"),
        (event_line("pause", "a", 10**13), "event_time must be 0"),
        (PAUSE + b" " * MAX_LINE_BYTES, "longer than 65536 bytes"),
    ],
)
def test_what_is_not_exactly_an_event_is_refused(line, reason):
    with pytest.raises((TypeError, ValueError)) as refused:
        parse_event(line, "7")
    assert str(refused.value).startswith(reason)


NAMES = st.sampled_from(
    ["op", "order_id", "user_id", "event_time", "event_id", "amount", "price", "metadata"]
)
VALUES = st.sampled_from([*Op, "1"]) | st.none() | st.integers() | st.floats() | st.text("a\ud800\0")


@given(st.dictionaries(NAMES, VALUES | st.dictionaries(st.text("a"), VALUES)))
def test_any_object_is_an_event_or_refused(fields):
    try:
        event = parse_event(json.dumps(fields).encode(), "7")
    except (TypeError, ValueError):
        return
    assert event.op == fields["op"]
