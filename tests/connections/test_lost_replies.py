"""Replies that are lost, late or interrupted never become wrong answers."""

import signal
import socket
import threading
from typing import ClassVar

import pytest
import redis
import redis.asyncio

from cryptoorders_redis import CryptoOrderSystem, OrderStatus, errors
from tests.support.consistency import assert_consistent
from tests.support.model import live_order
from tests.support.proxy import Fault
from tests.support.sockets import connection_over

LOSSES = [
    pytest.param(Fault.LOSE_REPLY, 1, id="a-reply"),
    pytest.param(Fault.HOLD_REQUEST, 1, id="a-request"),
    pytest.param(Fault.LOSE_REPLY, 3, id="three-replies"),
]


@pytest.mark.parametrize(("fault", "number"), LOSSES)
def test_a_call_has_its_true_answer_though_a_reply_was_lost(proxy, server, namespace, fault, number):
    with CryptoOrderSystem(2, url=proxy.url, namespace=namespace) as system, server.client() as raw:

        def losing(call, *arguments):
            before = proxy.faults[fault]
            for _ in range(number):
                proxy.next_call(fault)
            answer = call(*arguments)
            assert proxy.faults[fault] == before + number, "nothing was lost"
            return answer

        assert losing(system.place, "o1", "alice", "BTC", 1, 1) is True
        assert losing(system.place, "o1", "alice", "BTC", 1, 1) is False
        assert losing(system.user("alice").place, "o2", "BTC", 1, 1) is True
        assert losing(system.pause, "o1") is True
        assert losing(system.pause, "o1") is False
        assert losing(system.display_all_live_orders) == ["o1(paused)", "o2"]
        assert losing(system.resume, "o1") is True
        assert losing(live_order, system, "o1").status is OrderStatus.ACTIVE
        assert losing(system.cancel, "o1") is True
        assert losing(system.cancel, "o1") is False
        assert losing(system.cancel_all_by_user, "alice") == 1
        assert losing(system.count) == 0
        assert_consistent(raw, namespace)


CHANGES = [
    pytest.param(lambda s: s.place("new", "alice", "BTC", 1, 1), "place", "new", ["o", "new"], id="place"),
    pytest.param(lambda s: s.pause("o"), "pause", "o", ["o(paused)"], id="pause"),
    pytest.param(lambda s: s.cancel("o"), "cancel", "o", [], id="cancel"),
    pytest.param(lambda s: s.cancel_all_by_user("alice"), "cancel_all_by_user", "alice", [], id="cancel-all"),
]


@pytest.mark.parametrize(("change", "operation", "changed", "after"), CHANGES)
@pytest.mark.parametrize("arrives", [True, False], ids=["it-took-effect", "it-never-arrived"])
def test_a_change_with_all_replies_lost_has_an_unknown_outcome(
    proxy, server, namespace, *, change, operation, changed, after, arrives
):
    with CryptoOrderSystem(2, url=server.url, namespace=namespace) as beside:
        # The server must know the scripts: that it does not is a reply too, which would be lost.
        beside.place("another", "zoe", "BTC", 1, 1)
        beside.pause("another")
        beside.cancel("another")
        beside.cancel_all_by_user("zoe")
        beside.place("o", "alice", "BTC", 1, 1)
        with CryptoOrderSystem(2, url=proxy.url, namespace=namespace, deadline_seconds=0.1) as system:
            assert system.resume("o") is False  # begins the client's sessions
            proxy.every_call(Fault.LOSE_REPLY if arrives else Fault.HOLD_REQUEST)
            with pytest.raises(errors.OutcomeUnknown, match=f"{operation} of '{changed}' may have") as caught:
                change(system)
            assert (caught.value.operation, caught.value.ids) == (operation, (changed,))
            for read in (system.count, system.display_all_live_orders, lambda: system.get("o")):
                with pytest.raises(errors.StoreUnavailable):
                    read()
            proxy.every_call(None)
            assert system.display_all_live_orders() == (after if arrives else ["o"])
        assert beside.display_all_live_orders() == (after if arrives else ["o"])
    with server.client() as raw:
        assert_consistent(raw, namespace)


def test_a_change_that_times_out_has_an_unknown_outcome(own_server, namespace):
    server = own_server()
    url = f"{server.url}?socket_timeout=0.1"
    with CryptoOrderSystem(2, url=url, namespace=namespace, deadline_seconds=0.2) as system:
        system.place("o", "alice", "BTC", 1, 1)
        server.stop_answering()
        try:
            with pytest.raises(errors.OutcomeUnknown) as caught:
                system.cancel("o")
            assert (caught.value.operation, caught.value.ids) == ("cancel", ("o",))
            with pytest.raises(errors.StoreUnavailable):
                system.get("o")
        finally:
            server.go_on()
        assert system.count() in (0, 1)


def test_an_interrupted_call_never_hands_its_reply_to_the_next(own_server, namespace):
    """With one connection, and a server that answers the first call only when the second was sent."""
    server = own_server()
    url = f"{server.url}?max_connections=1"
    with CryptoOrderSystem(2, url=url, namespace=namespace) as system:
        system.place("o1", "alice", "BTC", 1, 1)
        system.place("o2", "bob", "BTC", 2, 2)

        def interrupt(*_):
            raise KeyboardInterrupt

        handler = signal.signal(signal.SIGALRM, interrupt)
        server.stop_answering()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                system.get("o1")
            going_on = threading.Timer(0.2, server.go_on)
            going_on.start()
            assert live_order(system, "o2").user_id == "bob"
            going_on.join()
        finally:
            server.go_on()
            signal.signal(signal.SIGALRM, handler)
        assert system.display_all_live_orders() == ["o1", "o2"]


class InterruptedSocket(socket.socket):
    """Raises what it is armed with in place of reading a reply, as an interrupt at that moment would."""

    armed: ClassVar[list[BaseException]] = []

    def recv(self, *args):
        if self.armed:
            raise self.armed.pop()
        return super().recv(*args)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), TimeoutError("late")], ids=repr)
def test_a_reply_left_behind_is_never_the_next_calls(own_server, namespace, error):
    """It comes when the next call, which has the same connection, has sent its own request."""
    server = own_server()
    kind = connection_over(InterruptedSocket)
    pool = redis.ConnectionPool(connection_class=kind, path=str(server.socket), max_connections=1)
    with (
        redis.Redis.from_pool(pool) as client,
        CryptoOrderSystem(2, client=client, namespace=namespace, deadline_seconds=0) as system,
    ):
        assert system.place("o1", "alice", "BTC", 1, 1)
        assert system.place("o2", "bob", "BTC", 2, 2)
        assert live_order(system, "o1").user_id == "alice"
        server.stop_answering()
        InterruptedSocket.armed.append(error)
        expected = errors.StoreUnavailable if isinstance(error, TimeoutError) else type(error)
        with pytest.raises(expected):
            system.get("o1")
        going_on = threading.Timer(0.2, server.go_on)
        going_on.start()
        try:
            assert live_order(system, "o2").user_id == "bob"
        finally:
            going_on.join()
        assert system.display_all_live_orders() == ["o1", "o2"]
