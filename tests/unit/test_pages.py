"""How much of a store is read for a part of its orders. What comes of it is proved in contract/."""

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.operations import pages
from cryptoorders_redis.operations.standalone import Standalone
from cryptoorders_redis.schema import records

USERS = [f"user{number}" for number in range(100)]


@pytest.fixture
def open_system(server, namespace):
    opened = []

    def open_system(num_streams):
        opened.append(CryptoOrderSystem(num_streams, url=server.url, namespace=namespace))
        return opened[-1]

    yield open_system
    for system in opened:
        system.close()


def ids(orders):
    return [order.order_id for order in orders]


@pytest.fixture
def read(monkeypatch):
    """How many orders were read from the server, in a list that can be cleared."""
    read = []

    def decode_order(order_id, *rest):
        read.append(order_id)
        return real(order_id, *rest)

    real = records.decode_order
    for module in (pages, records):
        monkeypatch.setattr(module, "decode_order", decode_order)
    return read


def test_what_is_before_and_behind_is_not_read(open_system, read):
    system = open_system(3)
    for number in range(3000):
        system.place(f"o{number}", USERS[number % 9], "BTC", 1, 1)
    placed = list(system.live_orders())
    read.clear()
    bounds = {"placed_after": placed[2000].placed_at, "placed_before": placed[2020].placed_at}
    assert list(system.live_orders(**bounds)) == placed[2001:2020]
    assert len(read) == 19
    read.clear()
    assert list(system.live_orders(after=placed[2989].sequence)) == placed[2990:]
    assert len(read) == 10
    read.clear()
    of_user = [order for order in placed if order.user_id == "user3"]
    assert list(system.live_orders(user_id="user3", after=of_user[-4].sequence)) == of_user[-3:]
    assert len(read) == 3


@pytest.mark.parametrize("num_streams", [1, 3, 40])
@pytest.mark.parametrize("limit", [1, 20])
def test_a_limit_reads_little_more_than_it_gives(open_system, read, num_streams, limit):
    system = open_system(num_streams)
    for number in range(2000):
        system.place(f"o{number}", USERS[number % 100], "BTC", 1, 1)
    read.clear()
    assert ids(system.live_orders(limit=limit)) == [f"o{number}" for number in range(limit)]
    assert len(read) <= 5 * limit + 25 * num_streams
    read.clear()
    assert len(list(system.live_orders(user_id="user7", limit=limit))) == limit
    assert len(read) == limit


def test_a_limit_that_filters_keep_unmet_takes_few_round_trips(open_system):
    system = open_system(1)
    for number in range(3000):
        system.place(f"o{number}", "user1", "DOGE" if number == 2999 else "BTC", 1, 1)
    trips = []
    with pytest.MonkeyPatch.context() as patch:
        real = Standalone.read_page
        patch.setattr(Standalone, "read_page", lambda *args: trips.append(1) or real(*args))
        assert ids(system.live_orders(currency="DOGE", limit=1)) == ["o2999"]
    assert len(trips) <= 15
