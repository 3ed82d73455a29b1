"""A cluster of each server that is installed here serves all calls while its slots move."""

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.keys import ClusterKeys
from tests.support.cluster import ClusterServers
from tests.support.cluster_load import ClusterLoad
from tests.support.matrix import SERVERS, program_of

INSTALLED = [name for name in SERVERS if program_of(name)]


@pytest.mark.parametrize("kind", INSTALLED)
def test_each_server_is_right_while_its_slots_move(own_cluster, namespace, kind):
    cluster = own_cluster(3, 1, program=program_of(kind))
    keys = ClusterKeys(namespace)
    names = (keys.orders(1), keys.directory(1), keys.orders(2), keys.config)
    with ClusterLoad(cluster.url, namespace, num_streams=3, wait_replicas=1) as load:
        for number, name in enumerate((*names, *names)):
            finish = cluster.move_slot(
                ClusterServers.slot_of(name), cluster.addresses[number % 3], half=number % 2 == 1
            )
            finish()
            load.wait_for(5)
    assert load.errors == []
    assert load.deviations == []
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system:
        load.assert_listed(system)
        assert system.verify() == []
        assert system.stats().live == system.count()
        system.drop()


@pytest.mark.parametrize("kind", INSTALLED)
def test_a_replica_of_each_server_takes_over(own_cluster, namespace, kind):
    cluster = own_cluster(3, 1, program=program_of(kind))
    with ClusterLoad(cluster.url, namespace, num_streams=3, wait_replicas=1) as load:
        victim = cluster.owner_of(ClusterServers.slot_of(ClusterKeys(namespace).orders(0)))
        cluster.kill(victim)
        cluster.wait_for_failover(victim)
        cluster.start(victim)
        cluster.wait_until_settled()
        load.wait_for(20)
    assert load.errors == []
    assert load.deviations == []
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system:
        load.assert_listed(system, in_order=False)
        system.repair()
        assert system.verify() == []
