"""Masters of a cluster die under load and replicas take over: what callers see, what is lost and mended."""

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.operations import verify
from tests.support.cluster_load import ClusterLoad

ENTRY_ALONE = "in the directory, but there is no such order"


@pytest.fixture(autouse=True)
def looks_again_soon(monkeypatch):
    """It is waited for wherever something looks wrong, and here much is."""
    monkeypatch.setattr(verify, "LOOK_AGAIN_SECONDS", 0.05)


def repair_all(system):
    """Repair until there is nothing to mend; return what was mended."""
    mended = []
    while done := system.repair():
        mended += done
        assert len(mended) < 1000, "it mends without end"
    return mended


def assert_all_orders_can_be_used(system):
    """Fail unless each listed id is listed once, found by its id, cancelled once, then free. None stays."""
    ids = [order.order_id for order in system.live_orders()]
    assert len(set(ids)) == len(ids)
    for order_id in ids:
        assert system.get(order_id).order_id == order_id
        assert system.cancel(order_id) is True
        assert system.cancel(order_id) is False
    assert system.count() == 0
    for order_id in ids:
        assert system.place(order_id, "somebody", "BTC", 1, 1) is True
    assert system.verify() == []
    assert system.cancel_all_by_user("somebody") == len(ids)


def kill_masters(cluster, load, number):
    """Kill masters one after the other, each when the replica of the last is its master's again."""
    for master in cluster.masters()[:number]:
        load.wait_for(50)
        cluster.kill(master)
        cluster.wait_for_failover(master)
        cluster.start(master)
        cluster.wait_until_settled()
        load.wait_for(50)


def test_with_confirmation_nothing_acknowledged_is_lost(own_cluster, namespace):
    """Every answer is right, through two failovers, and no call fails."""
    cluster = own_cluster(3, 1)
    with ClusterLoad(cluster.url, namespace, wait_replicas=1) as load:
        kill_masters(cluster, load, 2)
    assert load.errors == []
    assert load.deviations == []
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system:
        load.assert_listed(system, in_order=False)
        assert {each.problem for each in system.verify()} <= {ENTRY_ALONE}  # a release may be lost
        repair_all(system)
        assert system.verify() == []
        load.assert_listed(system, in_order=False)
        assert_all_orders_can_be_used(system)


def test_without_confirmation_no_call_fails(own_cluster, namespace, record_property):
    cluster = own_cluster(3, 1)
    with ClusterLoad(cluster.url, namespace) as load:
        kill_masters(cluster, load, 1)
    assert load.errors == []
    record_property("calls", load.num_calls)
    record_property("answers that show a loss", len(load.deviations))
    record_property("worst call, seconds", load.worst_seconds)
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system:
        repair_all(system)
        assert system.verify() == []
        assert_all_orders_can_be_used(system)


def test_what_a_lagging_replica_lost_is_mended(own_cluster, namespace, record_property):
    """A replica misses its master's last writes, and becomes the master. Nothing was confirmed."""
    cluster = own_cluster(3, 1, "--cluster-replica-validity-factor", "0")
    with (
        ClusterLoad(cluster.url, namespace, num_callers=6) as load,
        CryptoOrderSystem(url=cluster.url, namespace=namespace) as system,
    ):
        mended = []
        for number, master in enumerate(cluster.masters()[:2]):
            (replica,) = cluster.replicas_of(master)
            cluster.kill(replica)
            load.wait_for(60)
            cluster.kill(master)
            cluster.start(replica)
            cluster.wait_for_failover(master)
            load.wait_for(5)
            if number == 0:
                mended += system.repair()
            cluster.start(master)
            cluster.wait_until_settled()
        load.wait_for(50)
        load.stop()
        assert load.errors == []
        assert load.deviations
        found = system.verify()
        mended += repair_all(system)
        record_property("answers that show a loss", len(load.deviations))
        record_property("found and mended", (len(found), len(mended)))
        assert mended
        assert system.verify() == []
        assert_all_orders_can_be_used(system)
    with ClusterLoad(cluster.url, namespace) as load:
        load.wait_for(50)
    assert load.errors == []
    assert load.deviations == []
