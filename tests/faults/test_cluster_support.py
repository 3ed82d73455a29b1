"""The cluster of the tests does what tests of faults rely on: slots move, nodes come, go, fail and return."""

import pytest
import redis

from tests.support.cluster import NUM_SLOTS, ClusterServers

KEYS = [f"{{slot}}:{number}" for number in range(5)]
SLOT = ClusterServers.slot_of("{slot}")


def set_all(cluster):
    with cluster.client() as client:
        for key in KEYS:
            client.set(key, key)


def read_all(cluster):
    with cluster.client() as client:
        return [client.get(key).decode() for key in KEYS]


def test_masters_have_all_slots_between_them(cluster):
    assert sorted(cluster.masters()) == sorted(cluster.addresses)
    assert {cluster.owner_of(slot) for slot in range(0, NUM_SLOTS, 100)} == set(cluster.addresses)


def test_keys_of_a_moved_slot_are_found(own_cluster):
    cluster = own_cluster()
    set_all(cluster)
    source = cluster.owner_of(SLOT)
    for address in [other for other in cluster.addresses if other != source]:
        cluster.move_slot(SLOT, address)
        assert cluster.owner_of(SLOT) == address
        assert read_all(cluster) == KEYS


def test_a_slot_that_moved_half_way_is_open_at_both_ends(own_cluster):
    cluster = own_cluster()
    set_all(cluster)
    source = cluster.owner_of(SLOT)
    target = next(address for address in cluster.addresses if address != source)
    finish = cluster.move_slot(SLOT, target, half=True)
    with cluster.node_client(source) as client:
        assert client.execute_command("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 2
        with pytest.raises(redis.ResponseError, match=f"{SLOT} {target}"):
            client.get("{slot}:not there")
    finish()
    assert cluster.owner_of(SLOT) == target
    assert read_all(cluster) == KEYS


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_replica_takes_over_from_its_master(own_cluster, fault):
    cluster = own_cluster(3, 1)
    set_all(cluster)
    master = cluster.owner_of(SLOT)
    (replica,) = cluster.replicas_of(master)
    with cluster.node_client(master) as client:
        assert client.wait(1, 5000) == 1
    getattr(cluster, fault)(master)
    cluster.wait_for_failover(master)
    assert cluster.owner_of(SLOT) == replica
    assert read_all(cluster) == KEYS
    {"kill": cluster.start, "freeze": cluster.thaw}[fault](master)
    cluster.wait_until_settled()
    assert master not in cluster.masters()
    assert read_all(cluster) == KEYS


def test_nodes_come_and_go(own_cluster):
    cluster = own_cluster()
    set_all(cluster)
    leaving = cluster.owner_of(SLOT)
    coming = cluster.add_node()
    assert coming not in cluster.masters()
    cluster.move_slot(SLOT, coming)
    assert cluster.owner_of(SLOT) == coming
    cluster.remove_node(leaving)
    assert sorted(cluster.masters()) == sorted({*cluster.addresses, coming} - {leaving})
    assert read_all(cluster) == KEYS
