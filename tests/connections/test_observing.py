"""What can be seen of calls from outside: an observer, log lines, and the server's list of clients."""

import asyncio
import dataclasses
import logging
import threading

import pytest
import redis.asyncio

from cryptoorders_redis import AsyncCryptoOrderSystem, CallInfo, CryptoOrderSystem, __version__, errors
from cryptoorders_redis.schema.scripts import script
from tests.support.proxy import Fault


class Observer:
    def __init__(self):
        self.seen: list[CallInfo] = []

    def call(self, info):
        self.seen.append(info)

    def names(self):
        return [info.name for info in self.seen]


@pytest.fixture
def observer():
    return Observer()


def test_an_observer_sees_each_call_once(api, server, namespace, observer):
    with api(2, url=server.url, namespace=namespace, observer=observer) as system:
        user = system.user("alice")
        assert observer.names() == ["open"]
        calls = {
            "place": lambda: system.place("o", "alice", "BTC", 2, 1),
            "pause": lambda: user.pause("o"),
            "resume": lambda: system.resume("o"),
            "amend": lambda: user.amend("o", price=2),
            "reduce": lambda: system.reduce("o", 1),
            "get": lambda: user.get("o"),
            "cancel": lambda: system.cancel("o"),
            "place_many": lambda: user.place_many([(f"m{n}", "BTC", 1, 1) for n in range(1500)]),
            "pause_many": lambda: system.pause_many(["m1", "m2"]),
            "resume_many": lambda: user.resume_many(["m1"]),
            "cancel_many": lambda: system.cancel_many(["m1", "none"]),
            "count": user.count,
            "stats": system.stats,
            "summary": lambda: system.summary(newest=0),
            "metrics": system.metrics,
            "display_all_live_orders": user.display_all_live_orders,
            "verify": system.verify,
            "cancel_all_by_user": user.cancel_all,
            "drop": system.drop,
        }
        reads = {"get", "count", "stats", "summary", "metrics", "display_all_live_orders", "verify"}
        for name, call in calls.items():
            observer.seen.clear()
            answer = call()
            (info,) = observer.seen
            assert (info.name, info.answer, info.error) == (name, answer, None)
            assert info.kind == ("read" if name in reads else "change")
            assert info.attempts == 1
            assert 0 < info.seconds < 60


def test_an_observer_sees_each_page_of_live_orders(api, server, namespace, observer):
    with api(2, url=server.url, namespace=namespace, observer=observer) as system:
        system.place_many([(f"m{n}", "alice", "BTC", 1, 1) for n in range(2500)])
        observer.seen.clear()
        assert len(list(system.live_orders())) == 2500
        assert set(observer.names()) == {"live_orders"}
        pages = [info.answer for info in observer.seen]
        assert [order.order_id for page in pages for order in page] == [f"m{n}" for n in range(2500)]


def test_an_observer_is_told_of_errors_and_of_attempts(api, server, proxy, namespace, observer):
    with api(2, url=server.url, namespace=namespace) as other:
        other.place("o", "alice", "BTC", 1, 1)
        other.place("p", "alice", "BTC", 1, 1)
    with api(url=proxy.url, namespace=namespace, observer=observer) as system:
        with pytest.raises(errors.AmountExceeded) as raised:
            system.reduce("o", 5)
        assert (observer.seen[-1].error, observer.seen[-1].answer) == (raised.value, None)
        proxy.next_call(Fault.LOSE_REPLY, having="\r\no\r\n")
        proxy.next_call(Fault.LOSE_REPLY, having="\r\no\r\n")
        observer.seen.clear()
        assert system.cancel("o") is True
        (info,) = observer.seen
        assert (info.name, info.answer, info.attempts) == ("cancel", True, 3)
    with api(url=proxy.url, namespace=namespace, observer=observer, deadline_seconds=0) as system:
        system.pause("nothing")
        proxy.next_call(Fault.LOSE_REPLY, having="\r\np\r\n")
        with pytest.raises(errors.OutcomeUnknown):
            system.cancel("p")
        assert isinstance(observer.seen[-1].error, errors.OutcomeUnknown)


def test_what_an_observer_raises_is_logged_and_harms_no_call(api, namespace, caplog):
    class Broken:
        def call(self, info):
            raise RuntimeError(f"no room for {info.name}")

    with api(2, url=f"memory://{namespace}", namespace=namespace, observer=Broken()) as system:
        assert system.place("o", "alice", "BTC", 1, 1) is True
        with pytest.raises(errors.AmountExceeded):
            system.reduce("o", 2)
    assert "no room for place" in caplog.text
    assert "the observer failed on a call of reduce" in caplog.text


def test_what_cannot_observe_is_refused(api):
    for wrong in (object(), lambda info: info):
        with pytest.raises(TypeError, match="observer must have a method call"):
            api(2, url="memory://", observer=wrong)


def test_a_cancelled_call_is_seen_once(own_server, namespace, observer):
    server = own_server()

    async def main():
        url = server.url
        async with AsyncCryptoOrderSystem(2, url=url, namespace=namespace, observer=observer) as system:
            await system.place("o", "alice", "BTC", 1, 1)
            observer.seen.clear()
            server.stop_answering()
            pausing = asyncio.create_task(system.pause("o"))
            await asyncio.sleep(0.05)
            pausing.cancel()
            (cancelled,) = await asyncio.gather(pausing, return_exceptions=True)
            assert isinstance(cancelled, asyncio.CancelledError)
            assert observer.names() == ["pause"], "told at its end, and not when its exception is freed"
            server.go_on()

    asyncio.run(main())
    (info,) = observer.seen
    assert info.name == "pause"
    assert isinstance(info.error, GeneratorExit)


def test_what_an_observer_is_given_cannot_be_changed():
    info = CallInfo("place", "change", True, None, 0.1, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(info, "name", "pause")  # noqa: B010 - what a type checker forbids


def test_one_line_is_logged_of_each_thing_that_goes_wrong(api, server, proxy, namespace, caplog):
    caplog.set_level(logging.DEBUG, logger="cryptoorders_redis")
    with api(2, url=proxy.url, namespace=namespace) as system:
        system.place("o", "alice", "BTC", 1, 1)
        with server.client() as raw:
            raw.script_flush()
        caplog.clear()
        system.pause("o")
        (line,) = (record.message for record in caplog.records)
        assert line == "the server does not know a script, which is sent again as text"
        proxy.next_call(Fault.LOSE_REPLY, having=script("resume").sha.decode())
        system.resume("o")
        caplog.clear()
        proxy.next_call(Fault.LOSE_REPLY, having=script("resume").sha.decode())
        system.resume("o")
        sent_again, connected = (record.message for record in caplog.records)
        assert sent_again.startswith("resume is sent again in 0.")
        assert connected == "connected"


def test_an_unknown_outcome_is_a_warning(api, proxy, namespace, caplog):
    with api(2, url=proxy.url, namespace=namespace, deadline_seconds=0) as system:
        system.pause("nothing")
        proxy.next_call(Fault.LOSE_REPLY, having="\r\no\r\n")
        with pytest.raises(errors.OutcomeUnknown):
            system.cancel("o")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith("cancel of 'o' may have taken effect or not")


def test_a_private_server_that_is_revived_is_a_warning(api, folder, caplog):
    with api(2, url=f"file:{folder}") as system:
        with redis.Redis(unix_socket_path=str(folder / "redis.sock"), protocol=2) as raw:
            raw.shutdown(nosave=True)
        assert system.count() == 0
    assert caplog.messages == [f"the private server of {folder} was gone, and is up again"]


@pytest.fixture
def clients(raw):
    def clients():
        return [(client["name"], client.get("lib-name")) for client in raw.client_list()]

    return clients


def test_connections_say_who_they_are(api, server, namespace, clients, raw):
    with api(2, url=server.url, namespace=namespace) as system:
        system.place("o", "alice", "BTC", 1, 1)
        knows_libraries = "lib-name" in raw.client_list()[0]
        library = f"redis-py(cryptoorders_redis_v{__version__})" if knows_libraries else None
        assert (f"cryptoorders_redis:{namespace}", library) in clients()


def test_a_name_that_the_caller_has_given_stays(api, server, namespace, clients):
    with api(2, url=f"{server.url}?client_name=desk-7", namespace=namespace) as system:
        assert system.count() == 0
        assert "desk-7" in [name for name, _ in clients()]
        assert f"cryptoorders_redis:{namespace}" not in [name for name, _ in clients()]


def test_a_user_who_may_not_name_a_connection_is_served(api, own_server, namespace):
    server = own_server()
    with server.client() as raw:
        raw.execute_command("ACL", "SETUSER", "someone", "on", ">secret", "~*", "+@all", "-client")
    url = server.url.replace("unix://", "unix://someone:secret@")
    with api(2, url=url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)


def test_an_observer_hears_of_threads_calls_in_their_threads(server, namespace):
    class Names:
        def __init__(self):
            self.seen = set()

        def call(self, info):
            self.seen.add((info.name, threading.current_thread().name))

    names = Names()
    with CryptoOrderSystem(2, url=server.url, namespace=namespace, observer=names) as system:
        thread = threading.Thread(target=system.count, name="counting")
        thread.start()
        thread.join()
    assert ("count", "counting") in names.seen
