"""A server that is silent, behind or does not read: no call waits longer than it must."""

import asyncio
import time

import pytest

from cryptoorders_redis import errors
from cryptoorders_redis.transport import aio_multiplexed
from cryptoorders_redis.transport.error_mapping import ReplyLost
from cryptoorders_redis.transport.resp import encode_command
from tests.support.connecting import ask, connected, send
from tests.support.peer import Peer

PING = encode_command(("PING",))


def test_a_silent_server_ends_all_calls_after_the_time_out(run, own_server):
    server = own_server()

    async def main():
        async with connected(server.url, socket_timeout=0.7) as connections:
            for _ in range(2):
                assert await ask(connections, "PING") == b"PONG"
                server.stop_answering()
                begin = time.monotonic()
                calls = [asyncio.create_task(ask(connections, "PING")) for _ in range(20)]
                calls += [send(connections, PING) for _ in range(20)]
                late = await asyncio.gather(*calls, return_exceptions=True)
                assert [str(error) for error in late] == ["the server was silent for 0.7 s"] * 40
                assert {type(error) for error in late} == {ReplyLost}
                assert 0.65 < time.monotonic() - begin < 4
                server.go_on()

    run(main())


def test_a_silence_counts_from_the_request_not_from_before(run, own_server):
    server = own_server()

    async def main():
        async with connected(server.url, socket_timeout=4) as connections:
            await ask(connections, "PING")
            await asyncio.sleep(2.5)
            server.stop_answering()
            call = send(connections, PING)
            await asyncio.sleep(2)
            server.go_on()
            assert await call == b"PONG"

    run(main())


def test_a_long_reply_may_take_longer_than_the_time_out(run):
    """As long as something arrives."""

    def answer(_, writer):
        async def trickle():
            for piece in (b"$10\r\n", *[b"x"] * 10, b"\r\n"):
                writer.write(piece)
                await asyncio.sleep(0.2)

        trickling.append(asyncio.create_task(trickle()))

    trickling = []

    async def main():
        async with Peer(answer) as peer, connected(peer.url, socket_timeout=1) as connections:
            assert await ask(connections, "GET", "k", is_long=True) == b"x" * 10

    run(main())


def test_a_late_process_does_not_blame_the_server(run, server):
    async def main():
        async with connected(server.url, socket_timeout=0.5) as connections:
            await ask(connections, "PING")
            call = send(connections, PING)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            time.sleep(1.2)  # the reply is there, but nobody reads it
            assert await call == b"PONG"

    run(main())


def test_calls_beyond_the_limit_wait_in_the_order_of_arrival(run, own_server, monkeypatch):
    monkeypatch.setattr(aio_multiplexed, "MOST_UNDER_WAY", 5)
    server = own_server()

    async def main():
        async with connected(server.url) as connections:
            await ask(connections, "PING")
            server.stop_answering()
            calls = [send(connections, encode_command(("RPUSH", "k", number))) for number in range(5)]
            assert connections.submit(PING) is None
            calls += [asyncio.create_task(ask(connections, "RPUSH", "k", number)) for number in range(5, 40)]
            await asyncio.sleep(0.05)
            (connection,) = connections._living
            most = len(connection._awaited)
            calls[20].cancel()
            calls[7].cancel()
            server.go_on()
            for number in range(40, 300):
                calls.append(asyncio.create_task(ask(connections, "RPUSH", "k", number)))
                await asyncio.sleep(0)
                most = max(most, len(connection._awaited))
            await asyncio.gather(*calls, return_exceptions=True)
            assert most == 5
            there = [int(number) for number in await ask(connections, "LRANGE", "k", 0, -1)]
            assert there == [number for number in range(300) if number not in (7, 20)]
            assert await send(connections, PING) == b"PONG"

    run(main())


def test_a_call_without_room_in_time_has_sent_nothing(run, own_server, monkeypatch):
    monkeypatch.setattr(aio_multiplexed, "MOST_UNDER_WAY", 2)
    server = own_server()

    async def main():
        async with connected(server.url) as connections:
            await ask(connections, "PING")
            server.stop_answering()
            under_way = [send(connections, encode_command(("INCR", "k"))) for _ in range(2)]
            begin = time.monotonic()
            calls = [ask(connections, "INCR", "k", seconds=0.3) for _ in range(10)]
            refused = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(error) for error in refused} == {errors.StoreUnavailable}
            assert "2 replies are awaited" in str(refused[0])
            assert 0.25 < time.monotonic() - begin < 4
            server.go_on()
            assert await asyncio.gather(*under_way) == [1, 2]
            assert await ask(connections, "GET", "k") == b"2"

    run(main())


def test_calls_that_wait_for_room_go_on_elsewhere(run, own_server, monkeypatch):
    """When the connection is lost, they connect again, and share that."""
    monkeypatch.setattr(aio_multiplexed, "MOST_UNDER_WAY", 2)
    server = own_server()

    async def main():
        async with connected(server.url) as connections:
            await ask(connections, "PING")
            server.stop_answering()
            under_way = [send(connections, PING) for _ in range(2)]
            calls = [asyncio.create_task(ask(connections, "PING")) for _ in range(20)]
            await asyncio.sleep(0.05)
            server.restart()
            lost = await asyncio.gather(*under_way, return_exceptions=True)
            assert {type(error) for error in lost} == {ReplyLost}
            async with asyncio.timeout(5):
                assert await asyncio.gather(*calls) == [b"PONG"] * 20

    run(main())


def test_close_tells_calls_that_wait_for_room(run, own_server, monkeypatch):
    monkeypatch.setattr(aio_multiplexed, "MOST_UNDER_WAY", 1)
    server = own_server()

    async def main():
        async with connected(server.url) as connections:
            await ask(connections, "PING")
            server.stop_answering()
            under_way = send(connections, PING)
            waiting = [asyncio.create_task(ask(connections, "PING")) for _ in range(10)]
            await asyncio.sleep(0.05)
            closing = asyncio.create_task(connections.close())
            async with asyncio.timeout(1):
                refused = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(error) for error in refused} == {errors.StoreClosed}
            server.go_on()
            assert await under_way == b"PONG"
            await closing

    run(main())


def test_a_server_that_does_not_read_is_sent_no_more(run, own_server):
    server = own_server()
    much = encode_command(("ECHO", b"x" * 1_000_000))

    async def main():
        async with connected(server.url, socket_timeout=0.8) as connections:
            await ask(connections, "PING")
            server.stop_answering()
            under_way = []
            while future := connections.submit(much):
                under_way.append(future)
                await asyncio.sleep(0.01)
                assert len(under_way) < 20
            with pytest.raises(errors.StoreUnavailable, match="the server is behind"):
                await ask(connections, "PING", seconds=0.1)
            waiting = asyncio.create_task(ask(connections, "PING"))
            await asyncio.sleep(0.05)
            server.go_on()
            assert await waiting == b"PONG"
            assert {len(reply) for reply in await asyncio.gather(*under_way)} == {1_000_000}
            assert await send(connections, PING) == b"PONG"
            server.stop_answering()
            lost = [send(connections, much) for _ in range(5)]
            await asyncio.sleep(0)
            ended = await asyncio.gather(*lost, return_exceptions=True)
            assert {type(error) for error in ended} == {ReplyLost}
            server.go_on()
            assert await ask(connections, "PING") == b"PONG"

    run(main())
