"""What is learned of a cluster's slots, from its nodes and from redirections."""

import pytest

from cryptoorders_redis.transport.topology import Topology, make_address, split_address

SLOTS = [
    [0, 5460, [b"10.0.0.1", 7000, b"id1", []], [b"10.0.0.4", 7003, b"id4", []]],
    [5461, 16383, [b"10.0.0.2", 7001, b"id2", []]],
]


def test_a_map_says_the_master_of_each_slot():
    topology = Topology(["start:1"])
    assert topology.is_outdated
    assert topology.master_of(0) is None
    assert topology.masters() == []
    assert topology.learn(SLOTS, "start:1")
    assert not topology.is_outdated
    assert [topology.master_of(slot) for slot in (0, 5460, 5461, 16383)] == [
        "10.0.0.1:7000", "10.0.0.1:7000", "10.0.0.2:7001", "10.0.0.2:7001"
    ]  # fmt: skip
    assert topology.masters() == ["10.0.0.1:7000", "10.0.0.2:7001"]


def test_any_known_node_may_be_asked_those_down_last():
    topology = Topology(["start:1", "10.0.0.1:7000"])
    assert set(topology.nodes_to_ask()) == {"start:1", "10.0.0.1:7000"}
    topology.learn(SLOTS, "start:1")
    everyone = {"10.0.0.1:7000", "10.0.0.4:7003", "10.0.0.2:7001", "start:1"}
    orders = {tuple(topology.nodes_to_ask()) for _ in range(200)}
    assert len(orders) > 1
    assert all(set(order) == everyone for order in orders)
    down = {"start:1", "10.0.0.2:7001"}
    for address in down:
        topology.note_failure(address)
    assert topology.is_outdated
    assert all(set(topology.nodes_to_ask()[2:]) == down for _ in range(50))
    topology.note_answer("start:1")
    assert all(topology.nodes_to_ask()[-1] == "10.0.0.2:7001" for _ in range(50))


def test_a_redirection_changes_one_slot_and_outdates_the_map():
    topology = Topology(["start:1"])
    topology.learn(SLOTS, "start:1")
    topology.learn_move(7, "10.0.0.9:7008")
    assert topology.is_outdated
    assert [topology.master_of(slot) for slot in (6, 7, 8)] == [
        "10.0.0.1:7000", "10.0.0.9:7008", "10.0.0.1:7000"
    ]  # fmt: skip
    topology.learn(SLOTS, "start:1")
    assert topology.master_of(7) == "10.0.0.1:7000"


@pytest.mark.parametrize("host", [b"", None, b"?"])
def test_a_node_without_a_name_is_where_it_was_reached(host):
    topology = Topology(["start:1"])
    topology.learn([[0, 16383, [host, 7000, b"id"]]], "10.9.9.9:1234")
    assert topology.masters() == ["10.9.9.9:7000"]
    assert topology.address("", 7001, "::1:6379") == "::1:7001"


def test_the_owners_remap_is_given_every_address():
    topology = Topology(["gate:1"], lambda address: ("gate", address[1] + 1000))
    topology.learn(SLOTS, "gate:1")
    assert topology.masters() == ["gate:8000", "gate:8001"]
    assert topology.address("10.0.0.3", 7005, "gate:8000") == "gate:8005"


@pytest.mark.parametrize("reply", [[], None])
def test_a_node_that_is_in_no_cluster_teaches_nothing(reply):
    topology = Topology(["start:1"])
    assert not topology.learn(reply, "start:1")
    assert topology.is_outdated


def test_slots_of_a_node_without_a_plain_port_have_no_master():
    topology = Topology(["start:1"])
    assert topology.learn([[0, 100, [b"10.0.0.1", 0, b"id"]], [101, 16383, [b"10.0.0.2", 7001]]], "start:1")
    assert (topology.master_of(100), topology.master_of(101)) == (None, "10.0.0.2:7001")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "2001:db8::2"])
def test_an_address_splits_into_what_it_was_made_of(host):
    assert split_address(make_address(host, 6379)) == (host, 6379)
