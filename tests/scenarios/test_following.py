"""Following a store by its cursor: every order that stays live is given exactly once."""

import subprocess
import sys

import pytest

from cryptoorders_redis import CryptoOrderSystem

PLACER = """
import sys
from cryptoorders_redis import CryptoOrderSystem
url, namespace, name, count = sys.argv[1:]
with CryptoOrderSystem(url=url, namespace=namespace) as system:
    for number in range(int(count)):
        assert system.place(f"{name}-{number}", f"{name}-user{number % 97}", "BTC", 1, 1)
"""


@pytest.mark.parametrize("num_streams", [1, 64])
@pytest.mark.parametrize(("place", "count"), [("server", 1500), ("cluster", 500)])
def test_a_follower_is_given_every_order_once(request, namespace, num_streams, place, count):
    """Two processes place orders while one follows by the sequence of the last order that it was given."""
    url = request.getfixturevalue(f"on_{place}").url
    with CryptoOrderSystem(num_streams, url=url, namespace=namespace) as system:
        placers = [
            subprocess.Popen([sys.executable, "-c", PLACER, url, namespace, name, str(count)])
            for name in ("one", "two")
        ]
        given, last, placing = [], 0, True
        while placing:
            placing = any(placer.poll() is None for placer in placers)
            for order in system.live_orders(after=last):
                given.append(order)
                last = order.sequence
        assert [placer.returncode for placer in placers] == [0, 0]
        assert given == list(system.live_orders())
        assert len(given) == 2 * count


@pytest.mark.parametrize("num_streams", [2, 40])
def test_orders_in_few_streams_take_few_round_trips(server, namespace, num_streams):
    """A page's share of a stream grows where the other streams hold nothing."""
    with (
        CryptoOrderSystem(num_streams, url=server.url, namespace=namespace) as system,
        server.client() as raw,
    ):
        system.place_many([(f"o{number}", "whale", "BTC", 1, 1) for number in range(20_000)])
        list(system.live_orders(limit=1))  # the server knows the script by now
        before = raw.info("commandstats")["cmdstat_evalsha"]["calls"]
        assert len(list(system.live_orders())) == 20_000
        assert raw.info("commandstats")["cmdstat_evalsha"]["calls"] - before <= 30
