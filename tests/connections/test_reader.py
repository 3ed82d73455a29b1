"""The shipped user for reading can use every call that reads, and change nothing."""

import re
import time
from datetime import timedelta

import pytest
import redis
from redis.exceptions import NoPermissionError, ResponseError
from typer.testing import CliRunner

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.cli.app import app
from tests.connections.test_security import ACL, server, url_of
from tests.support.blocking import BlockingSystem
from tests.support.consistency import keys_of
from tests.support.copies import read_keys
from tests.support.every_command import COMMANDS

__all__ = ["server"]

READER = ("orders-reader", "CHANGE-ME-TOO")
NAMESPACE = "cryptoorders"


@pytest.fixture
def filled(server):
    """The server of a namespace with orders, by the default user, who may do everything here."""
    with CryptoOrderSystem(3, url=server.url) as system:
        system.place_many([(f"order{n}", f"user{n % 5}", "BTC", 1, 2) for n in range(50)])
        system.configure(feed=100)
        system.pause("order1")
        yield server


@pytest.fixture
def reader_url(filled):
    return url_of(filled, *READER)


@pytest.mark.parametrize("api", [CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
def test_a_reader_can_use_every_call_that_reads(filled, reader_url, api):
    with filled.client() as admin:
        before = read_keys(admin, NAMESPACE)
        with api(url=reader_url) as system:
            for is_full in (False, True):
                read_everything(system)
                admin.script_flush()
                admin.config_set("maxmemory", 0 if is_full else 1)
        assert read_keys(admin, NAMESPACE) == before


def read_everything(system):
    assert system.get("order1").user_id == "user1"
    assert system.get("order99") is None
    assert len(list(system.live_orders())) == system.count() == len(system.display_all_live_orders()) == 50
    assert len(list(system.live_orders(user_id="user1", limit=4))) == 4
    assert system.count(user_id="user1", status="PAUSED") == system.summary().paused == 1
    assert system.metrics().paused == 1
    assert system.stats().bytes > 1000
    assert system.verify() == []
    assert len(list(system.changes("start", wait=False))) == 1
    assert system.history("order50").is_complete is False
    assert system.position()
    assert system.outcome("e1", "user1") == system.outcomes([("e1", "user1")])[0]
    assert system.intake.stats().waiting == 0
    assert system.intake.dead_letters() == []
    assert system.cancel_all_deadline("user1") is None
    alice = system.user("user1")
    assert alice.display_all_live_orders()[0] == "order1(paused)"
    assert alice.get("order1").order_id == "order1"


@pytest.mark.parametrize("api", [CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
def test_a_reader_sees_that_a_deadline_is_overdue(filled, reader_url, api):
    with CryptoOrderSystem(url=filled.url) as system, api(url=reader_url) as reader:
        system.place("late", "user1", "BTC", 1, 1, expires_at=timedelta(milliseconds=1))
        time.sleep(0.01)
        with pytest.raises(errors.AccessDenied):
            reader.count()
        read = reader.metrics()
        assert read.live == 51
        assert max(stream.overdue_seconds for stream in read.streams) > 0.005
        assert system.count() == 50


CHANGES = {
    "place": lambda system: system.place("new", "alice", "BTC", 1, 1),
    "place_many": lambda system: system.place_many([("new", "alice", "BTC", 1, 1)]),
    "pause": lambda system: system.pause("order2"),
    "resume": lambda system: system.resume("order1"),
    "cancel": lambda system: system.cancel("order2"),
    "cancel_many": lambda system: system.cancel_many(["order2"]),
    "amend": lambda system: system.amend("order2", price=3),
    "reduce": lambda system: system.reduce("order2", "0.5"),
    "cancel_all_by_user": lambda system: system.cancel_all_by_user("user2"),
    "resize": lambda system: system.resize(5),
    "drop": lambda system: system.drop(),
}


def test_a_reader_is_refused_every_change(filled, reader_url):
    with filled.client() as admin, CryptoOrderSystem(url=reader_url) as system:
        before = read_keys(admin, NAMESPACE)
        for change in CHANGES.values():
            with pytest.raises((errors.AccessDenied, errors.BulkInterrupted), match=r"can't run|permissions"):
                change(system)
        assert read_keys(admin, NAMESPACE) == before
        assert not [key for key in keys_of(admin, NAMESPACE) if b":probe" in key]


def test_a_reader_creates_no_namespace(server):
    with pytest.raises(errors.AccessDenied):
        CryptoOrderSystem(url=url_of(server, *READER))
    with pytest.raises(errors.NoSuchNamespace):
        CryptoOrderSystem(url=url_of(server, *READER), create=False)
    with server.client() as admin:
        assert keys_of(admin, NAMESPACE) == []


READING = {"get", "live", "count", "stats", "watch", "metrics", "verify", "export", "copy"}  # from there


def test_a_reader_can_use_every_command_that_reads(filled, reader_url):
    with filled.client() as admin:
        before = read_keys(admin, NAMESPACE)
        for command in sorted(READING):
            done = CliRunner().invoke(app, [command, *COMMANDS[command], "--url", reader_url])
            assert done.exit_code == 0, done.stderr
        assert CliRunner().invoke(app, ["cancel", "order1", "--url", reader_url]).exit_code == 2
        assert read_keys(admin, NAMESPACE) == before


def test_a_reader_has_no_right_to_write(server):
    (line,) = (line for line in ACL.read_text().splitlines() if line.startswith(f"user {READER[0]} "))
    granted = set(re.findall(r" \+(\S+)", line))
    assert len(granted) > 30
    with server.client() as admin:
        writing = {name.decode() for name in admin.execute_command("ACL", "CAT", "write")}
    assert {"set", "hset", "zadd"} <= writing
    assert not granted & writing
    assert not [each for each in granted if each.startswith("@")]


@pytest.mark.parametrize(
    ("script", "keys"),
    [
        ("return redis.call('HSET', KEYS[1], 'order1', 'x')", ["{cryptoorders:0}:orders"]),
        ("return redis.call('DEL', KEYS[1])", ["{cryptoorders}:config"]),
        ("return redis.call('GET', 'another')", []),
        ("return redis.call('HGET', '{cryptoorders2}:config', 'epoch')", []),
        ("return redis.call('PUBLISH', 'a', 'b')", []),
    ],
)
def test_a_script_of_a_reader_changes_nothing_either(filled, script, keys):
    with filled.client() as admin:
        before = read_keys(admin, NAMESPACE)
        with (
            redis.Redis.from_url(url_of(filled, *READER), protocol=2) as reader,
            pytest.raises(ResponseError, match=r"can't|ermissions"),
        ):
            reader.eval(script, len(keys), *keys)
        assert read_keys(admin, NAMESPACE) == before


@pytest.mark.parametrize(
    "command",
    ["HDEL {cryptoorders:directory:0} order1", "GET another", "KEYS *", "CONFIG GET *", "MEMORY PURGE"],
)
def test_a_reader_can_do_nothing_else(filled, command):
    with redis.Redis.from_url(url_of(filled, *READER), protocol=2) as reader:
        assert reader.hexists("{cryptoorders:directory:0}", "order1")
        with pytest.raises(NoPermissionError):
            reader.execute_command(*command.split())
