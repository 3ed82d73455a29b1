"""A reader that waits for changes has a connection of its own, and leaves none behind."""

import asyncio
import contextlib
import threading

import pytest

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem, errors
from tests.support.waiting import wait_until


@pytest.fixture
def blocked(raw, namespace):
    """How many connections of the namespace's clients wait for something now."""
    name = f"cryptoorders_redis:{namespace}"
    return lambda: sum(each["name"] == name and "b" in each["flags"] for each in raw.client_list())


@pytest.fixture
def connected(raw, namespace):
    """How many connections the namespace's clients have now."""
    return lambda: sum(each["name"] == f"cryptoorders_redis:{namespace}" for each in raw.client_list())


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        system.configure(feed=100)
        yield system


async def settle(is_so):
    """Wait for something that other tasks or the server do."""
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.005)


async def collect(system, given):
    async for change in system.changes("start"):
        given.append(change.order_id)


def test_other_calls_do_not_wait_for_an_async_reader(server, namespace, system, blocked):
    async def run():
        async with AsyncCryptoOrderSystem(url=server.url, namespace=namespace) as other:
            given = []
            readers = [asyncio.create_task(collect(other, given)) for _ in range(3)]
            await settle(lambda: blocked() == 3)
            for number in range(30):  # each while a reader is held back, or has just been given something
                await other.place(f"o{number}", "alice", "BTC", 1, 1)
                assert await other.display_all_live_orders()
                await settle(lambda expected=3 * (number + 1): len(given) == expected)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            await settle(lambda: blocked() == 0)

    asyncio.run(run())


def test_a_cancelled_async_reader_leaves_no_connection(server, namespace, system, connected, blocked):
    async def run():
        async with AsyncCryptoOrderSystem(url=server.url, namespace=namespace) as other:
            await other.count()
            before = connected()
            for _ in range(3):
                reader = asyncio.create_task(collect(other, []))
                await settle(lambda: blocked() == 1)
                reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reader
            await settle(lambda: connected() == before)

    asyncio.run(run())
    wait_until(lambda: connected() == 1)


def test_closing_ends_a_waiting_async_reader(server, namespace, system, connected, blocked):
    async def run():
        async with AsyncCryptoOrderSystem(url=server.url, namespace=namespace) as other:
            reader = asyncio.create_task(collect(other, []))
            await settle(lambda: blocked() == 1)
        with pytest.raises(errors.StoreClosed):
            await reader

    asyncio.run(run())
    wait_until(lambda: connected() == 1)


def test_closing_ends_a_waiting_reader(server, namespace, system, connected, blocked):
    other = CryptoOrderSystem(url=server.url, namespace=namespace)
    ended = []

    def read():
        with pytest.raises(errors.StoreClosed):
            list(other.changes())
        ended.append(True)

    reader = threading.Thread(target=read)
    reader.start()
    wait_until(lambda: blocked() == 1)
    other.close()
    reader.join()
    assert ended == [True]
    wait_until(lambda: connected() == 1)


def test_a_reader_that_is_left_gives_its_connection_back(server, namespace, system, connected, blocked):
    for number in range(5):
        system.place(f"o{number}", "alice", "BTC", 1, 1)
        for change in system.changes("start"):
            if change.order_id == f"o{number}":
                break
    assert (connected(), blocked()) == (1, 0)


def test_a_reader_survives_a_server_that_is_away(proxy, server, namespace, system):
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as other:
        changes = other.changes(system.position())
        system.place("o", "alice", "BTC", 1, 1)
        assert next(changes).op == "place"
        following = threading.Thread(target=lambda: given.append(next(changes).op))
        given = []
        following.start()
        with server.client() as raw:
            wait_until(lambda: raw.info("clients")["blocked_clients"] >= 1)
            raw.client_kill_filter(_type="normal", skipme=True)
        system.pause("o")
        following.join()
        assert given == ["pause"]
