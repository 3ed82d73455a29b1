"""On a cluster repair() mends each state that a failover can leave, beside others and after it was killed.

Directory and stream are in different slots, so a master that dies with its last writes makes them disagree.
Here each state is made by hand.
"""

import threading

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.operations import verify
from cryptoorders_redis.operations.repair import repair
from cryptoorders_redis.schema.entries import decode_entry, new_entry
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.schema.placement import shard_of_order, stream_of_user
from tests.support.cluster_load import ClusterLoad
from tests.support.stepwise import Stepwise

NUM_STREAMS = 4

USER, OTHER = (
    next(name for name in map("user{}".format, range(100)) if stream_of_user(name, NUM_STREAMS) == stream)
    for stream in (1, 2)
)
"""Their orders are in streams 1 and 2."""


class Keyspace:
    """The keys of the namespace, to damage them."""

    def __init__(self, client, namespace):
        self._client = client
        self.keys = ClusterKeys(namespace)

    def entry(self, order_id):
        return self._client.hget(self._shard(order_id), order_id)

    def set_entry(self, order_id, data):
        self._client.hset(self._shard(order_id), order_id, data)

    def remove_entry(self, order_id):
        assert self._client.hdel(self._shard(order_id), order_id)

    def remove_order(self, order_id, user_id):
        """Remove it from its stream, and leave its entry."""
        stream = stream_of_user(user_id, NUM_STREAMS)
        assert self._client.hdel(self.keys.orders(stream), order_id)
        self._client.zrem(self.keys.placed(stream), order_id)
        self._client.srem(self.keys.paused(stream), order_id)
        self._client.srem(self.keys.user(stream, user_id), order_id)

    def config(self, stream=None):
        return self._client.hgetall(self.keys.config if stream is None else self.keys.config_of(stream))

    def set_config(self, **values):
        self._client.hset(self.keys.config, mapping=values)

    def is_fenced(self, data):
        entry = decode_entry(data)
        assert entry
        return bool(self._client.exists(self.keys.fence(entry.stream, entry.token)))

    def _shard(self, order_id):
        return self.keys.directory(shard_of_order(order_id, self.keys.directory_shards))


@pytest.fixture(autouse=True)
def looks_again_soon(monkeypatch):
    monkeypatch.setattr(verify, "LOOK_AGAIN_SECONDS", 0.05)


@pytest.fixture
def keyspace(cluster, namespace):
    with cluster.client() as client:
        yield Keyspace(client, namespace)


@pytest.fixture
def system(cluster, namespace):
    with CryptoOrderSystem(NUM_STREAMS, url=cluster.url, namespace=namespace) as system:
        for number in range(3):
            assert system.place(f"other{number}", OTHER, "BTC", 1, 1)
        yield system


def entry_without_order(system, keyspace):
    """A stream has lost a place, or the directory a release."""
    assert system.place("o", USER, "BTC", 1, 1)
    keyspace.remove_order("o", USER)
    return []


def entry_of_no_claim(system, keyspace):
    """As above, with an entry that came from a standalone server."""
    keyspace.set_entry("o", "1")
    return []


def live_without_entry(system, keyspace):
    """The directory has lost a claim."""
    assert system.place("o", USER, "BTC", 1, 1)
    keyspace.remove_entry("o")
    return [("o", USER)]


def live_with_a_dead_entry(system, keyspace):
    """The directory has lost a claim, and the release of the entry before it."""
    assert system.place("o", USER, "BTC", 1, 1)
    keyspace.set_entry("o", new_entry(2).encode())
    return [("o", USER)]


def live_twice(system, keyspace):
    """The directory has lost a claim, or a stream a cancel, and then the id was placed for another user."""
    assert system.place("o", USER, "BTC", 1, 1)
    keyspace.remove_entry("o")
    assert system.place("o", OTHER, "BTC", 1, 1)
    return [("o", OTHER)]


WRITES = {"cluster/claim", "cluster/release", "cluster/cancel", "cluster/fence", "mend_order"}
"""The scripts by which repair changes something."""

STATES = [entry_without_order, entry_of_no_claim, live_without_entry, live_with_a_dead_entry, live_twice]


@pytest.fixture(params=STATES, ids=lambda state: state.__name__)
def wanted(request, system, keyspace):
    """Make the keys disagree about the order `o`; return the ids and users that are to be live."""
    return request.param(system, keyspace)


def live(system):
    return [(order.order_id, order.user_id) for order in system.live_orders() if order.order_id[0] == "o"][3:]


def assert_mended(system, wanted):
    """Fail unless exactly the wanted order is live, and it can be used by its id."""
    assert system.verify() == []
    assert live(system) == wanted
    assert [system.cancel(order_id) for order_id, _ in wanted] == [True] * len(wanted)
    assert system.place("o", USER, "BTC", 1, 1) is True
    assert system.cancel("o") is True
    assert system.cancel("o") is False
    assert system.verify() == []
    assert system.count() == 3


def test_each_state_is_found_and_mended_at_once(system, wanted):
    found = system.verify()
    assert {each.subject for each in found} == {"o"}
    mended = system.repair()
    # A dead entry may be removed first, and the one that is missing added after it.
    assert {each.subject for each in mended} == {"o"}
    assert {each.stream for each in mended} <= {each.stream for each in found}
    assert_mended(system, wanted)


def test_a_second_repair_finds_nothing_to_mend(system, wanted):
    assert system.repair() != []
    assert system.repair() == []
    assert_mended(system, wanted)


def test_clients_that_repair_at_one_time_do_no_harm(system, cluster, namespace, wanted):
    systems = [CryptoOrderSystem(url=cluster.url, namespace=namespace) for _ in range(4)]
    threads = [threading.Thread(target=each.repair) for each in systems]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in systems:
        each.close()
    assert_mended(system, wanted)


@pytest.mark.parametrize("state", STATES)
def test_a_repair_killed_after_any_step_is_done_by_the_next(system, keyspace, state):
    wanted = state(system, keyspace)
    whole, writes = Stepwise(repair(system._store), system), []
    while not whole.done:
        writes.append(bool(WRITES.intersection(whole.about_to_send)))
        whole.step()
    assert_mended(system, wanted)
    assert any(writes)
    for kill_at in range(len(writes)):
        if writes[kill_at] or writes[kill_at - 1]:
            wanted = state(system, keyspace)
            killed = Stepwise(repair(system._store), system)
            for _ in range(kill_at):
                if not killed.done:  # the first of all had to tell streams the settings
                    killed.step()
            system.repair()
            assert_mended(system, wanted)


def test_an_entry_that_is_removed_is_fenced_before(system, keyspace):
    """Else the place that claimed it could follow, and make an order that no entry names."""
    entry = new_entry(1).encode()
    keyspace.set_entry("o", entry)
    assert system.repair() != []
    assert keyspace.entry("o") is None
    assert keyspace.is_fenced(entry)


def test_a_place_under_way_starts_over_after_a_repair(system, keyspace):
    placing = Stepwise(system._store.place(("o", USER, "BTC", "1", "1", None)), system)
    placing.step()
    entry = keyspace.entry("o")
    assert system.repair() != []
    assert keyspace.is_fenced(entry)
    while not placing.done:
        placing.step()
    assert placing.result is True
    assert_mended(system, [("o", USER)])


def test_of_an_order_that_is_live_twice_both_are_reported(system, keyspace):
    live_twice(system, keyspace)
    (mended,) = system.repair()
    assert mended.stream == 1
    assert "live twice" in mended.problem
    assert "stream 2 stays" in mended.problem


@pytest.mark.parametrize("other_user", [USER, OTHER])
def test_no_entry_stays_of_an_order_that_another_placed(system, keyspace, cluster, namespace, other_user):
    """A client cancels an order by the entry of an earlier order of that id, which it has placed."""
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as other:
        for cancel in (
            lambda: system.cancel("o"),
            lambda: system.cancel_many(["o"]) == [True],
            lambda: system.reduce("o", 1) == 0,
            lambda: system.user(other_user).cancel("o"),
        ):
            assert system.place("o", USER, "BTC", 1, 1)
            assert other.cancel("o") is True
            assert other.place("o", other_user, "BTC", 1, 1)
            assert cancel() is True
            assert keyspace.entry("o") is None
            assert system.verify() == []


def test_an_epoch_that_was_lost_is_restored_from_the_streams(system, keyspace, cluster, namespace):
    """The node of the config has lost what made an epoch later; a stream knows that epoch."""
    first = int(keyspace.config()[b"epoch"])
    keyspace.set_config(epoch=first + 1)
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as other:
        assert other.place("o1", USER, "BTC", 1, 1)
    assert int(keyspace.config(1)[b"epoch"]) == first + 1
    keyspace.set_config(epoch=first)
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as other:
        assert [each.subject for each in other.repair()] == ["config"]
        assert int(keyspace.config()[b"epoch"]) == first + 2  # which no client has been told
        assert other.verify() == []
        assert other.place("o2", USER, "BTC", 1, 1)
    assert system.cancel("o1") is True
    assert system.cancel("o2") is True


@pytest.mark.parametrize("state", STATES)
def test_repairs_beside_other_clients_disturb_no_call(cluster, namespace, keyspace, state):
    with (
        ClusterLoad(cluster.url, namespace, num_streams=NUM_STREAMS) as load,
        CryptoOrderSystem(url=cluster.url, namespace=namespace) as system,
    ):
        for _ in range(3):
            wanted = state(system, keyspace)
            system.repair()
            assert [(order.order_id, order.user_id) for order in system.live_orders(user_id=USER)] + [
                (order.order_id, order.user_id) for order in system.live_orders(user_id=OTHER)
            ] == wanted
            assert [system.cancel(order_id) for order_id, _ in wanted] == [True] * len(wanted)
            load.wait_for(10)
        load.stop()
        assert load.errors == []
        assert load.deviations == []
        assert system.verify() == []
        load.assert_listed(system)
