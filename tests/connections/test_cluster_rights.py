"""The shipped ACL gives the library all that it needs on a cluster, with the rights that the guide adds."""

import re

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.servers import REPOSITORY

GUIDE = (REPOSITORY / "docs" / "guides" / "cluster.md").read_text()
ADDED = re.findall(r"(?<!\S|`)\+[a-z|]+", GUIDE) + re.findall(r"`(\+wait)`", GUIDE)


@pytest.fixture
def cluster(own_cluster):
    cluster = own_cluster(3, 1)
    shipped = re.search(
        r"^user (orders on .*)$", (REPOSITORY / "deploy" / "acl.conf").read_text(), re.MULTILINE
    )
    set_user(cluster, *shipped[1].split(), *ADDED)
    return cluster


def set_user(cluster, *words):
    replicas = [replica for master in cluster.addresses for replica in cluster.replicas_of(master)]
    for address in (*cluster.addresses, *replicas):
        with cluster.node_client(address) as admin:
            admin.execute_command("ACL", "SETUSER", *words)


def open_system(cluster, **options):
    url = cluster.url.replace("://", "://orders:CHANGE-ME@")
    return CryptoOrderSystem(16, url=url, namespace="cryptoorders", **options)


def move_directory_half(cluster):
    """Begin to move the slot of the only entry. Asked for it, its master names the one that gets it."""
    for master in cluster.addresses:
        with cluster.node_client(master) as admin:
            for key in admin.keys("{cryptoorders:directory:*"):
                slot = cluster.slot_of(key)
                return cluster.move_slot(
                    slot, next(to for to in cluster.addresses if to != master), half=True
                )
    raise AssertionError("no entry")


def test_the_guide_adds_the_rights_that_a_cluster_needs(cluster):
    assert sorted(ADDED) == ["+asking", "+cluster|slots", "+persist", "+wait"]
    with open_system(cluster, wait_replicas=1) as system:
        assert system.place("order1", "alice", "BTC", 1, 2)
        finish = move_directory_half(cluster)
        with open_system(cluster) as other:
            assert other.pause("order1")
        finish()
        assert (
            system.place_many([("order2", "bob", "BTC", 1, 2), ("order3", "bob", "BTC", 1, 2)]) == [True] * 2
        )
        assert system.amend("order2", price=3)
        assert system.reduce("order2", 1) == 0
        assert len(list(system.live_orders())) == system.count() == system.stats().live == 2
        assert system.cancel("order3")
        assert system.cancel_all_by_user("alice") == 1
        assert system.verify() == system.repair() == []
        system.drop()


@pytest.mark.parametrize("right", ["cluster", "persist", "wait"])
def test_without_one_of_these_rights_placing_is_refused(cluster, right):
    set_user(cluster, "orders", f"-{right}")
    with pytest.raises(errors.AccessDenied), open_system(cluster, wait_replicas=1) as system:
        system.place("order1", "alice", "BTC", 1, 2)


def test_without_asking_a_slot_under_way_is_refused(cluster):
    with open_system(cluster) as system:
        system.place("order1", "alice", "BTC", 1, 2)
    set_user(cluster, "orders", "-asking")
    finish = move_directory_half(cluster)
    with pytest.raises(errors.AccessDenied), open_system(cluster) as system:
        system.get("order1")
    finish()
