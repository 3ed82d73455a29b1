"""A server that cannot be reached, does not answer, is busy or still loads its data."""

import contextlib
import threading
import time

import pytest
import redis
import redis.asyncio

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.needs import needs_option
from tests.support.servers import begins_with_a_snapshot, free_port


def test_a_port_that_nobody_listens_on_is_unavailable():
    with pytest.raises(errors.StoreUnavailable, match="refused"):
        CryptoOrderSystem(url=f"redis://127.0.0.1:{free_port()}")


def test_a_socket_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(errors.StoreUnavailable, match=r"nobody\.sock|No such file"):
        CryptoOrderSystem(url=f"unix://{tmp_path}/nobody.sock")


def test_a_server_that_never_answers_is_unavailable(own_server, namespace):
    server = own_server()
    server.stop_answering()
    with pytest.raises(errors.StoreUnavailable):
        CryptoOrderSystem(url=f"{server.url}?socket_timeout=0.1", namespace=namespace, deadline_seconds=0.1)


@contextlib.contextmanager
def busy(server):
    """The server runs a script without end."""

    def run():
        with server.client() as client, pytest.raises(redis.ResponseError, match="killed"):
            client.eval("while true do end", 0)

    with server.client() as raw:
        raw.config_set("lua-time-limit", 10)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            for _ in range(1000):
                try:
                    raw.ping()
                except redis.ResponseError:
                    break
            yield
        finally:
            raw.script_kill()
            thread.join()


def test_a_server_busy_with_a_script_is_unavailable_meanwhile(own_server, namespace):
    server = own_server()
    with CryptoOrderSystem(2, url=server.url, namespace=namespace, deadline_seconds=0.1) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        with busy(server):
            for call in (lambda: system.cancel("o"), system.display_all_live_orders, lambda: system.get("o")):
                with pytest.raises(errors.StoreUnavailable):
                    call()
        assert system.display_all_live_orders() == ["o"]
        assert system.cancel("o") is True


def test_a_server_that_never_answered_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waits, to try again"))
    with pytest.raises(errors.StoreUnavailable):
        CryptoOrderSystem(2, url=f"unix://{tmp_path}/nobody", deadline_seconds=600)


def test_a_call_waits_for_a_server_that_is_busy_for_a_moment(own_server, namespace):
    server = own_server()
    with CryptoOrderSystem(2, url=server.url, namespace=namespace, deadline_seconds=30) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        answers = []
        with busy(server):
            waiting = threading.Thread(target=lambda: answers.append(system.cancel("o")))
            waiting.start()
            waiting.join(0.2)
            assert answers == []
        waiting.join()
        assert answers == [True]


@needs_option("loading-process-events-interval-bytes", "1024")
def test_a_server_that_is_loading_its_data_is_unavailable(own_server, namespace):
    server = own_server("--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024")
    with server.client() as raw:
        raw.mset({f"key{number}": "x" * 2000 for number in range(100)})
        raw.bgrewriteaof()
        while not begins_with_a_snapshot(raw):
            time.sleep(0.01)
    server.kill()
    server.launch()
    refusals = set()
    while not any("loading" in refusal.lower() for refusal in refusals):
        try:
            CryptoOrderSystem(2, url=server.url, namespace=namespace, deadline_seconds=0).close()
        except errors.StoreUnavailable as error:
            refusals.add(str(error))
        else:
            pytest.fail(f"it was loaded already, and before that it was {refusals}")
    server.wait_until_it_serves()
    CryptoOrderSystem(2, url=server.url, namespace=namespace).close()
