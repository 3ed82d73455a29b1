"""What ids, amounts and prices are legal, and that nothing is sent where they are not."""

from decimal import Decimal

import pytest

from cryptoorders_redis import OrderStatus
from tests.support.model import live_order
from tests.support.nasty import NASTY_IDS


def place(system, **fields):
    order = {"order_id": "o", "user_id": "alice", "currency": "BTC", "amount": 1, "price": 1}
    return system.place(**(order | fields))


@pytest.mark.parametrize("nasty", NASTY_IDS, ids=ascii)
def test_any_text_is_an_id_and_never_changes_which_key_is_meant(system, nasty):
    assert system.place(nasty, nasty, nasty, 1, 2)
    assert system.place("neighbour", "alice", "BTC", 1, 1)
    assert not system.place(nasty, "alice", "BTC", 1, 1)
    order = system.get(nasty)
    assert (order.order_id, order.user_id, order.currency) == (nasty, nasty, nasty)
    assert system.user(nasty).pause(nasty)
    assert system.get(nasty).status is OrderStatus.PAUSED
    assert system.display_all_live_orders() == [nasty + "(paused)", "neighbour"]
    assert system.user(nasty).display_all_live_orders() == [nasty + "(paused)"]
    assert [o.order_id for o in system.live_orders(user_id=nasty, currency=nasty)] == [nasty]
    assert not system.user("alice").resume(nasty)
    assert system.resume(nasty)
    assert system.cancel(nasty)
    assert system.place(nasty, nasty, nasty, 1, 2)
    assert system.cancel_all_by_user(nasty) == 1
    assert system.display_all_live_orders() == ["neighbour"]


def test_all_nasty_ids_live_side_by_side(system):
    for nasty in NASTY_IDS:
        assert system.place(nasty, nasty, "BTC", 1, 1)
    assert system.display_all_live_orders() == NASTY_IDS
    for nasty in NASTY_IDS:
        assert system.cancel_all_by_user(nasty) == 1


def test_an_id_that_looks_like_a_paused_line_is_another_order(system):
    system.place("o", "alice", "BTC", 1, 1)
    system.place("o(paused)", "alice", "BTC", 1, 1)
    assert system.pause("o")
    assert system.display_all_live_orders() == ["o(paused)", "o(paused)"]
    assert system.get("o(paused)").status is OrderStatus.ACTIVE


@pytest.mark.parametrize("similar", ["O", "o ", " o", "o\0", "o\n"], ids=ascii)
def test_ids_are_not_trimmed_folded_or_cut(system, similar):
    assert place(system)
    assert place(system, order_id=similar)
    assert system.count() == 2


def test_ids_are_not_normalized(system):
    assert place(system, order_id="\u00e9")
    assert place(system, order_id="e\u0301")
    assert system.display_all_live_orders() == ["\u00e9", "e\u0301"]


TEXT_FIELDS = ["order_id", "user_id", "currency"]
BAD_TEXTS = [
    pytest.param("", ValueError, "must not be empty", id="empty"),
    pytest.param("x" * 257, ValueError, "must be at most 256 bytes of UTF-8, not 257", id="257-bytes"),
    pytest.param(
        "é" * 128 + "x", ValueError, "must be at most 256 bytes of UTF-8, not 257", id="257-bytes-129-letters"
    ),
    pytest.param("📈" * 65, ValueError, "must be at most 256 bytes of UTF-8, not 260", id="65-emoji"),
    pytest.param(
        "x" * 255 + "é", ValueError, "must be at most 256 bytes of UTF-8, not 257", id="cut-through-a-letter"
    ),
    pytest.param("\ud800", ValueError, "cannot be written as UTF-8", id="lone-high-surrogate"),
    pytest.param("a\udfff", ValueError, "cannot be written as UTF-8", id="lone-low-surrogate"),
    pytest.param(None, TypeError, "must be a str, not NoneType", id="None"),
    pytest.param(7, TypeError, "must be a str, not int", id="int"),
    pytest.param(True, TypeError, "must be a str, not bool", id="bool"),
    pytest.param(b"o", TypeError, "must be a str, not bytes", id="bytes"),
    pytest.param(["o"], TypeError, "must be a str, not list", id="list"),
]


@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize(("text", "error", "message"), BAD_TEXTS)
def test_an_illegal_text_is_refused_by_the_name_of_its_field(
    system, sends_nothing, *, field, text, error, message
):
    with sends_nothing(), pytest.raises(error, match=rf"^{field} {message}"):
        place(system, **{field: text})


@pytest.mark.parametrize("call", ["pause", "resume", "cancel", "get", "cancel_all_by_user"])
@pytest.mark.parametrize(("text", "error", "message"), BAD_TEXTS)
def test_an_id_that_is_not_legal_is_refused_by_every_call(
    system, sends_nothing, *, call, text, error, message
):
    field = "user_id" if call == "cancel_all_by_user" else "order_id"
    with sends_nothing(), pytest.raises(error, match=rf"^{field} {message}"):
        getattr(system, call)(text)


@pytest.mark.parametrize("call", ["pause", "resume", "cancel"])
def test_an_id_that_is_not_legal_is_refused_by_a_users_calls(system, sends_nothing, call):
    alice = system.user("alice")
    with sends_nothing(), pytest.raises(ValueError, match=r"^order_id must not be empty"):
        getattr(alice, call)("")
    with sends_nothing(), pytest.raises(ValueError, match=r"^order_id must not be empty"):
        alice.place("", "BTC", 1, 1)
    with sends_nothing(), pytest.raises(ValueError, match=r"^amount must be above zero"):
        alice.place("o", "BTC", 0, 1)


class WordyFloat(float):
    """As NumPy's: its repr is more than the number."""

    def __repr__(self) -> str:
        return f"np.float64({float.__repr__(self)})"

    __str__ = __repr__


class SubInt(int):
    def __str__(self) -> str:
        return "many"

    __repr__ = __str__


EXACT = [
    pytest.param("0.1", "0.1", id="str"),
    pytest.param(0.1, "0.1", id="float"),
    pytest.param(0.1 + 0.2, "0.30000000000000004", id="float-shortest-repr"),
    pytest.param(1e23, "1" + "0" * 23, id="float-large"),
    pytest.param(1e-7, "0.0000001", id="float-with-exponent"),
    pytest.param(2.0, "2.0", id="float-whole"),
    pytest.param(WordyFloat(0.1), "0.1", id="float-subclass"),
    pytest.param(SubInt(7), "7", id="int-subclass"),
    pytest.param(10**99, "1" + "0" * 99, id="int-of-100-digits"),
    pytest.param(123456789012345678901, "123456789012345678901", id="int-beyond-a-double"),
    pytest.param(
        "123456789012345678.123456789012345678", "123456789012345678.123456789012345678", id="long-str"
    ),
    pytest.param("1.10", "1.10", id="trailing-zero-kept"),
    pytest.param("007", "7", id="leading-zeros"),
    pytest.param("+5", "5", id="plus"),
    pytest.param(".5", "0.5", id="no-whole-part"),
    pytest.param("5.", "5", id="no-fraction"),
    pytest.param("1e3", "1000", id="exponent"),
    pytest.param("1E-3", "0.001", id="negative-exponent"),
    pytest.param("1e99", "1" + "0" * 99, id="exponent-at-the-limit"),
    pytest.param("1e-99", "0." + "0" * 98 + "1", id="negative-exponent-at-the-limit"),
    pytest.param(Decimal("1E+2"), "100", id="decimal-exponent"),
    pytest.param(Decimal("0.100"), "0.100", id="decimal"),
    pytest.param("9" * 100, "9" * 100, id="100-digits"),
    pytest.param("0." + "9" * 99, "0." + "9" * 99, id="99-places"),
]


@pytest.mark.parametrize(("given", "text"), EXACT)
def test_an_amount_and_a_price_are_kept_exactly(system, store, given, text):
    assert place(system, amount=given, price=given)
    order = system.get("o")
    assert (type(order.amount), str(order.amount)) == (Decimal, str(Decimal(text)))
    assert str(order.price) == str(Decimal(text))
    (record,) = (v for n in range(3) for v in store.raw.hvals(f"{{{store.namespace}:{n}}}:orders"))
    assert f'"amount":"{text}","price":"{text}"'.encode() in record


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, "0", "0.00", "-0", Decimal("-0"), "0e5"], ids=repr)
def test_a_price_of_zero_is_legal_and_never_negative(system, zero):
    assert place(system, price=zero)
    price = live_order(system, "o").price
    assert price == 0
    assert not price.is_signed()


BAD_NUMBERS = [
    pytest.param(float("nan"), ValueError, "must be finite", id="nan"),
    pytest.param(float("inf"), ValueError, "must be finite", id="inf"),
    pytest.param(-float("inf"), ValueError, "must be finite", id="minus-inf"),
    pytest.param(Decimal("NaN"), ValueError, "must be finite", id="decimal-nan"),
    pytest.param(Decimal("sNaN"), ValueError, "must be finite", id="decimal-snan"),
    pytest.param(Decimal("-Infinity"), ValueError, "must be finite", id="decimal-inf"),
    pytest.param("nan", ValueError, "must be finite", id="nan-text"),
    pytest.param("-Infinity", ValueError, "must be finite", id="inf-text"),
    pytest.param("", ValueError, "must be a decimal number", id="empty"),
    pytest.param("ten", ValueError, "must be a decimal number", id="word"),
    pytest.param("1,5", ValueError, "must be a decimal number", id="comma"),
    pytest.param("1_000", ValueError, "must be a decimal number", id="underscore"),
    pytest.param(" 1", ValueError, "must be a decimal number", id="leading-space"),
    pytest.param("1\n", ValueError, "must be a decimal number", id="trailing-newline"),
    pytest.param("٣", ValueError, "must be a decimal number", id="another-alphabets-digit"),
    pytest.param("0x10", ValueError, "must be a decimal number", id="hexadecimal"),
    pytest.param(".", ValueError, "must be a decimal number", id="point"),
    pytest.param("1e", ValueError, "must be a decimal number", id="half-an-exponent"),
    pytest.param("1e9999999999", ValueError, "must be", id="exponent-too-long-to-read"),
    pytest.param("1e999999999", ValueError, "must have at most 100 digits", id="huge-exponent"),
    pytest.param("1e-999999999", ValueError, "must have at most 100 digits", id="huge-negative-exponent"),
    pytest.param(
        Decimal("1E+999999"), ValueError, "must have at most 100 digits", id="decimal-huge-exponent"
    ),
    pytest.param("1e100", ValueError, "must have at most 100 digits, not 101", id="101-digits"),
    pytest.param("1e-100", ValueError, "must have at most 100 digits, not 101", id="100-places"),
    pytest.param(10**100, ValueError, "must have at most 100 digits, not 101", id="int-of-101-digits"),
    pytest.param(1e300, ValueError, "must have at most 100 digits, not 301", id="float-of-301-digits"),
    pytest.param(-1, ValueError, "must", id="negative"),
    pytest.param("-0.1", ValueError, "must", id="negative-text"),
    pytest.param(-0.1, ValueError, "must", id="negative-float"),
    pytest.param(True, TypeError, "must be a Decimal, int, float or str, not bool", id="true"),
    pytest.param(False, TypeError, "must be a Decimal, int, float or str, not bool", id="false"),
    pytest.param(None, TypeError, "must be a Decimal, int, float or str, not NoneType", id="None"),
    pytest.param(b"1", TypeError, "must be a Decimal, int, float or str, not bytes", id="bytes"),
    pytest.param(1j, TypeError, "must be a Decimal, int, float or str, not complex", id="complex"),
]


@pytest.mark.parametrize("field", ["amount", "price"])
@pytest.mark.parametrize(("number", "error", "message"), BAD_NUMBERS)
def test_an_illegal_number_is_refused_by_the_name_of_its_field(
    system, sends_nothing, *, field, number, error, message
):
    with sends_nothing(), pytest.raises(error, match=rf"^{field} {message}"):
        place(system, **{field: number})


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, "0", "0.00", Decimal("-0"), "0e5"], ids=repr)
def test_an_amount_of_zero_is_refused(system, sends_nothing, zero):
    with sends_nothing(), pytest.raises(ValueError, match=r"^amount must be above zero"):
        place(system, amount=zero)
