"""Slots move between the nodes of a cluster, nodes come and go, and one is cut off: no answer is wrong."""

import itertools
import random
import threading
from decimal import Decimal

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.schema.keys import ClusterKeys
from tests.support.cluster import ClusterServers
from tests.support.cluster_load import ClusterLoad
from tests.support.model import Model
from tests.support.waiting import wait_until

NUM_STREAMS = 8


def slots_of(namespace):
    """Return the slots of the streams, of the config, and of some shards of the directory."""
    keys = ClusterKeys(namespace)
    names = [keys.orders(stream) for stream in range(NUM_STREAMS)]
    names += [keys.directory(shard) for shard in range(0, keys.directory_shards, 16)]
    return [ClusterServers.slot_of(name) for name in (*names, keys.config)]


def wait_for_some(load):
    """Wait for some calls by any callers: some may be waiting for a slot that is half way."""
    wanted = load.num_calls + 20
    wait_until(lambda: load.errors or load.num_calls >= wanted)


def assert_right(load, cluster, namespace):
    """Fail unless every answer was right, and the keys are as the answers say."""
    assert load.errors == []
    assert load.deviations == []
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system:
        load.assert_listed(system)
        assert system.verify() == []


@pytest.mark.parametrize("half", [False, True], ids=["whole", "half-way"])
def test_slots_move_all_the_time_and_no_answer_is_wrong(own_cluster, namespace, half):
    cluster = own_cluster()
    slots = slots_of(namespace)
    random.Random(1).shuffle(slots)
    with ClusterLoad(cluster.url, namespace, num_streams=NUM_STREAMS) as load:
        for slot, address in zip(slots, itertools.cycle(cluster.addresses), strict=False):
            finish = cluster.move_slot(slot, address, half=half)
            wait_for_some(load)
            finish()
        load.wait_for(20)
    assert_right(load, cluster, namespace)


@pytest.mark.parametrize("is_moved", [True, False], ids=["alone", "left-behind"])
def test_wherever_a_key_is_each_answer_is_right_or_none(own_cluster, namespace, api, is_moved):
    """While the slot is on its way a call is right or changes nothing. Each key is the odd one once."""
    cluster, keys = own_cluster(), ClusterKeys(namespace)
    slot = ClusterServers.slot_of(keys.slot_of(0))
    kinds = ("config", "sequence", "orders", "placed", "paused", "user:alice", "user:bob")
    refused: list[str] = []
    with api(1, url=cluster.url, namespace=namespace, deadline_seconds=0) as system:
        for odd in kinds:
            model = Model()

            def call(name, *args, model=model, odd=odd):
                try:
                    answer = getattr(system, name)(*args)
                except errors.StoreUnavailable:
                    refused.append(odd)
                else:
                    assert answer == getattr(model, name)(*args), (odd, name)

            for number in range(6):
                user = ("alice", "bob")[number % 2]
                new = (f"o{number}", user, "BTC", Decimal(1), Decimal(1))
                assert system.place(*new) is model.place(*new) is True
            assert system.pause("o4") is model.pause("o4") is True
            source = cluster.owner_of(slot)
            target = next(address for address in cluster.addresses if address != source)
            moving = [f"{keys.slot_of(0)}:{kind}" for kind in kinds if (kind == odd) == is_moved]
            with cluster.node_client(source) as client:
                sessions = [key.decode() for key in client.keys(f"{keys.slot_of(0)}:sessions:*")]
            finish = cluster.move_keys(slot, target, moving + ([] if is_moved else sessions))
            call("pause", "o0")
            call("cancel", "o0")
            call("reduce", "o1", Decimal(1))
            call("cancel", "o3")
            call("place", "new", "alice", "BTC", Decimal(1), Decimal(1))
            call("cancel_all_by_user", "alice")
            finish()
            assert system.display_all_live_orders() == model.display()
            assert {each.subject for each in system.repair()} <= {"new"}  # its place may have left an entry
            assert system.verify() == []
            for user in ("alice", "bob"):
                assert system.cancel_all_by_user(user) == model.cancel_all_by_user(user)
    assert set(refused) == set(kinds)


def test_nodes_come_and_go_and_no_answer_is_wrong(own_cluster, namespace):
    cluster = own_cluster()
    with ClusterLoad(cluster.url, namespace, num_streams=NUM_STREAMS) as load:
        for leaving in cluster.addresses[:1]:
            coming = cluster.add_node()
            for slot in slots_of(namespace)[::2]:
                cluster.move_slot(slot, coming)
            load.wait_for(20)
            cluster.remove_node(leaving)
            load.wait_for(20)
    assert_right(load, cluster, namespace)


def test_a_master_that_was_cut_off_acknowledges_nothing(own_cluster, namespace):
    """It wakes up as the master that it was, and its replica, which has taken over, confirms no write."""
    cluster = own_cluster(3, 1)
    with ClusterLoad(f"{cluster.url}?socket_timeout=1", namespace, wait_replicas=1) as load:
        for master in cluster.masters():
            (replica,) = cluster.replicas_of(master)
            load.wait_for(20)
            cluster.freeze(master)
            with cluster.node_client(replica) as client:
                client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
            cluster.wait_for_failover(master)
            cluster.thaw(master)
            cluster.wait_until_settled()
            load.wait_for(20)
    assert load.errors == []
    assert load.deviations == []
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system:
        load.assert_listed(system, in_order=False)


def test_a_master_without_replicas_can_refuse_all_changes(own_cluster, namespace):
    """With min-replicas-to-write it changes nothing once its replica is gone, and callers wait for one."""
    cluster = own_cluster(3, 1, "--min-replicas-to-write", "1")
    options = {"url": cluster.url, "namespace": namespace}
    with (
        CryptoOrderSystem(NUM_STREAMS, **options, deadline_seconds=60) as system,
        CryptoOrderSystem(NUM_STREAMS, **options, deadline_seconds=0) as impatient,
    ):
        assert system.place("before", "alice", "BTC", 1, 1)
        replicas = [cluster.replicas_of(master)[0] for master in cluster.masters()]
        for replica in replicas:
            cluster.kill(replica)
        for master in cluster.masters():
            with cluster.node_client(master) as client:
                wait_until(lambda: not client.execute_command("ROLE")[2])
        with pytest.raises(errors.StoreUnavailable, match="replicas"):
            impatient.place("o", "alice", "BTC", 1, 1)
        with pytest.raises(errors.StoreUnavailable, match="replicas"):
            impatient.cancel("before")
        assert system.display_all_live_orders() == ["before"]
        starting = threading.Timer(0.3, lambda: [cluster.start(replica) for replica in replicas])
        starting.start()
        assert system.place("o", "alice", "BTC", 1, 1) is True
        assert system.cancel("before") is True
        starting.join()
        assert system.display_all_live_orders() == ["o"]
        assert system.verify() == []
