"""All calls of the async API share a connection: each gets its own reply, or learns that it is lost."""

import asyncio
import contextlib
import random
import time

import pytest
import redis
from redis.exceptions import NoScriptError, ReadOnlyError

from cryptoorders_redis import errors
from cryptoorders_redis.transport.error_mapping import ReplyLost
from cryptoorders_redis.transport.request import Request
from cryptoorders_redis.transport.resp import encode_command
from tests.support.connecting import ask, connected, send
from tests.support.peer import Peer
from tests.support.waiting import wait_until

PING = encode_command(("PING",))


def echo(number):
    return encode_command(("ECHO", number))


def connections_of(raw, name="test"):
    return [client for client in raw.client_list() if client["name"] == name]


def kill_connections(raw):
    raw.client_kill_filter(_type="normal")
    wait_until(lambda: len(raw.client_list()) == 1)


def test_each_call_gets_its_own_reply_amid_cancelled_ones(run, server):
    chance = random.Random(1)

    async def main():
        async with connected(server.url) as connections:

            async def call(number):
                if number % 3 == 0 and (future := connections.submit(echo(number))):
                    assert await future == b"%d" % number
                    return True
                expected = [b"%d" % each for each in range(number, number + 1 + number % 4)]
                requests = b"".join(map(echo, range(number, number + len(expected))))
                replies = await connections.fetch(Request(requests, len(expected), time.monotonic() + 30))
                assert replies == expected
                return True

            answered = 0
            for turn in range(24):
                calls = [asyncio.create_task(call(number)) for number in range(100)]
                for _ in range(turn % 6):
                    await asyncio.sleep(0)
                for each in calls:
                    if chance.random() < 0.4:
                        each.cancel()
                answers = await asyncio.gather(*calls, return_exceptions=True)
                assert {type(answer) for answer in answers} <= {bool, asyncio.CancelledError}, answers
                answered += answers.count(True)
            return answered

    assert run(main()) > 1000


def test_requests_of_one_loop_turn_go_out_together(run, server, raw):
    async def main():
        async with connected(server.url) as connections:
            await ask(connections, "PING")
            before = raw.info("stats")["total_reads_processed"]
            futures = [send(connections, echo(number)) for number in range(100)]
            assert await asyncio.gather(*futures) == [b"%d" % number for number in range(100)]
            return raw.info("stats")["total_reads_processed"] - before

    if "total_reads_processed" not in raw.info("stats"):
        pytest.skip("this server does not count its reads")
    assert run(main()) < 5


def test_errors_stand_among_the_replies_as_redis_py_makes_them(run, server, raw):
    async def main():
        async with connected(server.url) as connections:
            missing = ("EVALSHA", "0" * 40, 0)
            assert type(await ask(connections, *missing)) is NoScriptError
            assert type(await send(connections, encode_command(missing))) is NoScriptError
            commands = (("MULTI",), ("PING",), missing, ("EXEC",))
            requests = b"".join(map(encode_command, commands))
            replies = await connections.fetch(Request(requests, 4, time.monotonic() + 30, is_long=True))
            assert replies[:3] == [b"OK", b"QUEUED", b"QUEUED"]
            assert replies[3][0] == b"PONG"
            assert type(replies[3][1]) is NoScriptError

    run(main())


def test_a_lost_connection_ends_all_calls_on_it(run, own_server):
    server = own_server()

    async def main():
        async with connected(server.url) as connections:
            await ask(connections, "PING")
            server.stop_answering()
            calls = [send(connections, PING) for _ in range(10)]
            calls += [
                asyncio.create_task(connections.fetch(Request(PING * 3, 3, time.monotonic() + 30)))
                for _ in range(10)
            ]
            await asyncio.sleep(0.05)
            server.kill()
            calls.append(send(connections, PING))  # not even written yet
            async with asyncio.timeout(5):
                ended = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(error) for error in ended] == [ReplyLost] * 21
            server.start()
            assert await ask(connections, "PING") == b"PONG"

    run(main())


def test_nothing_is_sent_where_the_server_closed_while_idle(run, own_server):
    server = own_server()

    async def main():
        with server.client() as raw:
            async with connected(server.url) as connections:
                await ask(connections, "PING")
                await ask(connections, "PING", is_long=True)
                kill_connections(raw)  # blocks the loop: it has not heard of this when it is asked
                assert connections.submit(PING) is None
                for is_long in (False, True):
                    for _ in range(3):
                        assert await ask(connections, "PING", is_long=is_long) == b"PONG"
                        kill_connections(raw)

    run(main())


def test_without_a_connection_submit_leaves_it_to_exchange(run, server):
    async def main():
        async with connected(server.url) as connections:
            assert connections.submit(PING) is None
            await ask(connections, "PING", is_long=True)
            assert connections.submit(PING) is None
            await ask(connections, "PING")
            assert await send(connections, PING) == b"PONG"
        assert connections.submit(PING) is None
        with pytest.raises(errors.StoreClosed):
            await ask(connections, "PING")
        async with connected("memory://") as connections:
            assert await ask(connections, "ECHO", "a") == b"a"
            assert connections.submit(PING) is None

    run(main())


def test_a_long_reply_does_not_hold_up_a_short_one(run):
    def answer(words, writer):
        if words[0] == b"PING":
            writer.write(b"+PONG\r\n")
        else:
            writer.write(b"$1000000\r\nbeginning")

    async def main():
        async with Peer(answer) as peer, connected(peer.url) as connections:
            long = asyncio.create_task(ask(connections, "GET", "long", is_long=True))
            await asyncio.sleep(0.05)
            async with asyncio.timeout(2):
                assert await ask(connections, "PING") == b"PONG"
                assert await send(connections, PING) == b"PONG"
            assert not long.done()
            long.cancel()
            for connection in connections._living:
                connection._transport.abort()  # the peer would let it wait for the time-out

    run(main())


def test_a_limit_of_one_connection_is_kept(run, server, raw):
    async def main():
        async with connected(server.url, max_connections=1) as connections:
            await ask(connections, "PING")
            await ask(connections, "PING", is_long=True)
            assert len(connections_of(raw)) == 1

    run(main())


def test_a_replica_is_left_when_the_last_replies_have_come(run, own_server):
    server = own_server()

    async def main():
        async with connected(server.url) as connections:
            ids = {await ask(connections, "CLIENT", "ID", is_long=is_long) for is_long in (False, True)}
            with server.client() as raw:
                raw.replicaof("127.0.0.1", 1)
                refused = send(connections, encode_command(("SET", "k", 1)))
                after = send(connections, PING)
                assert type(await refused) is ReadOnlyError
                assert await after == b"PONG"
                assert connections.submit(PING) is None
                for is_long in (False, True):
                    assert await ask(connections, "CLIENT", "ID", is_long=is_long) not in ids
                wait_until(lambda: len(connections_of(raw)) == 2)

    run(main())


@pytest.mark.parametrize("error", ["READONLY You can't write.", "ERR Protocol error: odd", "NOAUTH login"])
def test_after_some_errors_only_replies_under_way_come(run, error):
    def answer(words, writer):
        if words[0] == b"SET":
            writer.write(b"-%b\r\n" % error.encode())
        else:
            asyncio.get_running_loop().call_later(0.1, writer.write, b"+PONG\r\n")

    async def main():
        async with Peer(answer) as peer, connected(peer.url) as connections:
            await ask(connections, "PING")
            refused = send(connections, encode_command(("SET", "k", 1)))
            under_way = send(connections, PING)
            assert str(await refused) in error
            assert connections.submit(PING) is None
            assert await under_way == b"PONG"
            assert await ask(connections, "PING") == b"PONG"
            assert peer.num_connections == 2

    run(main())


@pytest.mark.parametrize("is_first", [True, False])
def test_a_connection_that_the_server_gives_up_is_not_used(run, server, is_first):
    """After a protocol error the server answers nothing more."""

    async def main():
        async with connected(server.url) as connections:
            before = await ask(connections, "CLIENT", "ID")
            malformed = send(connections, b"*1\r\n$x\r\n")
            if is_first:
                error = await malformed
                assert connections.submit(PING) is None
            else:
                following = send(connections, PING)
                error = await malformed
                with pytest.raises(ReplyLost):
                    await following
            assert "Protocol error" in str(error)
            assert await ask(connections, "CLIENT", "ID") != before

    run(main())


def test_a_login_that_no_longer_counts_is_made_again(run, tcp_server):
    server, port = tcp_server
    with server.client() as raw:
        raw.config_set("requirepass", "secret")

    async def main():
        async with connected(f"redis://:secret@127.0.0.1:{port}") as connections:
            assert await ask(connections, "RESET") == b"RESET"
            assert type(await ask(connections, "PING")) is redis.AuthenticationError
            assert await ask(connections, "PING") == b"PONG"

    run(main())


@pytest.mark.parametrize("garbage", [b"what\r\n", b"$x\r\n", b"+PONG\r\n+PONG\r\n"])
def test_what_was_not_asked_for_ends_the_connection(run, garbage):
    answers = [garbage]

    def answer(_, writer):
        writer.write(answers.pop() if answers else b"+PONG\r\n")

    async def main():
        async with Peer(answer) as peer, connected(peer.url) as connections:
            with contextlib.suppress(ReplyLost):
                assert await ask(connections, "PING") == b"PONG"
            async with asyncio.timeout(5):
                assert await ask(connections, "PING") == b"PONG"
            assert peer.num_connections == 2

    run(main())


def test_calls_connect_once_and_share_a_failure(run, own_server):
    server = own_server()

    async def main():
        async with connected(server.url, socket_timeout=0.5) as connections:
            server.stop_answering()
            begin = time.monotonic()
            calls = (ask(connections, "PING", is_long=number % 2 == 1) for number in range(20))
            failed = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(error) for error in failed} == {errors.StoreUnavailable}
            assert len(set(map(id, failed))) == 20, "each raises an error of its own"
            assert time.monotonic() - begin < 4, "one attempt, not twenty one after the other"
            first, *others = [asyncio.create_task(ask(connections, "PING")) for _ in range(20)]
            await asyncio.sleep(0.05)
            first.cancel()
            await asyncio.sleep(0.05)
            server.go_on()
            assert await asyncio.gather(*others) == [b"PONG"] * 19
            with server.client() as raw:
                wait_until(lambda: len(connections_of(raw)) == 1)

    run(main())


def test_close_waits_for_replies_under_way_and_refuses_others(run, own_server):
    server = own_server()

    async def main():
        async with connected(server.url) as connections:
            await ask(connections, "PING")
            server.stop_answering()
            under_way = [send(connections, echo(number)) for number in range(5)]
            under_way += [asyncio.create_task(ask(connections, "ECHO", number)) for number in range(5)]
            await asyncio.sleep(0.05)
            closing = asyncio.create_task(connections.close())
            await asyncio.sleep(0.05)
            assert connections.submit(PING) is None
            with pytest.raises(errors.StoreClosed):
                await ask(connections, "PING")
            assert not closing.done()
            server.go_on()
            assert await asyncio.gather(*under_way) == [b"%d" % number for number in range(5)] * 2
            await closing
            with server.client() as raw:
                wait_until(lambda: not connections_of(raw))

    run(main())


def test_close_while_connecting_leaves_no_connection(run, own_server):
    server = own_server()

    async def main():
        async with connected(server.url) as connections:
            server.stop_answering()
            calls = [asyncio.create_task(ask(connections, "PING")) for _ in range(3)]
            await asyncio.sleep(0.05)
            closing = asyncio.create_task(connections.close())
            await asyncio.sleep(0.05)
            server.go_on()
            await closing
            for call in calls:
                with pytest.raises(errors.StoreClosed):
                    await call
            with server.client() as raw:
                wait_until(lambda: not connections_of(raw))

    run(main())
