"""What only the async API has: tasks, cancellation, event loops. Its contract is in contract/."""

import asyncio
import inspect
import os
import re
import shutil
import signal
import tempfile
import time
from typing import Any

import pytest
import redis.asyncio

from cryptoorders_redis import (
    AsyncCryptoOrderSystem,
    AsyncIntake,
    AsyncUserOrders,
    AsyncWorker,
    CryptoOrderSystem,
    Intake,
    UserOrders,
    Worker,
    errors,
)
from cryptoorders_redis.transport import aio_multiplexed
from tests.support.consistency import assert_consistent
from tests.support.proxy import Fault

SAME_BUT_FOR_ASYNC = {"__enter__": "__aenter__", "__exit__": "__aexit__"}


def public(cls):
    names = {name for name in vars(cls) if not name.startswith("_")} | {"__init__"}
    return names | {
        name for name in vars(cls) if name in ("__enter__", "__exit__", "__aenter__", "__aexit__")
    }


def signature(cls, name):
    """The signature as text, with the words that differ by the API made the same."""
    found: Any = inspect.getattr_static(cls, name)
    text = str(inspect.signature(getattr(found, "fget", found)))
    text = text.replace("redis.aio_", "redis.").replace("redis.aio.", "redis.system.")
    return re.sub(r"Async|redis\.asyncio\.(client\.)?|redis\.(client\.)?|collections\.abc\.", "", text)


@pytest.mark.parametrize(
    ("sync", "asynchronous"),
    [
        (CryptoOrderSystem, AsyncCryptoOrderSystem),
        (UserOrders, AsyncUserOrders),
        (Intake, AsyncIntake),
        (Worker, AsyncWorker),
    ],
)
def test_both_faces_have_the_same_names_and_signatures(sync, asynchronous):
    assert {SAME_BUT_FOR_ASYNC.get(name, name) for name in public(sync)} == public(asynchronous)
    for name in public(sync) - {"__init__"} if sync is UserOrders else public(sync):
        there = SAME_BUT_FOR_ASYNC.get(name, name)
        assert signature(sync, name) == signature(asynchronous, there), name


@pytest.fixture
def system(server, namespace):
    return lambda **options: AsyncCryptoOrderSystem(
        3, **({"url": server.url, "namespace": namespace} | options)
    )


def test_a_thousand_calls_at_once_share_two_connections(run, server, namespace, system):
    async def main():
        async with system(url=f"{server.url}?client_name={namespace}", deadline_seconds=60) as orders:
            placed = await asyncio.gather(
                *(orders.place(f"o{n % 500}", f"u{n % 7}", "BTC", 1, 2) for n in range(1000))
            )
            await asyncio.gather(*(orders.count() for _ in range(100)))
            with server.client() as raw:
                ours = [client for client in raw.client_list() if client["name"] == namespace]
            assert len(ours) == 2, "one for short replies, one for long ones"
            return placed

    assert sum(run(main())) == 500
    with server.client() as raw:
        assert_consistent(raw, namespace)


LONG_CALLS = {
    "listing": lambda orders: orders.display_all_live_orders(),
    "listing of a user": lambda orders: orders.user("alice").display_all_live_orders(),
    "page": lambda orders: anext(aiter(orders.live_orders())),
    "place_many": lambda orders: orders.place_many([("o2", "alice", "BTC", 1, 2)]),
    "pause_many": lambda orders: orders.pause_many(["o"]),
    "cancel_all_by_user": lambda orders: orders.cancel_all_by_user("alice"),
    "count": lambda orders: orders.count(),
    "count of a user": lambda orders: orders.count(user_id="alice"),
    "stats": lambda orders: orders.stats(),
    "summary": lambda orders: orders.summary(),
    "metrics": lambda orders: orders.metrics(),
    "verify": lambda orders: orders.verify(),
    "drop": lambda orders: orders.drop(),
}


@pytest.mark.parametrize("call", LONG_CALLS.values(), ids=list(LONG_CALLS))
def test_calls_with_long_replies_use_a_connection_of_their_own(server, namespace, system, call):
    async def main():
        async with system(url=f"{server.url}?client_name={namespace}") as orders:
            with server.client() as raw:

                def num_connections():
                    return sum(client["name"] == namespace for client in raw.client_list())

                assert await orders.place("o", "alice", "BTC", 1, 2)
                assert await orders.pause("o")
                assert await orders.resume("o")
                assert await orders.amend("o", amount=3)
                assert await orders.reduce("o", 1) == 2
                assert await orders.get("o")
                assert num_connections() == 1
                await call(orders)
                assert num_connections() == 2

    asyncio.run(main())


def test_a_call_that_finds_no_room_for_long_says_so(run, own_server, system, monkeypatch):
    monkeypatch.setattr(aio_multiplexed, "MOST_UNDER_WAY", 1)
    server = own_server()

    async def main():
        async with system(url=f"{server.url}?max_connections=1", deadline_seconds=0.2) as orders:
            server.stop_answering()
            holding = asyncio.create_task(orders.count())
            await asyncio.sleep(0.05)
            with pytest.raises(errors.StoreUnavailable, match="the server is behind"):
                await orders.pause("o")
            server.go_on()
            return await holding

    assert run(main()) == 0


def test_connections_that_the_server_closed_are_made_anew(run, own_server, system):
    server = own_server("--appendfsync", "always")

    async def main():
        async with system(url=server.url) as orders:
            await asyncio.gather(*(orders.place(f"o{n}", "alice", "BTC", 1, 2) for n in range(20)))
            server.restart()
            await asyncio.sleep(0.1)
            return await asyncio.gather(*(orders.cancel(f"o{n}") for n in range(20)))

    assert run(main()) == [True] * 20


def test_a_handed_in_clients_own_limit_holds_too(run, server, namespace, system):
    async def main():
        client = redis.asyncio.Redis(
            unix_socket_path=str(server.socket), max_connections=1, client_name=namespace
        )
        async with client, system(url=None, client=client) as orders:
            await asyncio.gather(*(orders.place(f"o{n}", "alice", "BTC", 1, 2) for n in range(100)))
            count = await orders.count()
            with server.client() as raw:
                ours = [seen for seen in raw.client_list() if seen["name"] == namespace]
            assert len(ours) == 1
            return count

    assert run(main()) == 100


def test_without_a_with_block_the_first_call_opens_the_namespace(run, system):
    async def main():
        orders = system()
        first = await asyncio.gather(*(orders.count() for _ in range(20)))
        await orders.close()
        return first

    assert run(main()) == [0] * 20


def test_what_does_not_fit_is_told_by_the_first_call(run, server, namespace, system):
    CryptoOrderSystem(5, url=server.url, namespace=namespace).close()

    async def main():
        orders = system()
        for _ in range(2):
            with pytest.raises(errors.ConfigurationMismatch, match="num_streams=5, not 3"):
                await orders.pause("o")
        await orders.close()
        with pytest.raises(errors.ConfigurationMismatch):
            await system().__aenter__()

    run(main())


def test_what_is_not_legal_is_refused_before_anything_is_sent(run, system):
    async def main():
        orders = system(url="unix:///nobody/listens/here")
        with pytest.raises(ValueError, match="order_id must not be empty"):
            await orders.place("", "alice", "BTC", 1, 2)
        with pytest.raises(TypeError, match="user_id must be a str"):
            await orders.cancel_all_by_user(7)
        with pytest.raises(ValueError, match="currency must not be empty"):
            orders.live_orders(currency="")
        with pytest.raises(errors.StoreUnavailable):
            await orders.count()

    run(main())
    with pytest.raises(ValueError, match="num_streams must be 1 to"):
        AsyncCryptoOrderSystem(0)


def test_a_closed_system_says_so_also_to_calls_that_wait_for_it(run, system):
    async def main():
        orders = system()
        await orders.place("o", "alice", "BTC", 1, 2)
        await orders.close()
        await orders.close()
        for call in (orders.count(), orders.pause("o"), orders.user("alice").cancel_all()):
            with pytest.raises(errors.StoreClosed, match="this system is closed"):
                await call

    run(main())


def test_a_cancelled_call_never_hands_its_reply_to_another(run, own_server, namespace, system):
    """On one connection: the server answers the cancelled call only when the next one was sent."""
    server = own_server()

    async def main():
        async with system(url=f"{server.url}?max_connections=1") as orders:
            await orders.place("o1", "alice", "BTC", 1, 2)
            await orders.place("o2", "bob", "BTC", 1, 2)
            server.stop_answering()
            cancelled = asyncio.create_task(orders.get("o1"))
            await asyncio.sleep(0.05)
            cancelled.cancel()
            following = asyncio.create_task(orders.get("o2"))
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            server.go_on()
            assert (await following).user_id == "bob"
            assert (await orders.get("o1")).user_id == "alice"

    run(main())


def test_cancelled_calls_leave_store_and_pool_consistent(run, server, namespace, system):
    async def main():
        async with system(url=f"{server.url}?max_connections=4") as orders:
            for turn in range(100):
                calls = [
                    asyncio.create_task(orders.place(f"o{turn}-{n}", f"u{n}", "BTC", 1, 2)) for n in range(8)
                ]
                for _ in range(turn % 12):
                    await asyncio.sleep(0)
                for call in calls[::2]:
                    call.cancel()
                answers = await asyncio.gather(*calls, return_exceptions=True)
                assert answers[1::2] == [True] * 4
                assert all(answer is True for answer in answers[::2] if isinstance(answer, bool))
            listing = await orders.display_all_live_orders()
            assert await orders.verify() == []
            free = [orders.count() for _ in range(4)]
            assert await asyncio.gather(*free) == [len(listing)] * 4
            return listing

    assert len(run(main())) >= 400


def test_the_session_of_a_cancelled_call_is_not_used_again(run, own_server, system):
    server = own_server()

    async def main():
        async with system(url=server.url) as orders:
            await orders.place("o1", "alice", "BTC", 1, 2)
            (begun,) = orders._sessions._begun.values()
            idle = begun.idle
            (session,) = idle
            server.stop_answering()
            pausing = asyncio.create_task(orders.pause("o1"))
            await asyncio.sleep(0.05)
            pausing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pausing
            assert session not in idle
            server.go_on()
            assert await orders.place("o2", "alice", "BTC", 1, 2)
            assert session not in idle

    run(main())


def test_lost_replies_do_not_become_wrong_answers(run, proxy, system):
    async def main():
        async with system(url=proxy.url) as orders:
            for n in range(20):
                await orders.place(f"o{n}", "alice", "BTC", 1, 2)
                proxy.next_call(Fault.LOSE_REPLY)
                assert await orders.cancel(f"o{n}") is True
            return await orders.count()

    assert run(main()) == 0
    assert proxy.faults[Fault.LOSE_REPLY] == 20


def test_an_outcome_that_stays_unknown_is_told(run, own_server, system):
    server = own_server()

    async def main():
        url = f"{server.url}?socket_timeout=0.2"
        async with system(url=url, deadline_seconds=0.3) as orders:
            await orders.place("o1", "alice", "BTC", 1, 2)
            server.stop_answering()
            with pytest.raises(errors.OutcomeUnknown) as unknown:
                await orders.pause("o1")
            assert (unknown.value.operation, unknown.value.ids) == ("pause", ("o1",))
            with pytest.raises(errors.StoreUnavailable):
                await orders.count()
            server.go_on()
            return await orders.count()

    assert run(main()) == 1


def test_a_sync_client_is_refused_with_the_class_that_is_needed(server):
    with server.client() as client, pytest.raises(TypeError, match=r"must be a redis\.asyncio\.Redis"):
        AsyncCryptoOrderSystem(client=client)


def test_a_folder_is_shared_with_processes_that_do_not_await(run, tmp_path_factory):
    folder = tempfile.mkdtemp(prefix="cor-")
    try:

        async def main():
            async with AsyncCryptoOrderSystem(2, url=f"file:{folder}/orders") as orders:
                await orders.place("o1", "alice", "BTC", 1, 2)
                with CryptoOrderSystem(url=f"file:{folder}/orders") as blocking:
                    assert blocking.display_all_live_orders() == ["o1"]
                with redis.Redis(unix_socket_path=f"{folder}/orders/redis.sock", protocol=2) as looking:
                    os.kill(looking.info("server")["process_id"], signal.SIGKILL)
                return await orders.display_all_live_orders()

        assert run(main()) == ["o1"]
    finally:
        shutil.rmtree(folder)


def test_first_calls_share_an_opening_that_fails(run, own_server, system):
    server = own_server()

    async def main():
        server.stop_answering()
        async with asyncio.timeout(5):
            orders = system(url=f"{server.url}?socket_timeout=0.5", deadline_seconds=0)
            begin = time.monotonic()
            failed = await asyncio.gather(*(orders.count() for _ in range(20)), return_exceptions=True)
            assert {type(error) for error in failed} == {errors.StoreUnavailable}
            assert time.monotonic() - begin < 3, "one attempt, not twenty one after the other"
            server.go_on()
            assert await orders.count() == 0
            await orders.close()

    run(main())
