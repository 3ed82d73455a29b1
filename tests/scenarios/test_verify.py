"""verify() finds every way in which keys can disagree, and nothing where they agree."""

import json
from datetime import timedelta

import fakeredis
import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.order import EPOCH
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.transport.embedded import memory
from cryptoorders_redis.validation import MOST_MICROSECONDS
from tests.support.nasty import NASTY_IDS

STREAM = stream_of_user("alice", 3)
OTHER = (STREAM + 1) % 3
RECORD = json.dumps({"user_id": "alice", "currency": "BTC", "amount": "1", "price": "2"})


@pytest.fixture(params=["server", "memory"])
def raw(request, namespace):
    if request.param == "memory":
        return fakeredis.FakeRedis(server=memory._named_server(namespace))
    return request.getfixturevalue("server").client()


@pytest.fixture
def system(raw, namespace):
    """Three streams, and one healthy order of alice's."""
    with raw, CryptoOrderSystem(3, client=raw, namespace=namespace) as system:
        system.place("order1", "alice", "BTC", 1, 2)
        yield system


@pytest.fixture
def keys(namespace):
    return Keys(namespace)


def test_a_healthy_store_has_nothing_to_report(system):
    for number, order_id in enumerate(NASTY_IDS):
        system.place(order_id, NASTY_IDS[-1 - number], "BTC", 1, 2)
        if number % 3 == 0:
            system.pause(order_id)
    for number in range(1500):
        system.place(f"many{number}", f"user{number % 700}", "BTC", 1, 2)
    assert system.verify() == []


def test_a_directory_that_lost_entries_is_mended(system, raw, keys):
    directory = keys.directory(0)
    for number, order_id in enumerate(NASTY_IDS):
        system.place(order_id, NASTY_IDS[-1 - number], "BTC", 1, 2)
    whole = raw.hgetall(directory)
    raw.delete(directory)
    raw.hset(directory, "ghost", STREAM)
    mended = system.repair()
    assert {(each.subject, each.problem.split(",")[0]) for each in mended} == {
        ("ghost", "its entry in the directory had no order"),
        *((order_id, "its id did not find it") for order_id in ("order1", *NASTY_IDS)),
    }
    assert raw.hgetall(directory) == whole
    assert system.verify() == system.repair() == []


def test_an_order_with_the_last_deadline_of_all_is_healthy(system):
    latest = EPOCH + timedelta(microseconds=MOST_MICROSECONDS)
    assert system.place("late", "alice", "BTC", 1, 1, expires_at=latest)
    assert system.verify() == system.repair() == []
    assert system.get("late").expires_at == latest


def test_a_namespace_with_the_same_beginning_is_ignored(system, raw, namespace):
    raw.sadd(f"{{{namespace}2:0}}:paused", "ghost")
    assert system.verify() == []


DAMAGES = [
    pytest.param(
        lambda raw, keys: raw.hdel(keys.orders(STREAM), "order1"),
        ["in placed, but there is", "in the set of user 'alice', but there is", "in the directory, but"],
        id="no-record",
    ),
    pytest.param(
        lambda raw, keys: raw.zrem(keys.placed(STREAM), "order1"),
        ["not in placed, so it is not listed"],
        id="not-in-placed",
    ),
    pytest.param(
        lambda raw, keys: raw.srem(keys.user(STREAM, "alice"), "order1"),
        ["not in the set of its user 'alice'"],
        id="not-in-its-users-set",
    ),
    pytest.param(
        lambda raw, keys: raw.hdel(keys.directory(0), "order1"),
        ["the directory names no stream"],
        id="not-in-the-directory",
    ),
    pytest.param(
        lambda raw, keys: raw.hset(keys.directory(0), "order1", OTHER),
        [f"the directory names stream {OTHER}", "in the directory, but there is no such order"],
        id="another-stream-in-the-directory",
    ),
    pytest.param(
        lambda raw, keys: raw.hset(keys.directory(0), "order1", "99"),
        ["the directory names b'99', which is none of the streams", "the directory names stream 99"],
        id="no-such-stream-in-the-directory",
    ),
    pytest.param(
        lambda raw, keys: raw.hset(keys.directory(0), "ghost", STREAM),
        ["in the directory, but there is no such order"],
        id="ghost-in-the-directory",
    ),
    pytest.param(
        lambda raw, keys: raw.sadd(keys.paused(STREAM), "ghost"),
        ["in paused, but there is no such order"],
        id="ghost-in-paused",
    ),
    pytest.param(
        lambda raw, keys: raw.sadd(keys.user(STREAM, "bob"), "ghost"),
        ["in the set of user 'bob', but there is no such order"],
        id="ghost-in-a-users-set",
    ),
    pytest.param(
        lambda raw, keys: raw.sadd(keys.user(STREAM, "bob"), "order1"),
        ["in the set of user 'bob', but it is an order of 'alice'"],
        id="in-another-users-set",
    ),
    pytest.param(
        lambda raw, keys: raw.hset(keys.orders(STREAM), "order1", "{"),
        ["its record cannot be read: not JSON: b'{'"],
        id="unreadable-record",
    ),
    pytest.param(
        lambda raw, keys: raw.hset(keys.orders(STREAM), "order1", '{"user_id":7}'),
        ["its record cannot be read: its field 'user_id' is missing or not legal"],
        id="record-without-a-user",
    ),
    pytest.param(
        lambda raw, keys: raw.set(keys.sequence_of(0), 5),
        ["is above the last one given out"],
        id="sequence-lost",
    ),
    pytest.param(
        lambda raw, keys: raw.sadd(keys.paused(7), "order1"),
        ["in paused, but there is no such order"],
        id="a-stream-too-many",
    ),
    pytest.param(
        lambda raw, keys: raw.set(keys.config + "s", "x"),
        ["no key of a namespace of 3 streams"],
        id="foreign-key",
    ),
    pytest.param(
        lambda raw, keys: raw.set(keys.user(STREAM, "").encode() + b"\xff", "x"),
        ["no key of a namespace of 3 streams"],
        id="key-that-is-no-text",
    ),
]


@pytest.mark.parametrize(("damage", "problems"), DAMAGES)
def test_damage_is_found_and_nothing_else(system, raw, keys, damage, problems):
    damage(raw, keys)
    found = system.verify()
    assert len(found) == len(problems), found
    for problem in problems:
        assert sum(problem in inconsistency.problem for inconsistency in found) == 1, found


def test_an_order_in_another_stream_than_its_users_is_found(system, raw, keys):
    raw.hset(keys.orders(OTHER), "order2", RECORD)
    raw.zadd(keys.placed(OTHER), {"order2": 1})
    raw.sadd(keys.user(OTHER, "alice"), "order2")
    raw.hset(keys.directory(0), "order2", OTHER)
    (found,) = system.verify()
    assert (found.subject, found.stream) == ("order2", OTHER)
    assert found.problem == f"an order of user 'alice', whose stream is {STREAM}"
