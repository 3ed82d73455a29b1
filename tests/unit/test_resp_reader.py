"""Replies are read as redis-py reads them, in whatever pieces they arrive."""

import asyncio
from types import SimpleNamespace

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from redis._parsers import _AsyncRESP2Parser
from redis.exceptions import BusyLoadingError, InvalidResponse
from redis.utils import HIREDIS_AVAILABLE

from cryptoorders_redis.transport import resp_reader
from cryptoorders_redis.transport.resp_reader import RespReader, make_read, parse_error

NEEDS_HIREDIS = pytest.mark.skipif(not HIREDIS_AVAILABLE, reason="hiredis is not installed")


def python_read():
    return RespReader(parse_error).read


def hiredis_read():
    return resp_reader._hiredis_read(parse_error)


each_reader = pytest.mark.parametrize(
    "make", [python_read, pytest.param(hiredis_read, marks=NEEDS_HIREDIS)], ids=["python", "hiredis"]
)

ERRORS = [
    "NOSCRIPT No matching script", "READONLY You can't write", "OOM command not allowed", "ERR what", "odd",
    "NOPERM no", "EXECABORT discarded", "MOVED 1 127.0.0.1:1", "WRONGTYPE no", "NOREPLICAS few", "",
]  # fmt: skip

scalars = st.one_of(
    st.sampled_from([b"y", b"n", b"\r", b"\n", b"$"]).map(lambda data: b"$1\r\n%b\r\n" % data),
    st.binary(max_size=40).map(lambda data: b"$%d\r\n%b\r\n" % (len(data), data)),
    st.lists(st.sampled_from([b"\r\n", b"$1\r\n", b"y"]), max_size=5)
    .map(b"".join)
    .map(lambda data: b"$%d\r\n%b\r\n" % (len(data), data)),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b":%d\r\n" % number),
    st.sampled_from([b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b"+OK\r\n", b"+QUEUED\r\n", b"+\r\n"]),
    st.sampled_from(ERRORS).map(lambda text: b"-%b\r\n" % text.encode()),
)
encoded_replies = st.recursive(
    scalars,
    lambda items: st.lists(items, min_size=1, max_size=6).map(
        lambda items: b"*%d\r\n%b" % (len(items), b"".join(items))
    ),
    max_leaves=30,
)


def comparable(reply):
    """As text that two errors of one class and one message share."""
    if isinstance(reply, list):
        return list(map(comparable, reply))
    return (type(reply), str(reply)) if isinstance(reply, Exception) else reply


async def read_by_redis_py(data, num_replies):
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    parser = _AsyncRESP2Parser(65536)
    parser.on_connect(SimpleNamespace(_reader=stream, encoder=None))
    return [await parser.read_response(disable_decoding=True) for _ in range(num_replies)]


def in_pieces(data, cuts):
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


@each_reader
@given(replies=st.lists(encoded_replies, max_size=8), cuts=st.lists(st.integers(0, 10_000), max_size=12))
def test_replies_in_any_pieces_are_those_of_redis_py(make, replies, cuts):
    data = b"".join(replies)
    read = make()
    got = [reply for piece in in_pieces(data, cuts) for reply in read(piece)]
    expected = asyncio.run(read_by_redis_py(data, len(replies)))
    assert comparable(got) == comparable(expected)


@each_reader
@given(number=st.integers(1, 40), cut=st.integers(0, 300))
def test_many_short_answers_in_one_piece_are_all_read(make, number, cut):
    """They have a way of their own, also where the last one is cut off."""
    answers = [b"yn-\r\n$"[n % 6 : n % 6 + 1] for n in range(number)]
    data = b"".join(b"$1\r\n%b\r\n" % answer for answer in answers)
    read = make()
    assert [*read(data[:cut]), *read(data[cut:])] == answers


@each_reader
@pytest.mark.parametrize(
    ("data", "replies"),
    [
        pytest.param(b"$1\r\ny\r\n:1\r\n+\r\n", [b"y", 1, b""], id="lines"),
        pytest.param(
            b"$1\r\ny\r\n$56\r\n\r\n%b\r\n" % (b"$1\r\n\r\n" * 9),
            [b"y", b"\r\n" + b"$1\r\n\r\n" * 9],
            id="heads",
        ),
    ],
)
def test_other_replies_are_not_taken_for_short_answers(make, data, replies):
    """Though they have as many bytes and lines, or as many lines that look like the head of one."""
    assert len(data) % 7 == 0
    assert make()(data) == replies


@each_reader
def test_each_reply_comes_as_soon_as_it_is_complete(make):
    read = make()
    assert read(b"$1\r\ny\r\n*2\r\n:1\r\n") == [b"y"]
    assert read(b"$3\r\nab") == []
    assert read(b"c\r\n+OK\r\n") == [[1, b"abc"], b"OK"]


@each_reader
def test_errors_of_the_connection_stand_as_replies_too(make):
    login, loading, text = make()(b"-NOAUTH who are you\r\n*1\r\n-LOADING wait\r\n-ERR \xff\r\n")
    assert type(login) is redis.AuthenticationError
    assert type(loading[0]) is BusyLoadingError
    assert str(text).endswith("�")


@each_reader
@pytest.mark.parametrize(
    "data", [b"?what\r\n", b"$x\r\n", b"*1\r\n:one\r\n", b"HTTP/1.1 400 Bad Request\r\n"]
)
def test_what_is_no_reply_is_refused(make, data):
    with pytest.raises(InvalidResponse):
        make()(data)


class CountingReader(RespReader):
    """Counts the bytes that it looks at."""

    num_bytes = 0

    def _read_items(self, data):
        self.num_bytes += len(data)
        super()._read_items(data)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"$1000000\r\n%b\r\n" % (b"x" * 1_000_000), id="text"),
        pytest.param(b"*50000\r\n%b" % (b"$6\r\nabcdef\r\n" * 50_000), id="array"),
        pytest.param(b"*5000\r\n%b" % (b"*2\r\n$2\r\nab\r\n*1\r\n:1\r\n" * 5000), id="nested"),
    ],
)
def test_the_cost_of_a_long_reply_is_linear_in_its_length(reply):
    """In small pieces: neither a long text nor the items of an array are read again with each piece."""
    reader = CountingReader(parse_error)
    pieces = [reply[at : at + 1000] for at in range(0, len(reply), 1000)]
    assert len([each for piece in pieces for each in reader.read(piece)]) == 1
    assert reader.num_bytes < 1.1 * len(reply)


@NEEDS_HIREDIS
def test_hiredis_is_used_where_it_is_installed(monkeypatch):
    assert "_hiredis_read" in make_read(parse_error).__qualname__
    monkeypatch.setattr(resp_reader, "HIREDIS_AVAILABLE", False)
    assert "RespReader" in make_read(parse_error).__qualname__
