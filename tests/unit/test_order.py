"""Whatever an order is made of is refused by a ValueError or TypeError, or comes back exactly as it was."""

import contextlib
import copy
import dataclasses
import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoorders_redis import NewOrder, Order, OrderStatus, errors
from cryptoorders_redis.schema.records import decode_order, encode_record
from cryptoorders_redis.validation import MAX_NUMBER_DIGITS, MAX_TEXT_BYTES

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)
texts = ids | st.text() | st.text(st.sampled_from('a1{}:"\\\0\n\u2028é📈\ud800'), max_size=300)
plain_numbers = st.decimals("1e-20", "1e40", places=20) | st.integers(1, 10**90) | st.floats(1e-40, 1e40)
numbers = (
    plain_numbers
    | st.decimals()
    | st.integers()
    | st.floats()
    | st.from_regex(r"[+-]?[0-9]{0,120}\.?[0-9]{0,120}([eE][+-]?[0-9]{1,10})?", fullmatch=True)
    | st.text(max_size=10)
)


def is_hashable(value):
    return value.__hash__ is not None


anything = (
    st.none() | st.booleans() | st.binary() | st.lists(st.integers(), max_size=2) | st.complex_numbers()
)
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ids
legal_metadata = st.none() | st.dictionaries(st.just("") | ids, values, max_size=4)
any_metadata = (
    legal_metadata | st.dictionaries(texts | anything.filter(is_hashable), texts | anything) | anything
)


def comes_back_exactly(new):
    record = encode_record(new)
    order = decode_order(new.order_id.encode(), b"1795449520224378", record, 0)
    assert (order.order_id, order.user_id, order.currency) == (new.order_id, new.user_id, new.currency)
    for kept, given_ in ((order.amount, new.amount), (order.price, new.price)):
        exact = Decimal(repr(given_) if isinstance(given_, float) else given_)
        assert kept == exact
        assert not kept.is_signed()
        exponent = exact.as_tuple().exponent
        assert isinstance(exponent, int)
        if exponent <= 0:
            assert kept.as_tuple().exponent == exponent
        assert len(kept.as_tuple().digits) <= MAX_NUMBER_DIGITS
    assert order.amount > 0
    assert order.metadata == new.metadata
    assert list(map(type, (order.metadata or {}).values())) == list(map(type, (new.metadata or {}).values()))
    for text in (order.order_id, order.user_id, order.currency):
        assert 1 <= len(text.encode()) <= MAX_TEXT_BYTES
    return True


@given(st.builds(NewOrder, ids, ids, ids, plain_numbers, plain_numbers, legal_metadata))
def test_what_is_legal_comes_back_exactly(new):
    assert comes_back_exactly(new)


@given(st.builds(NewOrder, *[texts | anything] * 3, *[numbers | anything] * 2, any_metadata))
def test_any_input_is_refused_or_comes_back_exactly(new):
    with contextlib.suppress(TypeError, ValueError):
        assert comes_back_exactly(new)


@given(numbers)
def test_any_number_is_refused_or_comes_back_exactly(number):
    with contextlib.suppress(TypeError, ValueError):
        assert comes_back_exactly(NewOrder("o", "u", "c", 1, number))


class Currency(str, Enum):  # noqa: UP042 - the kind that is written as Currency.BTC
    BTC = "BTC"


class Side(StrEnum):
    BUY = "buy"


def test_a_text_that_is_written_in_another_way_is_refused():
    with pytest.raises(TypeError, match="currency must be a str, and Currency is written in another way"):
        encode_record(NewOrder("o", "u", Currency.BTC, 1, 1))
    assert b'"currency":"buy"' in encode_record(NewOrder("o", "u", Side.BUY, 1, 1))


class Lot(str, Enum):  # noqa: UP042
    SMALL = "0.50"


def test_a_number_in_another_notation_is_taken_as_what_it_is():
    assert b'"amount":"0.50"' in encode_record(NewOrder("o", "u", "c", Lot.SMALL, 1))


def test_a_decoded_order_is_like_any_other():
    record = b'{"user_id":"alice","currency":"BTC","amount":"0.50","price":"60000"}'
    order = decode_order(b"order1", b"1767323045000678", record, 1)
    assert order == an_order()
    assert hash(order) == hash(an_order())
    assert copy.copy(order) == copy.deepcopy(order) == pickle.loads(pickle.dumps(order)) == order
    assert dataclasses.replace(order, price=Decimal(1)) == an_order(price=Decimal(1))
    assert not hasattr(order, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        order.__setattr__("price", Decimal(1))


BROKEN = [
    pytest.param(b"17", None, id="no-record"),
    pytest.param(None, b'{"user_id":"u","currency":"c","amount":"1","price":"1"}', id="no-sequence-number"),
    pytest.param(b"17", b"{", id="no-json"),
    pytest.param(b"17", b'{"user_id":"u"}', id="a-field-missing"),
    pytest.param(b"17", b'{"user_id":"u","currency":"c","amount":"x","price":"1"}', id="no-number"),
    pytest.param(b"17", b"[]", id="another-thing"),
]


@pytest.mark.parametrize(("sequence", "record"), BROKEN)
def test_keys_that_describe_no_order_say_what_to_do(sequence, record):
    with pytest.raises(errors.InconsistentData, match=r"order b'o' has .* verify\(\) says"):
        decode_order(b"o", sequence, record, 0)


def an_order(**changes):
    fields = {
        "order_id": "order1",
        "user_id": "alice",
        "currency": "BTC",
        "amount": Decimal("0.50"),
        "price": Decimal(60_000),
        "status": OrderStatus.PAUSED,
        "placed_at": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        "sequence": 1767323045000678,
        "metadata": None,
        "expires_at": None,
    }
    return Order(**{**fields, **changes})


def test_an_order_as_a_dict_has_every_field():
    assert an_order().to_dict() == {
        "order_id": "order1",
        "user_id": "alice",
        "currency": "BTC",
        "amount": "0.50",
        "price": "60000",
        "status": "PAUSED",
        "placed_at": "2026-01-02T03:04:05.000678+00:00",
        "sequence": 1767323045000678,
        "metadata": None,
        "expires_at": None,
    }


def test_an_order_as_a_dict_comes_back_from_json():
    fields = an_order(order_id="\0\n🚀", user_id='"{}').to_dict()
    assert json.loads(json.dumps(fields)) == fields
    assert {type(value) for value in fields.values()} == {str, int, type(None)}


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E+2", "100"), ("1E-8", "0.00000001"), ("0.10", "0.10"), ("9" * 60 + "." + "1" * 40,) * 2],
)
def test_a_dict_has_numbers_as_plain_exact_text(number, text):
    fields = an_order(amount=Decimal(number), price=Decimal(number)).to_dict()
    assert (fields["amount"], fields["price"]) == (text, text)


def test_a_dict_has_microseconds_also_where_they_are_0():
    placed_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert an_order(placed_at=placed_at).to_dict()["placed_at"] == "2026-01-02T03:04:05.000000+00:00"
