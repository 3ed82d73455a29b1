"""The check of all keys from outside finds each way in which those of a cluster can disagree."""

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import Names, assert_consistent

STREAM = stream_of_user("alice", 3)
OTHER = (STREAM + 1) % 3


@pytest.fixture
def raw(cluster, cluster_raw, namespace):
    with CryptoOrderSystem(3, url=cluster.url, namespace=namespace) as system:
        for order_id in ("o", "p"):
            assert system.place(order_id, "alice", "BTC", 1, 1)
        assert system.pause("p")
    assert_consistent(cluster_raw, namespace)
    return cluster_raw


SPOILED = [
    ("HDEL {shard_of_o} o", "says None of b'o'"),
    (f"HSET {{shard_of_o}} o {OTHER}", "says b'[0-2]' of b'o'"),
    (f"HSET {{shard_of_o}} o {STREAM}-", "says b'[0-2]-' of b'o'"),
    (f"HSET {{shard_of_gone}} gone {STREAM}", "not live: .*gone"),
    ("HSET {shard_of_o} of-another 0", "b'of-another' is in b'.*directory"),
    ("HDEL {stream}:orders o", "users' sets differ"),
    ("ZREM {stream}:placed o", "placed differs"),
    ("SREM {stream}:user:alice o", "users' sets differ"),
    ("SADD {stream}:user:bob o", "in two users' sets"),
    ("SADD {stream}:paused gone", "paused, but no order"),
    ("SET {stream}:sequence 7", "has a later order"),
    ("ZADD {stream}:placed 7 o 7 p", "one sequence number"),
    ("HINCRBY {stream}:config epoch 1", "knows epoch"),
    ("HSET {stream}:config num_streams 4", "knows"),
    ("HDEL {stream}:config epoch", "knows"),
    (f"HSET {{config}} num_streams {STREAM}", "stream [0-2] of [0-2]"),
    ("SET {stream}:other 1", "does not know"),
    ("SET {stream}:orders:1 1", "does not know"),
    ("SET {stream}:user 1", "does not know"),
    ("HSET {shard_256} o 1", "does not know"),
]


@pytest.mark.parametrize(("command", "problem"), SPOILED)
def test_a_spoiled_key_of_a_cluster_is_found(raw, namespace, command, problem):
    names = Names(raw, namespace)
    keys = {
        "stream": f"{{{namespace}:{STREAM}}}",
        "config": names.config,
        "shard_of_o": names.directory_of("o"),
        "shard_of_gone": names.directory_of("gone"),
        "shard_256": f"{{{namespace}:directory:256}}",
    }
    raw.execute_command(*command.format(**keys).split())
    with pytest.raises(AssertionError, match=problem):
        assert_consistent(raw, namespace)


def test_an_entry_may_stay_where_its_release_was_lost(raw, namespace):
    names = Names(raw, namespace)
    raw.hset(names.directory_of("gone"), "gone", names.entry_of(STREAM))
    assert_consistent(raw, namespace, released_late=[b"gone"])
