"""The record of a new order: the quick way to it gives what the thorough way gives."""

from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptoorders_redis.schema.records import _plain_record, encode_record

TEXTS = st.one_of(
    st.text(max_size=5),
    st.text(alphabet='aB3 "\\\x00\x1f\x7fé\ud800', max_size=5),
    st.sampled_from(["a" * 256, "a" * 257, "é" * 128, "é" * 129, 'a","currency":"b']),
)

NUMBERS = st.one_of(
    st.sampled_from(
        [
            "0",
            "0.0",
            "00.5",
            "0.50",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1E+200",
            "9" * 40,
            "9" * 41,
            "0." + "1" * 41,
        ]
    ),
    st.sampled_from([0, 1, -1, True, 10**39, 10**40, 10**5000, 0.1, 1e300, "1\n", " 1", "\u0661", "1_0"]),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.integers(),
    st.floats(),
    st.text(alphabet="0123456789.eE+-", max_size=8),
)


class Name(StrEnum):
    ALICE = "alice"

    def __format__(self, _: str) -> str:
        return "bob"


def outcome_of(fields):
    try:
        return encode_record(fields)
    except (TypeError, ValueError) as error:
        return type(error), str(error)


PLAIN = ("o", "alice", "BTC", "0.5", 60_000)

FIELDS = [TEXTS, TEXTS, TEXTS, NUMBERS, NUMBERS]

ONE_ODD_FIELD = st.integers(0, 4).flatmap(
    lambda at: FIELDS[at].map(lambda odd: (*PLAIN[:at], odd, *PLAIN[at + 1 :]))
)


@settings(max_examples=500)
@given(st.one_of(ONE_ODD_FIELD, st.tuples(*FIELDS)))
@example(("o", "a\\", "BTC", "0.5", 1))
@example(("o", Name.ALICE, "BTC", "0.5", 1))
@example(("o", "alice", Name.ALICE, "0.5", 1))
@example(("o", "alice", "BTC", f"{10**55}.{10**55}", 1))
@example(("o", "u", "BTC", "0.5", 10**5000))
@example(("o", "u", "BTC", Decimal("0E+2"), Decimal("0.00")))
def test_a_record_is_the_same_however_it_is_made(fields):
    """Metadata is not plain, so an order with metadata goes the thorough way."""
    thorough = outcome_of((*fields, {}))
    if isinstance(thorough, bytes):
        thorough = thorough.replace(b',"metadata":{}}', b"}")
    assert outcome_of(fields) == thorough


@pytest.mark.parametrize("number", ["0.5", "60000", 1, Decimal("12.50")])
def test_a_plain_order_goes_the_quick_way(number):
    assert _plain_record("alice", "BTC", number, number) is not None


@pytest.mark.parametrize("number", ["0", "0.00", "01", "1.", 0.5, True])
def test_what_is_not_plain_goes_the_thorough_way(number):
    assert _plain_record("alice", "BTC", number, "1") is None
