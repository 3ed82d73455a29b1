"""A record that is read by its plain form gives the order that JSON would give, or the same error."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoorders_redis import Order, OrderStatus, errors
from cryptoorders_redis.order import EPOCH
from cryptoorders_redis.schema.records import decode_order

NAMES = ("user_id", "currency", "amount", "price")


def decode_by_json(order_id, sequence, record, paused):
    """Return the order, or None where the keys do not describe one."""
    try:
        fields = json.loads(record.decode())
        return Order(
            order_id=order_id.decode(),
            user_id=fields["user_id"],
            currency=fields["currency"],
            amount=Decimal(fields["amount"]),
            price=Decimal(fields["price"]),
            status=OrderStatus.PAUSED if paused else OrderStatus.ACTIVE,
            placed_at=EPOCH + timedelta(microseconds=int(sequence)),
            sequence=int(sequence),
            metadata=fields.get("metadata"),
        )
    except (AttributeError, TypeError, ValueError, KeyError, ArithmeticError):
        return None


def assert_same(order_id, sequence, record, paused):
    expected = decode_by_json(order_id, sequence, record, paused)
    if expected is None:
        with pytest.raises(errors.InconsistentData):
            decode_order(order_id, sequence, record, paused)
    else:
        # Not ==: a NaN is never equal, and 0.5 is equal to 0.50.
        assert repr(decode_order(order_id, sequence, record, paused)) == repr(expected)


def mostly(usual, *odd):
    return st.sampled_from([usual] * 5 + list(odd))


def quoted(text):
    return f'"{text}"'


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.one_of(
    st.just("alice").map(quoted),
    texts.map(json.dumps),
    texts.map(quoted),
    st.sampled_from(["null", "7", "{}", '{"user_id":"n"}', "[1]", ""]),
)
numerals = mostly("0.50", "7", "1e5", "NaN", "x", "", " 1", "\u0661", "-1").map(quoted)
plain_fields = st.tuples(values, values, numerals, numerals).map(
    lambda values: list(zip(NAMES, values, strict=True))
)
more_fields = st.lists(st.tuples(mostly("metadata", *NAMES, "user\\u005fid"), values | numerals), max_size=2)


@st.composite
def records(draw):
    """Mostly as all releases write them; with further fields, fields twice, escapes and spaces."""
    fields = draw(plain_fields) + draw(mostly(st.just([]), more_fields).flatmap(lambda some: some))
    if draw(mostly(False, True)):
        fields = draw(st.permutations(fields))
    inside = ",".join(f'"{name}":{value}' for name, value in fields)
    before, space, end = (
        mostly("", " ", "\n", "\ufeff"),
        mostly(":", ": "),
        mostly("}", "", "}}", ",}", "} ", "}x"),
    )
    return (draw(before) + "{" + inside.replace(":", draw(space)) + draw(end)).encode()


@settings(max_examples=500)
@given(
    st.binary(max_size=4) | texts.map(str.encode),
    mostly(b"1795449520224378", b"5", 17.0, b"x", None, b"9" * 30, b"9" * 10),
    records(),
    st.integers(0, 1),
)
def test_any_record_is_read_as_json_reads_it(order_id, sequence, record, paused):
    assert_same(order_id, sequence, record, paused)


PLAIN = '{"user_id":"u","currency":"c","amount":"1","price":"2"}'
ODD = [
    pytest.param(PLAIN.replace("}", ',"user_id":"v"}'), id="a-field-twice-behind"),
    pytest.param(PLAIN.replace("{", '{"user_id":"v",'), id="a-field-twice-before"),
    pytest.param(PLAIN.replace("}", ',"user\\u005fid":"v"}'), id="a-field-twice-by-an-escape"),
    pytest.param(PLAIN.replace("}", ',"metadata":{"a":1}}'), id="metadata"),
    pytest.param(PLAIN.replace('"c"', '"c","currency":"d"'), id="a-field-twice-inside"),
    pytest.param(PLAIN.replace('"u"', '"u\\u00e9\\n"'), id="escapes"),
    pytest.param(PLAIN.replace('"u"', '"u\t"'), id="a-control-character"),
    pytest.param(PLAIN.replace('"u"', '"u\x7f\u2028"'), id="characters-that-are-legal"),
    pytest.param(PLAIN + "\n", id="a-line-end-behind"),
    pytest.param(PLAIN + "x", id="something-behind"),
    pytest.param(PLAIN.replace("}", ",}"), id="a-comma-behind"),
    pytest.param("\ufeff" + PLAIN, id="a-byte-order-mark"),
]


@pytest.mark.parametrize("record", ODD)
def test_an_odd_record_is_read_as_json_reads_it(record):
    assert_same(b"o", b"17", record.encode(), 0)
    assert_same(b"o", b"17", record.encode("utf-16"), 0)
