"""Nodes of a cluster whose clocks differ: the order of one client's orders, and a cursor that misses none.

A clock that is ahead is made by hand: a stream whose last sequence number is ahead goes on from there.
"""

import random
import threading
import time

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import Names, assert_consistent
from tests.support.model import live_order

STREAMS = 12
USERS = [f"user{number}" for number in range(60)]
SECOND = 1_000_000


def now() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def system(on_cluster, namespace):
    with CryptoOrderSystem(STREAMS, url=on_cluster.url, namespace=namespace) as system:
        yield system


@pytest.fixture
def set_ahead(on_cluster, namespace):
    """Sets the clock of a stream ahead, by its last sequence number."""
    names = Names(on_cluster.raw, namespace)

    def set_ahead(stream: int, seconds: float) -> None:
        on_cluster.raw.set(names.sequence_of(stream), now() + int(seconds * SECOND))

    return set_ahead


def test_one_clients_orders_keep_their_turn_over_all_nodes(system, set_ahead, on_cluster, namespace):
    chance = random.Random(1)
    placed = []
    for number in range(300):
        if number % 20 == 0:
            set_ahead(chance.randrange(STREAMS), chance.uniform(0, 40))
        order_id = f"o{number}"
        assert system.place(order_id, chance.choice(USERS), "BTC", 1, 1)
        placed.append(order_id)
    assert system.display_all_live_orders() == placed
    assert [order.order_id for order in system.live_orders()] == placed
    numbers = [order.sequence for order in system.live_orders()]
    assert numbers == sorted(set(numbers))
    assert_consistent(on_cluster.raw, namespace)


def test_batches_of_one_client_come_behind_each_other(system, set_ahead):
    chance = random.Random(2)
    batches = []
    for number in range(20):
        set_ahead(chance.randrange(STREAMS), chance.uniform(0, 40))
        batch = [f"{number}-{each}" for each in range(30)]
        assert all(system.place_many((order_id, chance.choice(USERS), "BTC", 1, 1) for order_id in batch))
        batches.append(batch)
    listed = system.display_all_live_orders()
    assert [set(listed[first : first + 30]) for first in range(0, 600, 30)] == list(map(set, batches))


@pytest.mark.parametrize("see", ["get", "live_orders", "summary"])
def test_what_is_placed_comes_behind_what_was_seen(system, set_ahead, on_cluster, namespace, see):
    set_ahead(stream_of_user("alice", STREAMS), 30)
    assert system.place("ahead", "alice", "BTC", 1, 1)
    with CryptoOrderSystem(url=on_cluster.url, namespace=namespace) as other:
        looked_at = {"get": lambda: other.get("ahead"), "live_orders": lambda: list(other.live_orders())}
        assert looked_at.get(see, other.summary)()
        for number, user in enumerate(USERS):
            assert other.place(f"o{number}", user, "BTC", 1, 1)
    assert system.display_all_live_orders() == ["ahead", *(f"o{number}" for number in range(len(USERS)))]


def test_a_clock_more_than_a_minute_ahead_does_not_spread(system, set_ahead):
    wrong = stream_of_user("alice", STREAMS)
    set_ahead(wrong, 3600)
    assert system.place("ahead", "alice", "BTC", 1, 1)
    assert len(list(system.live_orders())) == 1
    for number, user in enumerate(USERS):
        assert system.place(f"o{number}", user, "BTC", 1, 1)
        is_wrong = live_order(system, f"o{number}").sequence > now() + 60 * SECOND
        assert is_wrong is (stream_of_user(user, STREAMS) == wrong)


@pytest.mark.parametrize("page", [None, 7, 100])
def test_a_cursor_misses_nothing_where_clocks_differ(system, set_ahead, on_cluster, namespace, page):
    """Four clients place in all streams, whose clocks are up to 40 seconds apart, while one follows."""
    for stream in range(STREAMS):
        set_ahead(stream, stream % 4 * 13)

    def place(name: int) -> None:
        chance = random.Random(name)
        with CryptoOrderSystem(url=on_cluster.url, namespace=namespace) as placer:
            for number in range(100):
                assert placer.place(f"{name}-{number}", chance.choice(USERS), "BTC", 1, 1)

    placers = [threading.Thread(target=place, args=(name,)) for name in range(4)]
    for placer in placers:
        placer.start()
    given, last, placing = [], 0, True
    while placing:
        placing = any(placer.is_alive() for placer in placers)
        while orders := list(system.live_orders(after=last, limit=page)):
            given += orders
            last = orders[-1].sequence
    assert len(given) == 400
    assert given == list(system.live_orders())


def test_orders_of_one_number_come_together(system, on_cluster, namespace):
    """Two clients that did not see each other's orders; a cursor between them would miss the second."""
    ahead = now() + 40 * SECOND
    streams = {stream_of_user(user, STREAMS): user for user in USERS}
    for number, (stream, user) in enumerate(list(streams.items())[:3]):
        on_cluster.raw.set(Names(on_cluster.raw, namespace).sequence_of(stream), ahead)
        with CryptoOrderSystem(url=on_cluster.url, namespace=namespace) as other:
            assert other.place(f"o{number}", user, "BTC", 1, 1)
    assert {order.sequence for order in system.live_orders()} == {ahead + 1}
    assert system.place("later", "alice", "BTC", 1, 1)
    together = [order.order_id for order in system.live_orders(limit=1)]
    assert sorted(together) == ["o0", "o1", "o2"]
    assert [order.order_id for order in system.live_orders(after=ahead + 1, limit=1)] == ["later"]
    assert system.display_all_live_orders() == [*together, "later"]
