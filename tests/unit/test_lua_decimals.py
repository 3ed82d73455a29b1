"""Arithmetic on decimal text in Lua is what Python's Decimal does, to the last digit."""

import shutil
from decimal import Context, Decimal

import fakeredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoorders_redis.schema.scripts import resolve_includes
from tests.support.servers import REPOSITORY

EXACT = Context(prec=300)

SOURCE = """--- @include "decimal"
local replies = {}
for at = 1, #ARGV, 2 do
  replies[#replies + 1] = {
    subtract_decimals(ARGV[at], ARGV[at + 1]) or false,
    equal_decimals(ARGV[at], ARGV[at + 1]) and 1 or 0,
  }
end
return replies
"""

whole = st.integers(0, 10**60).map(str) | st.sampled_from(
    ["0", "1", "9" * 14, "1" + "0" * 14, "1" + "0" * 28]
)
parts = st.just("") | st.text("0123456789", min_size=1, max_size=45).map(lambda digits: "." + digits)
numbers = st.builds(str.__add__, whole, parts)
pairs = st.lists(st.tuples(numbers, numbers) | numbers.map(lambda number: (number, number)), max_size=20)


@pytest.fixture(scope="module", params=["fakeredis", "redis-server"])
def calculate(request, tmp_path_factory):
    folder = shutil.copytree(REPOSITORY / "lua", tmp_path_factory.mktemp("decimals") / "lua")
    (folder / "calculate.lua").write_text(SOURCE)
    source = resolve_includes("calculate", folder)
    server = None if request.param == "fakeredis" else request.getfixturevalue("server")
    with fakeredis.FakeRedis() if server is None else server.client() as client:
        yield lambda words: client.eval(source, 0, *words)


def near(number):
    """Numbers that differ from one in a single digit, or in nothing but zeros behind the point."""
    exact = Decimal(number)
    exponent = exact.as_tuple().exponent
    assert isinstance(exponent, int)
    step = Decimal(1).scaleb(exponent)
    for other in (EXACT.add(exact, step), exact, EXACT.subtract(exact, step)):
        if other >= 0:
            yield format(other, "f")
            yield format(other, "f") + ("00" if "." in number else ".00")


@given(pairs=pairs)
@settings(max_examples=200)
def test_a_difference_is_exact_in_value_and_in_digits(calculate, pairs):
    tried = [(a, b) for a, other in pairs for b in (other, *near(a))]
    replies = calculate([word for pair in tried for word in pair])
    for (a, b), (difference, equal) in zip(tried, replies, strict=True):
        exact = EXACT.subtract(Decimal(a), Decimal(b))
        assert equal == (Decimal(a) == Decimal(b)), (a, b)
        if exact < 0:
            assert difference is None, (a, b)
        else:
            assert difference.decode() == format(exact, "f"), (a, b)
