"""Connections are shared, waited for, and closed with their system."""

import contextlib
import socket
import threading
import time

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors


def connections_of(raw, name):
    return [client for client in raw.client_list() if client["name"] == name]


def test_close_closes_its_own_connections_and_no_other(server, namespace):
    with server.client() as raw, server.client(client_name="owners") as client:
        mine = CryptoOrderSystem(2, url=f"{server.url}?client_name=ours", namespace=namespace)
        theirs = CryptoOrderSystem(2, client=client, namespace=namespace)
        assert (len(connections_of(raw, "ours")), len(connections_of(raw, "owners"))) == (1, 1)
        client.ping()
        assert len(connections_of(raw, "owners")) == 2
        mine.close()
        theirs.close()
        for _ in range(100):
            if (len(connections_of(raw, "ours")), len(connections_of(raw, "owners"))) == (0, 1):
                break
        else:
            pytest.fail("what was opened is still open, or what the owner opened is not")
        assert client.ping()


def test_a_system_that_could_not_be_opened_leaves_no_connection(server, namespace):
    CryptoOrderSystem(2, url=server.url, namespace=namespace).close()
    with server.client() as raw:
        with pytest.raises(errors.ConfigurationMismatch):
            CryptoOrderSystem(3, url=f"{server.url}?client_name=refused", namespace=namespace)
        for _ in range(100):
            if not connections_of(raw, "refused"):
                break
        assert connections_of(raw, "refused") == []


def test_a_call_without_a_free_connection_in_time_is_unavailable(own_server, namespace):
    server = own_server()
    url = f"{server.url}?max_connections=1"
    with CryptoOrderSystem(2, url=url, namespace=namespace, deadline_seconds=0) as system:
        server.stop_answering()
        waiting = threading.Thread(target=system.count)
        try:
            waiting.start()
            time.sleep(0.1)
            with pytest.raises(errors.StoreUnavailable, match="busy"):
                system.place("o", "alice", "BTC", 1, 1)
        finally:
            server.go_on()
            waiting.join()
        assert system.count() == 0


def test_close_lets_a_running_call_end_and_leaves_no_connection(own_server, namespace):
    server = own_server()
    system = CryptoOrderSystem(2, url=f"{server.url}?client_name=ours", namespace=namespace)
    system.place("o", "alice", "BTC", 1, 1)
    assert system.cancel("nothing") is False, "the server must know the script by now"
    server.stop_answering()
    answers = []
    call = threading.Thread(target=lambda: answers.append(system.cancel("o")))
    try:
        call.start()
        time.sleep(0.1)
        system.close()
    finally:
        server.go_on()
        call.join()
    assert answers == [True]
    with pytest.raises(errors.StoreClosed):
        system.count()
    with server.client() as raw:
        assert raw.exists(f"{{{namespace}:directory:0}}") == 0
        for _ in range(100):
            if not connections_of(raw, "ours"):
                break
        assert connections_of(raw, "ours") == []


@pytest.fixture
def two_callers(own_server, namespace):
    """A system with one connection, and two calls of it under way that the server does not answer yet."""
    server, answers = own_server(), []

    def call():
        try:
            answers.append(system.count())
        except errors.CryptoOrdersError as error:
            answers.append(type(error))

    threads = [threading.Thread(target=call) for _ in range(2)]
    with CryptoOrderSystem(2, url=f"{server.url}?max_connections=1", namespace=namespace) as system:
        server.stop_answering()
        try:
            for thread in threads:
                thread.start()
            time.sleep(0.2)
            yield server, system, threads, answers
        finally:
            server.go_on()


def test_a_call_waits_for_a_connection_to_be_given_back(two_callers):
    server, _, threads, answers = two_callers
    server.go_on()
    for thread in threads:
        thread.join(timeout=10)
    assert answers == [0, 0]


def test_a_call_that_waits_for_a_connection_is_told_of_close(two_callers):
    _, system, threads, answers = two_callers
    system.close()
    for _ in range(100):
        if answers:
            break
        time.sleep(0.05)
    assert answers == [errors.StoreClosed], "the other one still waits for the server"
    assert any(thread.is_alive() for thread in threads)


def test_a_reused_file_descriptor_is_not_taken_for_a_connection(own_server, namespace):
    server = own_server()
    with (
        CryptoOrderSystem(2, url=server.url, namespace=namespace, deadline_seconds=0) as system,
        contextlib.ExitStack() as others,
    ):
        system.cancel("nothing")  # the server knows the script by now
        server.stop_answering()
        killing = threading.Timer(0.2, server.kill)
        killing.start()
        with pytest.raises(errors.OutcomeUnknown):
            system.cancel("o")
        killing.join()
        for _ in range(10):
            for quiet in socket.socketpair():
                others.callback(quiet.close)
        with pytest.raises(errors.StoreUnavailable):
            system.cancel("o")
