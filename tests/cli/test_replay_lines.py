"""What a line and a file of commands are."""

import contextlib
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoorders_redis import NewOrder
from cryptoorders_redis.replay.commands import (
    MAX_LINE_BYTES,
    Amendment,
    Command,
    Op,
    parse_command,
    read_lines,
)
from tests.support.command_lines import PLACE, place_line_with
from tests.support.nasty import NASTY_IDS


class TestALine:
    def test_places_an_order(self):
        new = NewOrder("order1", "alice", "BTC", Decimal("0.5"), 60_000)
        assert parse_command(PLACE) == Command(Op.PLACE, new)

    @pytest.mark.parametrize("op", ["pause", "resume", "cancel"])
    def test_changes_an_order(self, op):
        line = json.dumps({"order_id": "order1", "op": op}).encode()
        assert parse_command(line) == Command(Op(op), "order1")

    def test_amends_an_order(self):
        line = b'{"op":"amend","order_id":"order1","price":"60000.50"}'
        assert parse_command(line) == Command(Op.AMEND, Amendment("order1", price="60000.50"))
        line = b'{"op":"amend","order_id":"order1","amount":0.25,"price":1}'
        assert parse_command(line) == Command(Op.AMEND, Amendment("order1", Decimal("0.25"), 1))

    def test_cancels_all_of_a_user(self):
        line = b'{"op":"cancel_all_by_user","user_id":"alice"}'
        assert parse_command(line) == Command(Op.CANCEL_ALL_BY_USER, "alice")

    def test_may_end_as_on_windows_and_have_spaces(self):
        assert parse_command(b' {"op": "pause",\t"order_id": "order1"} \r\n').target == "order1"

    @pytest.mark.parametrize("order_id", NASTY_IDS)
    def test_may_be_about_any_id(self, order_id):
        for readable in (True, False):
            line = json.dumps({"op": "cancel", "order_id": order_id}, ensure_ascii=readable).encode()
            assert parse_command(line).target == order_id

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("0.1", Decimal("0.1")),
            ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
            ("123456789012345678901234567890", 123456789012345678901234567890),
            ("1E-8", Decimal("1E-8")),
            ('"0.10"', "0.10"),
        ],
    )
    def test_loses_no_digit_of_a_number(self, text, number):
        new = parse_command(PLACE.replace(b"0.5", text.encode())).target
        assert isinstance(new, NewOrder)
        amount = new.amount
        assert (amount, type(amount)) == (number, type(number))

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"", "not JSON"),
            (b"pause order1", "not JSON: Expecting value at column 1"),
            (PLACE[:-1], "not JSON"),
            (PLACE + b" {}", "not JSON: Extra data"),
            (b'{"op":"pause","order_id":"a\0b"}', "not JSON: Invalid control character"),
            (b'["pause"]', "not a JSON object"),
            (b"null", "not a JSON object"),
            (b"{}", "the field 'op' is missing"),
            (b'{"op":["pause"],"order_id":"order1"}', "op must be a str, not list"),
            (b'{"op":"PAUSE","order_id":"order1"}', "unknown op 'PAUSE'; use one of place, pause,"),
            (b'{"op":"pause"}', "pause needs the field 'order_id'"),
            (place_line_with(price=None), "place needs the field 'price'"),
            (place_line_with(side="buy"), "place has no field 'side'"),
            (b'{"op":"cancel","order_id":"order1","user_id":"alice"}', "cancel has no field 'user_id'"),
            (b'{"op":"pause","order_id":"a","order_id":"b"}', "the field 'order_id' occurs twice"),
            (b'{"op":"pause","op":"pause","order_id":"a"}', "the field 'op' occurs twice"),
            (place_line_with(order_id=1), "order_id must be a str, not int"),
            (place_line_with(user_id=""), "user_id must not be empty"),
            (place_line_with(currency="x" * 257), "currency must be at most 256 bytes"),
            (b'{"op":"pause","order_id":true}', "order_id must be a str, not bool"),
            (b'{"op":"pause","order_id":"\\ud800"}', "order_id cannot be written as UTF-8"),
            (b'{"op":"amend","order_id":"a"}', "amend needs at least one of the fields 'amount', 'price'"),
            (
                b'{"op":"amend","order_id":"a","amount":null}',
                "amount must be a Decimal, int, float or str, not",
            ),
            (b'{"op":"amend","order_id":"a","amount":0}', "amount must be above zero"),
            (b'{"op":"amend","order_id":"a","amount":1,"price":-1}', "price must not be negative"),
            (b'{"op":"amend","order_id":"","price":1}', "order_id must not be empty"),
            (b'{"op":"amend","price":1}', "amend needs the field 'order_id'"),
            (place_line_with(amount=True), "amount must be a Decimal, int, float or str, not bool"),
            (place_line_with(amount=[1]), "amount must be a Decimal, int, float or str, not list"),
            (place_line_with(amount=0), "amount must be above zero"),
            (place_line_with(price=-1), "price must not be negative"),
            (place_line_with(price="NaN"), "price must be finite"),
            (PLACE.replace(b"0.5", b"NaN"), "NaN is not a number"),
            (PLACE.replace(b"0.5", b"-Infinity"), "-Infinity is not a number"),
            (PLACE.replace(b"0.5", b"1e400"), "amount must have at most 100 digits"),
            (PLACE.replace(b"0.5", b"1e" + b"9" * 30), "a number with an exponent that is too large"),
            (PLACE.replace(b"0.5", b"9" * 5000), "a number with too many digits: 5000 characters"),
            (PLACE.replace(b"alice", b"al\xffice"), "not UTF-8: byte 0xff at 48"),
            (b'{"op":"pause","order_id":"a"}'.decode().encode("utf-16"), "not UTF-8"),
            (PLACE + b" " * MAX_LINE_BYTES, "longer than 65536 bytes"),
        ],
    )
    def test_that_is_not_exactly_a_command_is_refused(self, line, reason):
        with pytest.raises((TypeError, ValueError)) as refused:
            parse_command(line)
        assert str(refused.value).startswith(reason)

    def test_nested_without_end_is_refused(self):
        """Python 3.14 has room for this depth, and sees that nothing ends it."""
        with pytest.raises(
            ValueError, match=r"^nested too deeply|^not JSON: Expecting value at column 60001"
        ):
            parse_command(b"[" * 60_000)

    @given(st.binary() | st.binary().map(lambda middle: PLACE[:40] + middle + PLACE[40:]))
    def test_of_any_bytes_is_a_command_or_refused(self, line):
        with contextlib.suppress(TypeError, ValueError):
            command = parse_command(line)
            assert isinstance(command.target, {Op.PLACE: NewOrder, Op.AMEND: Amendment}.get(command.op, str))

    # Also what JSON itself cannot say: NaN, text that has no UTF-8 form.
    text = st.text('a1{"\\\0\n\ud800é🚀')
    anything = st.none() | st.booleans() | st.integers() | st.floats() | text
    fields = st.sampled_from(["op", "order_id", "user_id", "currency", "amount", "price", "side"])
    values = st.sampled_from([*Op, "1"]) | anything | st.lists(anything) | st.dictionaries(text, anything)

    @given(st.dictionaries(fields, values))
    def test_of_any_object_is_a_command_or_refused(self, fields):
        with contextlib.suppress(TypeError, ValueError):
            command = parse_command(json.dumps(fields).encode())
            assert command.op == fields["op"]


class TestAFile:
    def test_is_split_into_its_lines(self):
        assert list(read_lines(io.BytesIO(b"a\nb\r\n\nc"))) == [b"a\n", b"b\r\n", b"\n", b"c"]
        assert list(read_lines(io.BytesIO(b""))) == []

    def test_may_begin_with_a_byte_order_mark(self):
        assert list(read_lines(io.BytesIO(b"\xef\xbb\xbfa\n\xef\xbb\xbfb"))) == [b"a\n", b"\xef\xbb\xbfb"]

    @pytest.mark.parametrize("excess", range(1, 4))
    @pytest.mark.parametrize("times", [1, 3])
    def test_with_a_line_too_long_goes_on_behind_it(self, excess, times):
        long = b"x" * (MAX_LINE_BYTES * times + excess - 1)
        lines = list(read_lines(io.BytesIO(b"a\n" + long + b"\nb\n" + long)))
        assert [line[:1] for line in lines] == [b"a", b"x", b"b", b"x"]
        too_long = [len(line) > MAX_LINE_BYTES for line in lines]
        # Without a line end behind it, the last one is one byte shorter.
        assert too_long == [False, True, False, times > 1 or excess > 1]

    def test_is_never_held_as_a_whole(self):
        class Long(io.RawIOBase):
            taken = 0

            def readable(self):
                return True

            def readinto(self, buffer):
                size = len(buffer) if self.taken < 100 * MAX_LINE_BYTES else 0
                buffer[:size] = b"x" * size
                self.taken += size
                return size

        source = Long()
        assert len(next(read_lines(io.BufferedReader(source)))) == MAX_LINE_BYTES + 1
        assert source.taken <= 4 * MAX_LINE_BYTES, "more than a line and a buffer or two"
