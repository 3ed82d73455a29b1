"""The server writes a deadline into a record as Python would, and reads what it is asked for."""

import random
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from cryptoorders_redis.order import EPOCH
from cryptoorders_redis.schema.records import deadline_in
from cryptoorders_redis.schema.scripts import resolve_includes
from tests.support.lua_scripts import LUA

RECORD = '{"user_id":"u","currency":"c","amount":"1","price":"1"}'


@pytest.fixture
def run_lua(raw, tmp_path):
    """Runs Lua that may include the library's functions."""
    folder = shutil.copytree(LUA, tmp_path / "lua")

    def run(source, *args):
        (folder / "tested.lua").write_text(source)
        return raw.eval(resolve_includes("tested", folder), 0, *args)

    return run


def test_lua_and_python_write_a_moment_alike(run_lua):
    chance = random.Random(5)
    most = 2**53
    edges = [
        datetime(year, month, day, tzinfo=UTC)
        for year in (2000, 2024, 2096, 2100, 2254)
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31))
    ]
    leap_days = [datetime(year, 2, 29, 23, 59, 59, 999999, tzinfo=UTC) for year in (2000, 2024, 2096)]
    moments = [(each - EPOCH) // timedelta(microseconds=1) for each in (*edges, *leap_days)]
    moments += [1, most - 1, *(chance.randrange(1, most) for _ in range(1000))]
    source = """--- @include "with_deadline"
    local records = {}
    for i = 2, #ARGV do
      records[i - 1] = with_deadline(ARGV[1], ARGV[i])
    end
    return records"""
    records = run_lua(source, RECORD, *moments)
    for moment, record in zip(moments, records, strict=True):
        text = (EPOCH + timedelta(microseconds=moment)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert record.decode() == f'{RECORD[:-1]},"expires_at":"{text}"}}'
        assert deadline_in(record) == moment


def test_a_deadline_must_be_after_now(run_lua):
    source = """--- @include "deadline_of"
    return {deadline_of('', 17), deadline_of('18', '17'), deadline_of('+5', '17'),
      deadline_of('17', '17') == nil and 1, deadline_of('1795449520224378', '1795449520224378') == nil and 1,
      deadline_of('1795449520224379', '1795449520224378')}"""
    assert run_lua(source) == [b"", b"18", b"22", 1, 1, b"1795449520224379"]
