"""The listing of many orders takes several steps, and is what all streams held at the moment of the last."""

import itertools
import random
import threading
from decimal import Decimal

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.operations import listing
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import stream_of_user
from tests.scenarios.test_stale_streams import resize
from tests.support.consistency import delete_all
from tests.support.model import Model, line
from tests.support.stepwise import Stepwise

USERS = [f"user{number}" for number in range(20)]


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 12)


def place(system, numbers, user=None):
    orders = [(f"o{number}", user or USERS[number % 20], "BTC", 1, 1) for number in numbers]
    assert all(system.place_many(orders))


def begin(system, steps=0):
    reading = Stepwise(system._store.display_all_live_orders(), system)
    for _ in range(steps):
        reading.step()
    return reading


def finish(reading, before_a_step=lambda: None):
    for _ in range(1000):
        if reading.done:
            return reading.result
        before_a_step()
        reading.step()
    return pytest.fail("it does not end")


class Trader:
    """Makes one random change after another, in the store and in a model."""

    def __init__(self, system, seed):
        self.system, self.model = system, Model()
        self.random = random.Random(seed)

    def change(self):
        order_id = f"o{self.random.randrange(80)}"
        call = self.random.choice(("place", "place", "place", "cancel", "pause", "resume", "again"))
        if call == "again":
            assert self.system.cancel(order_id) == self.model.cancel(order_id)
        if call in ("place", "again"):
            new = (order_id, self.random.choice(USERS), "BTC", Decimal(1), Decimal(1))
            assert self.system.place(*new) == self.model.place(*new)
        else:
            assert getattr(self.system, call)(order_id) == getattr(self.model, call)(order_id)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("num_streams", [1, 2, 3, 40])
@pytest.mark.parametrize("changes", [0, 1, 7])
def test_the_listing_is_exact_amid_changes(open_system, num_streams, changes):
    trader, system = Trader(open_system(num_streams), seed=num_streams), open_system()
    for _ in range(150):
        trader.change()
    steps = []

    def change():
        steps.append(1)
        for _ in range(changes):
            trader.change()

    for _ in range(20):
        assert finish(begin(system), change) == trader.model.display()
    assert len(steps) == 20 if num_streams == 1 else len(steps) >= 60


def begin_up_to_the_last_step(system):
    """Begin a listing, and stop when all numbers are read, and before what is live is read."""
    steps = []
    finish(begin(system), lambda: steps.append(1))
    return begin(system, len(steps) - 1)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("user", [None, "user1"], ids=["any-stream", "one-stream"])
def test_an_order_placed_again_before_the_last_step_is_last(open_system, user):
    system = open_system(3)
    place(system, range(60), user)
    reading = begin_up_to_the_last_step(system)
    system.cancel("o7")
    place(system, [60, 7], user)
    system.pause("o7")
    assert finish(reading) == [f"o{number}" for number in range(61) if number != 7] + ["o7(paused)"]


@pytest.mark.usefixtures("small_pages")
def test_an_order_placed_again_between_two_pages_is_last(open_system):
    """Its id is then read twice."""
    system = open_system(3)
    place(system, range(60), "user1")
    reading = begin(system, 1)
    system.cancel("o0")
    place(system, [0, 60], "user1")
    assert finish(reading) == [f"o{number}" for number in (*range(1, 60), 0, 60)]


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("steps", range(6))
def test_a_listing_begins_again_when_streams_change(open_system, raw, namespace, steps):
    system = open_system(3)
    place(system, range(60))
    system.pause("o9")
    reading = begin(system, steps)
    assert not reading.done
    resize(raw, namespace, 5)
    assert finish(reading) == [f"o{n}(paused)" if n == 9 else f"o{n}" for n in range(60)]
    assert system._store.num_streams == 5


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("steps", [1, 5])
def test_a_namespace_dropped_between_steps_is_empty(open_system, raw, namespace, steps):
    system, other = open_system(3), open_system()
    place(system, range(60))
    reading = begin(system, steps)
    other.drop()
    assert finish(reading) == []


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("steps", [1, 5])
def test_a_namespace_created_again_between_steps_is_listed(open_system, steps):
    system, other = open_system(3), open_system()
    place(system, range(60))
    reading = begin(system, steps)
    other.drop()
    place(other, range(59, -1, -1))
    assert finish(reading) == [f"o{number}" for number in range(59, -1, -1)]


@pytest.mark.usefixtures("small_pages")
def test_a_listing_of_a_namespace_that_is_gone_says_so(open_system, raw, namespace, server):
    place(open_system(3), range(60))
    with CryptoOrderSystem(url=server.url, namespace=namespace, create=False) as system:
        reading = begin(system)
        reading.step()
        delete_all(raw, namespace)
        with pytest.raises(errors.NoSuchNamespace):
            finish(reading)


@pytest.mark.usefixtures("small_pages")
def test_an_order_that_changes_its_stream_is_not_lost(open_system, raw, namespace):
    """Which nothing does under the same epoch. If it did, all numbers are read at the one moment."""
    system, keys = open_system(3), Keys(namespace)
    place(system, range(60))
    reading = begin_up_to_the_last_step(system)
    old = stream_of_user(USERS[7], 3)
    number = raw.zscore(keys.placed(old), "o7")
    with raw.pipeline(transaction=True) as pipe:
        pipe.zrem(keys.placed(old), "o7")
        pipe.zadd(keys.placed((old + 1) % 3), {"o7": number})
        pipe.execute()
    system.cancel("o0")
    assert finish(reading) == [f"o{number}" for number in range(1, 60)]


def test_a_small_store_is_listed_in_one_round_trip(open_system):
    system = open_system(3)
    place(system, range(60))
    reading = begin(system, 1)
    assert reading.done


def test_a_large_store_is_listed_in_order(open_system):
    system = open_system(3)
    place(system, range(30_000))
    system.pause_many([f"o{number}" for number in range(0, 30_000, 7)])
    reading = begin(system, 1)
    assert not reading.done
    assert finish(reading) == [line(order) for order in system.live_orders()]
    assert system.display_all_live_orders()[:2] == ["o0(paused)", "o1"]


@pytest.mark.usefixtures("small_pages")
def test_a_listing_is_one_moment_while_another_trades(open_system):
    """The orders that are live are always numbered without a gap, and 100 or 101."""
    system, trader = open_system(3), open_system()
    place(trader, range(100))
    stop = threading.Event()

    def trade():
        for number in itertools.count():
            if stop.is_set():
                return
            place(trader, [number + 100])
            assert trader.cancel(f"o{number}")

    trading = threading.Thread(target=trade)
    trading.start()
    listings = [system.display_all_live_orders() for _ in range(100)]
    stop.set()
    trading.join()
    firsts = set()
    for lines in listings:
        assert len(lines) in (100, 101)
        first = int(lines[0].removeprefix("o"))
        assert lines == [f"o{number}" for number in range(first, first + len(lines))]
        firsts.add(first)
    assert len(firsts) > 50
