"""A replica takes over behind sentinels, under load: each answer stays true, and nothing is lost."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.consistency import assert_consistent
from tests.support.sentinels import MASTER, SentinelServers
from tests.support.waiting import wait_until

NUM_TRADERS = 6


@pytest.fixture
def watched():
    with SentinelServers() as watched:
        yield watched


class Trader(threading.Thread):
    """Places, pauses and cancels orders of its own, one after the other. Each answer must be True."""

    def __init__(self, system, name, stop):
        super().__init__()
        self.paused: set[str] = set()
        """What must be in the listing."""
        self.num_calls = 0
        self.wrong: list[object] = []
        self._system, self._name, self._stopped = system, name, stop

    def run(self):
        try:
            for number in itertools.count():
                if self._stopped.is_set():
                    return
                order_id = f"{self._name}-{number}"
                self._expect(self._system.place(order_id, self._name, "BTC", 1, 1), order_id)
                self._expect(self._system.pause(order_id), order_id)
                if number % 3 == 0:
                    self._expect(self._system.cancel(order_id), order_id)
                else:
                    self.paused.add(order_id)
        except errors.CryptoOrdersError as error:
            self.wrong.append(error)

    def _expect(self, answer, order_id):
        self.num_calls += 1
        if answer is not True:
            self.wrong.append((order_id, answer))


def wait_for_calls(traders):
    """Wait until each has made some more calls, or ended by an error."""
    aims = [trader.num_calls + 30 for trader in traders]
    for trader, aim in zip(traders, aims, strict=True):
        while trader.is_alive() and trader.num_calls < aim:
            trader.join(0.01)


def kill(watched):
    master = watched.master()
    watched.pause_changes()
    watched.kill(master)
    watched.wait_for_failover(master)


def freeze(watched):
    """It goes on when another is the master: what it had received it then does, for nobody."""
    master = watched.master()
    watched.pause_changes()
    watched.freeze(master)
    watched.wait_for_failover(master)
    watched.thaw(master)


def demote(watched):
    watched.demote()


@pytest.mark.parametrize("fail", [kill, freeze, demote])
def test_a_failover_under_load_is_not_seen_by_callers(watched, api, namespace, fail):
    url = f"{watched.url}?socket_timeout=1"
    sentinel = watched.as_redis_py(is_async=api is not CryptoOrderSystem, socket_timeout=1)
    client = sentinel.master_for(MASTER)
    stop = threading.Event()
    with (
        api(2, url=url, namespace=namespace, deadline_seconds=30) as by_url,
        api(2, client=client, namespace=namespace, deadline_seconds=30) as by_client,
    ):
        systems = itertools.cycle([by_url, by_client])
        traders = [Trader(next(systems), f"trader{number}", stop) for number in range(NUM_TRADERS)]
        for trader in traders:
            trader.start()
        wait_for_calls(traders)
        former = watched.master()
        fail(watched)
        wait_for_calls(traders)
        stop.set()
        for trader in traders:
            trader.join()
        assert [trader.wrong for trader in traders] == [[]] * NUM_TRADERS
        listed = {order.order_id for order in by_url.live_orders() if order.status == "PAUSED"}
        assert listed == set().union(*(trader.paused for trader in traders))
        assert by_url.count() == len(listed)
    assert watched.master() != former
    with watched.client(watched.master()) as raw:
        assert_consistent(raw, namespace)


def test_a_change_that_waits_at_a_demoted_master_is_made(watched, api, namespace):
    with api(2, url=watched.url, namespace=namespace, deadline_seconds=30) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        watched.pause_changes()
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(system.cancel("o")))
        waiting.start()
        watched.demote()
        waiting.join()
        assert answers == [True]
        assert system.cancel("o") is False


def test_all_connections_to_a_former_master_are_left_at_one_time(watched, namespace):
    """Else each of them would cost a call its time-out."""
    calls = []
    observer: Any = SimpleNamespace(call=calls.append)
    url = f"{watched.url}?socket_timeout=1&client_name=mine"
    with CryptoOrderSystem(2, url=url, namespace=namespace, deadline_seconds=30, observer=observer) as system:

        def place_at_one_time(name):
            watched.pause_changes()
            with watched.client(watched.master()) as client, ThreadPoolExecutor(4) as pool:
                placed = [pool.submit(system.place, f"{name}{n}", "alice", "BTC", 1, 1) for n in range(4)]
                wait_until(lambda: [one["name"] for one in client.client_list()].count("mine") >= 4)
                watched.go_on_with_changes()
            assert [one.result() for one in placed] == [True] * 4

        place_at_one_time("before")
        former = watched.master()
        watched.freeze(former)
        assert system.count() == 4
        watched.wait_for_failover(former)
        calls.clear()
        place_at_one_time("after")
        assert [call.attempts for call in calls] == [1] * 4
        watched.thaw(former)


def test_without_a_master_a_call_ends_at_its_deadline(watched, api, namespace):
    with api(2, url=watched.url, namespace=namespace, deadline_seconds=1) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        watched.kill_all()
        with pytest.raises(errors.StoreUnavailable):
            system.count()
        with pytest.raises(errors.StoreUnavailable):
            system.cancel("o")


def test_a_former_master_without_replicas_is_left(api, namespace):
    """Sentinels replace a master that they cannot tell so at once. It does not know it yet."""
    with (
        SentinelServers(replicas=1) as watched,
        api(2, url=watched.url, namespace=namespace, deadline_seconds=4) as system,
    ):
        assert system.place("o", "alice", "BTC", 1, 1)
        former = watched.master()
        with watched.client(former) as client:
            assert client.wait(1, 5000) == 1
            client.config_set("min-replicas-to-write", 1)
        watched.replace_master()
        assert system.cancel("o") is True
        with watched.client(watched.master()) as client:
            assert_consistent(client, namespace)
        assert watched.master() != former
