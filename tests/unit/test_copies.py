"""A line of an export keeps all of an order, also where other programs have written it again."""

import json

import pytest

from cryptoorders_redis import errors
from cryptoorders_redis.schema.copies import MAX_LINE_BYTES, CopiedOrder, decode_line, encode_line

RECORD = b'{"user_id":"bob","currency":"BTC","amount":"1.50","price":"2"}'


def order(record=RECORD, order_id="o"):
    return CopiedOrder(order_id, "bob", record, 1_796_067_003_601_430, is_paused=True)


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        b" \t" + RECORD + b"  ",
        RECORD.replace(b'"bob"', b' "bob" ,"order_id":"x","status":"y","sequence":3'),
        RECORD.replace(b"}", b',"a":1e400,"b":1.0,"c":"\\u0041\xc3\xa9\xe2\x80\xae","d":{"e":[null]}}'),
    ],
)
@pytest.mark.parametrize("order_id", ["o", '"\\', "\n\r\x00", "é\u2028\U0001f600", "x" * 256])
def test_a_line_keeps_every_byte(record, order_id):
    line = encode_line(order(record, order_id))
    assert decode_line(line) == order(record, order_id)
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    assert json.loads(line)["user_id"] == "bob"


def test_a_line_break_between_values_becomes_a_space():
    spread = RECORD.replace(b",", b"\r\n,").replace(b"{", b"\n{\n")
    line = encode_line(order(spread))
    assert line.count(b"\n") == 1
    assert decode_line(line) == order(spread.replace(b"\n", b" ").replace(b"\r", b" "))


def test_a_line_may_be_written_again_with_spaces():
    again = json.dumps(json.loads(encode_line(order()))).encode()
    for end in (b"\n", b"\r\n"):
        read = decode_line(again + end)
        assert read._replace(record=b"") == order()._replace(record=b"")
        assert json.loads(read.record) == json.loads(RECORD)


def test_a_record_that_makes_a_line_too_long_is_not_exported():
    longest = MAX_LINE_BYTES - len(encode_line(order())) + 5
    fits, too_long = (RECORD.replace(b"BTC", b"B" * number) for number in (longest - 2, longest))
    assert len(encode_line(order(fits))) == MAX_LINE_BYTES
    assert decode_line(encode_line(order(fits))) == order(fits)
    with pytest.raises(errors.InconsistentData, match="order 'o' cannot be copied: its record has"):
        encode_line(order(too_long))
