"""Connections of one system: lost places come back, no wait outlasts the deadline, close() closes."""

import asyncio
import contextlib
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import redis
import redis.asyncio
from redis.backoff import ConstantBackoff

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem, errors
from cryptoorders_redis.transport import aio_multiplexed, connections
from cryptoorders_redis.transport.connections import Connections
from cryptoorders_redis.transport.endpoint import TIMEOUT_SECONDS, make_endpoint
from tests.support.servers import REPOSITORY


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # a socket closed by being lost
def test_a_lost_place_is_filled_again(server, namespace):
    url = f"{server.url}?max_connections=1"
    with CryptoOrderSystem(2, url=url, namespace=namespace, deadline_seconds=5) as system:
        assert isinstance(system._connections, Connections)
        system._connections._take(time.monotonic())  # and nobody keeps it
        gc.collect()
        assert system.count() == 0


def test_interrupted_calls_lose_no_place_for_ever(server, namespace):
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.interrupted", server.url, namespace, "3"],
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
        check=False,
        # Coverage's own lock would not come back from an interrupt.
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert int(done.stdout) > 50


@pytest.mark.parametrize("deadline", [0, 0.5])
def test_waiting_for_a_connection_ends_at_the_deadline(own_server, namespace, deadline):
    """Many more calls than connections, on a server that hangs: none begins after its deadline."""
    server = own_server()
    url = f"{server.url}?max_connections=2&socket_timeout=1"
    with CryptoOrderSystem(2, url=url, namespace=namespace, deadline_seconds=deadline) as system:
        assert system.place("o", "alice", "BTC", 1, 1)

        def timed(_):
            began = time.monotonic()
            with pytest.raises((errors.StoreUnavailable, errors.OutcomeUnknown)):
                system.pause("o")
            return time.monotonic() - began

        server.stop_answering()
        try:
            with ThreadPoolExecutor(12) as pool:
                took = list(pool.map(timed, range(12)))
        finally:
            server.go_on()
        assert max(took) < deadline + 2 * 1 + 2, "the deadline, and the last attempt's time-outs"


@pytest.fixture
def only_woken(monkeypatch):
    """Calls that wait for a connection do not look by themselves within any test's time."""
    monkeypatch.setattr(connections, "LOOK_SECONDS", 600)


@pytest.mark.usefixtures("only_woken")
def test_a_waiting_call_is_woken_when_a_connection_is_free(server, namespace):
    url = f"{server.url}?max_connections=1"
    with CryptoOrderSystem(2, url=url, namespace=namespace) as system, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: system.count(), range(400))) == [0] * 400


@pytest.mark.parametrize("library", [redis, redis.asyncio])
def test_a_client_without_time_outs_gets_ours(library):
    client = library.Redis(socket_timeout=None, socket_connect_timeout=None)
    made = make_endpoint(None, client, library).make()
    assert (made.socket_timeout, made.socket_connect_timeout) == (TIMEOUT_SECONDS, TIMEOUT_SECONDS)
    client = library.Redis(socket_timeout=7, socket_connect_timeout=8)
    made = make_endpoint(None, client, library).make()
    assert (made.socket_timeout, made.socket_connect_timeout) == (7, 8)


@pytest.mark.parametrize("library", [redis, redis.asyncio])
def test_a_clients_own_retries_are_not_used(library):
    retry = library.retry.Retry(ConstantBackoff(1), 7)
    made = make_endpoint(None, library.Redis(retry=retry, retry_on_error=[ValueError]), library).make()
    assert made.retry.get_retries() == 0
    assert retry.get_retries() == 7


@pytest.mark.usefixtures("only_woken")
def test_calls_that_wait_when_a_system_is_closed_do_nothing(own_server, namespace):
    server = own_server()
    system = CryptoOrderSystem(2, url=f"{server.url}?max_connections=2", namespace=namespace)
    system.place("first", "alice", "BTC", 1, 1)
    assert isinstance(system._connections, Connections)
    server.stop_answering()
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(system.place, f"o{n}", "alice", "BTC", 1, 1) for n in range(20)]
        while len(system._connections._waiting) < 18:
            time.sleep(0.01)
        system.close()
        ended, _ = wait(calls, timeout=4)  # the server hangs still, and the deadline is later
        server.go_on()
    assert len(ended) >= 18
    assert all(isinstance(call.exception(), errors.StoreClosed) for call in ended)
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        assert system.count() <= 3


def test_calls_that_wait_when_an_async_system_closes_do_nothing(own_server, namespace, monkeypatch):
    monkeypatch.setattr(aio_multiplexed, "MOST_UNDER_WAY", 2)
    server = own_server()

    async def main():
        system = AsyncCryptoOrderSystem(2, url=server.url, namespace=namespace)
        await system.place("first", "alice", "BTC", 1, 1)
        server.stop_answering()
        calls = [asyncio.create_task(system.place(f"o{n}", "alice", "BTC", 1, 1)) for n in range(100)]
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(system.close())
        ended, _ = await asyncio.wait(calls, timeout=4)  # the server hangs still, and the deadline is later
        server.go_on()
        await closing
        await asyncio.gather(*calls, return_exceptions=True)
        return ended

    ended = asyncio.run(main())
    assert len(ended) >= 98
    assert all(isinstance(call.exception(), errors.StoreClosed) for call in ended)
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        assert system.count() <= 3


class Switch:
    """An address behind which one server stands, and later another, as after a failover."""

    def __init__(self, server):
        self.server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.server.socket))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source, target):
        with source, target, contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def test_a_replica_behind_the_address_is_left_for_its_master(own_server, namespace):
    """After a failover the address leads to the new master, and connections to the old one must go."""
    old, new = own_server(), own_server()
    switch = Switch(old)
    for server in (old, new):
        with CryptoOrderSystem(2, url=server.url, namespace=namespace) as direct:
            direct.place("o", "alice", "BTC", 1, 1)
    with CryptoOrderSystem(2, url=switch.url, namespace=namespace) as system, old.client() as raw:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: system.count(), range(100)))
        raw.replicaof("127.0.0.1", 1)
        switch.server = new
        with pytest.raises(errors.StoreReadOnly):
            system.pause("o")
        assert system.pause("o") is True
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda _: system.pause("o"), range(20))) == [False] * 20
    switch.close()


def test_an_async_system_leaves_a_replica_for_its_master(own_server, namespace):
    old, new = own_server(), own_server()
    switch = Switch(old)
    for server in (old, new):
        with CryptoOrderSystem(2, url=server.url, namespace=namespace) as direct:
            direct.place("o", "alice", "BTC", 1, 1)

    async def main():
        async with AsyncCryptoOrderSystem(2, url=switch.url, namespace=namespace) as system:
            await asyncio.gather(*(system.count() for _ in range(50)))
            with old.client() as raw:
                raw.replicaof("127.0.0.1", 1)
            switch.server = new
            with pytest.raises(errors.StoreReadOnly):
                await system.pause("o")
            return await asyncio.gather(*(system.pause("o") for _ in range(20)))

    assert sorted(asyncio.run(main())) == [False] * 19 + [True]
    switch.close()
