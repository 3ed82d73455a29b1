"""Client sessions, by which the server knows a call that is sent again: few, not for ever, never wrong."""

import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.operations import Operation, Step, Steps
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.scripts import script
from cryptoorders_redis.transport.sessions import Sessions
from tests.support.changes import Change, begin_sessions, each_change, make, state, teach_scripts
from tests.support.proxy import Fault
from tests.support.servers import REPOSITORY


@pytest.fixture
def system(server, raw, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        teach_scripts(system)
        raw.delete(*raw.keys(f"{{{namespace}}}:sessions:*"))
        yield system


@pytest.fixture
def clients(raw, namespace):
    """The keys of the clients that the server remembers."""
    return lambda: set(raw.keys(f"{{{namespace}}}:sessions:*"))


def sessions_of(calls: list[bytes]) -> list[bytes]:
    """The session of each change among some calls."""
    return [found[1] for call in calls if (found := re.search(rb"\r\n(\d{16}\.\d+)\r\n", call))]


def test_a_thousand_calls_in_turn_leave_one_session(system, clients, raw):
    for number in range(500):
        assert system.place(f"o{number}", "alice", "BTC", 1, 1)
        assert system.cancel(f"o{number}")
    (key,) = clients()
    assert raw.hlen(key) == 2, "the moment it was begun, and one session"


def test_threads_leave_at_most_a_session_each(system, clients, raw):
    together = threading.Barrier(8)

    def call(thread: int) -> None:
        together.wait()
        for number in range(100):
            assert system.place(f"o{thread}-{number}", "alice", "BTC", 1, 1)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(call, thread) for thread in range(8)]:
            done.result()
    (key,) = clients()
    assert 2 <= raw.hlen(key) <= 9


@pytest.mark.parametrize("seed", range(50))
def test_no_request_number_of_a_session_is_given_out_twice(monkeypatch, seed):
    """However late the replies come to threads that begin sessions, and whatever the server forgets."""
    monkeypatch.setattr("cryptoorders_redis.transport.sessions.MAX_SESSIONS", 5)
    chance, sessions = random.Random(seed), Sessions(Keys("x"))
    moments = count(1)
    begun_on_server: dict[object, str] = {}
    replies, in_use, last_numbers = [], [], Counter()
    for _ in range(500):
        event = chance.choice(["begin", "reply", "take", "take", "take", "give back", "forget", "renew"])
        if event == "begin":
            key, call = sessions.begin_call("{x}")
            replies.append((call.slot, key, begun_on_server.setdefault(key, str(next(moments)))))
        elif event == "reply" and replies:
            sessions.begin(*replies.pop(chance.randrange(len(replies))))
        elif event == "take" and (session := sessions.take("{x}")):
            name = (session.packed_key, session.packed_name)
            assert name not in [(other.packed_key, other.packed_name) for other in in_use]
            assert session.request_number > last_numbers[name]
            last_numbers[name] = session.request_number
            in_use.append(session)
        elif event == "give back" and in_use:
            in_use.pop(chance.randrange(len(in_use))).give_back()
        elif event == "forget":
            begun_on_server.clear()
        elif event == "renew" and in_use:
            chance.choice(in_use).forget()
    assert last_numbers


def test_calls_that_begin_sessions_at_once_share_none(proxy, system, raw, clients, namespace):
    """The reply to the first comes after the server has forgotten it, and has begun others."""
    answers = {}

    def place(order_id):
        answers[order_id] = faulty.place(order_id, "alice", "BTC", 1, 1)

    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        proxy.next_call(Fault.DELAY_REPLY, ":probe", then=lambda: raw.delete(*clients()))
        late = threading.Thread(target=place, args=("late",))
        late.start()
        while not proxy.faults:
            time.sleep(0.01)
        place("early")
        late.join()
    assert answers == {"early": True, "late": True}
    assert sorted(system.display_all_live_orders()) == ["early", "late"]


def test_systems_have_sessions_of_their_own(server, system, clients, namespace):
    system.place("o", "alice", "BTC", 1, 1)
    with CryptoOrderSystem(url=server.url, namespace=namespace) as other:
        other.pause("o")
    assert len(clients()) == 2


@each_change
def test_sessions_that_nobody_uses_are_dropped(proxy, system, clients, raw, namespace, change):
    make(system, *change.before)
    raw.delete(*clients(), "none")
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        proxy.next_call(Fault.CUT_REQUEST)
        make(faulty, change.call)
    (key,) = clients()
    assert 600 < raw.ttl(key) <= 3600  # longer than any call goes on trying


def test_reads_leave_no_sessions(system, clients):
    assert system.get("o") is None
    assert system.count() == 0
    assert list(system.live_orders()) == []
    assert clients() == set()


@each_change
@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_a_fault_while_sessions_are_begun_does_no_harm(proxy, system, namespace, change: Change, fault):
    make(system, *change.before)
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        proxy.next_call(fault)
        assert make(faulty, change.call) == change.answer
        proxy.deliver_held()
        proxy.next_call(Fault.LOSE_REPLY)
        assert faulty.place("next", "bob", "BTC", 1, 1) is True


@each_change
def test_a_server_that_forgot_a_request_leaves_it_unknown(
    proxy, system, clients, raw, namespace, change: Change
):
    """Its clock was set forward, it evicts keys, or the client was frozen for longer than an hour."""
    make(system, *change.before)
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        begin_sessions(faulty)
        proxy.next_call(Fault.LOSE_REPLY, then=lambda: raw.delete(*clients()))
        with pytest.raises(errors.OutcomeUnknown, match="forgotten this client's earlier requests"):
            make(faulty, change.call)
        assert faulty.place("next", "bob", "BTC", 1, 1) is True, "it begins again by itself"


def sending(step: Step) -> Steps[None]:
    yield [step]


@each_change
def test_a_session_that_another_call_begins_again_is_unknown(
    proxy, system, clients, raw, namespace, change: Change
):
    """Another thread begins the client's sessions again before the call is sent again."""
    make(system, *change.before)
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        begin_sessions(faulty)

        def forget_and_begin_again() -> None:
            raw.delete(*clients())
            _, begin = faulty._sessions.begin_call(f"{{{namespace}}}")
            faulty._run(Operation("begin", "read", (), sending(begin)))

        proxy.next_call(Fault.LOSE_REPLY, then=forget_and_begin_again)
        with pytest.raises(errors.OutcomeUnknown):
            make(faulty, change.call)


@each_change
def test_a_first_request_whose_session_is_forgotten_is_run(
    server, system, clients, raw, namespace, change: Change
):
    make(system, *change.before)
    raw.delete(*clients(), "none")
    assert make(system, change.call) == change.answer


@each_change
def test_a_copy_that_comes_late_does_not_act(proxy, system, raw, namespace, change: Change):
    """Whatever the request was answered, and also after the server forgot the answer."""
    make(system, *change.before)
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        begin_sessions(faulty)
        assert make(faulty, change.call) == change.answer
        copy = proxy.calls[-1]
        make(system, *change.afterwards)
        for forget in (False, True):
            if forget:
                raw.delete(*raw.keys(f"{{{namespace}}}:sessions:*"))
            before = state(system)
            proxy.deliver(copy)
            assert state(system) == before


def test_a_copy_of_a_creation_that_comes_late_creates_nothing(server, proxy, raw, namespace):
    with CryptoOrderSystem(3, url=proxy.url, namespace=namespace) as creator:
        copies = list(proxy.calls)
        creator.drop()
    for copy in copies:
        proxy.deliver(copy)
    with CryptoOrderSystem(5, url=server.url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)


def test_a_creation_whose_reply_is_lost_may_have_taken_effect(server, proxy, raw, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        system.drop()  # the server knows the scripts
    proxy.next_call(Fault.LOSE_REPLY, having=script("create").sha.decode())
    with pytest.raises(errors.OutcomeUnknown, match="open of"):
        CryptoOrderSystem(3, url=proxy.url, namespace=namespace, deadline_seconds=0)
    proxy.next_call(Fault.LOSE_REPLY, having=script("read_config").sha.decode())
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as system:
        assert system.count() == 0


def test_a_copy_of_a_drop_that_comes_late_removes_nothing(proxy, system, namespace):
    """Not of the namespace that has the dropped one's name since."""
    system.place("o", "alice", "BTC", 1, 1)
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        begin_sessions(faulty)
        already = len(proxy.calls)
        faulty.drop()
    copies = proxy.calls[already:]
    assert system.place("o", "alice", "BTC", 1, 1) is True
    before = state(system)
    for copy in copies:
        proxy.deliver(copy)
    assert state(system) == before
    assert system.pause("o") is True


def test_a_server_that_forgets_at_once_is_unavailable(server, system, raw, namespace, monkeypatch):
    with CryptoOrderSystem(url=server.url, namespace=namespace, deadline_seconds=0.3) as forgotten:
        monkeypatch.setattr("cryptoorders_redis.transport.sessions.KEPT_SECONDS", 0)  # gone when it is begun
        with pytest.raises(errors.StoreUnavailable, match="maxmemory-policy"):
            forgotten.place("o", "alice", "BTC", 1, 1)
    assert system.get("o") is None


@each_change
def test_a_session_in_doubt_is_not_used_again(proxy, system, namespace, change):
    """What was sent in it is still on its way, and may answer the next call."""
    make(system, *change.before)
    with CryptoOrderSystem(url=proxy.url, namespace=namespace, deadline_seconds=0) as faulty:
        faulty.place("first", "bob", "BTC", 1, 1)
        proxy.next_call(Fault.HOLD_REQUEST)
        with pytest.raises(errors.OutcomeUnknown):
            make(faulty, change.call)
        assert faulty.place("second", "bob", "BTC", 1, 1)
        proxy.deliver_held()
        assert faulty.cancel("second")
    first, doubtful, second, third = sessions_of(proxy.calls)
    assert first == doubtful
    assert second not in (first, doubtful)
    assert third == second


def test_a_session_refused_in_doubt_is_not_used_again(own_server, proxy_before, namespace):
    server = own_server()
    proxy = proxy_before(server)
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty, server.client() as raw:
        assert faulty.place("first", "bob", "BTC", 1, 1)
        proxy.next_call(Fault.HOLD_REQUEST, then=lambda: raw.config_set("maxmemory", 1))
        with pytest.raises(errors.OutcomeUnknown, match="maxmemory"):
            faulty.place("o", "bob", "BTC", 1, 1)
        raw.config_set("maxmemory", 0)
        assert faulty.pause("first")
    *_, doubtful, sent_again, _, after = sessions_of(proxy.calls)  # a script is taught first
    assert doubtful == sent_again != after


def test_a_call_that_is_interrupted_leaves_its_session(proxy, system, namespace):
    def interrupt(*_):
        raise KeyboardInterrupt

    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        faulty.place("first", "bob", "BTC", 1, 1)
        proxy.next_call(Fault.HOLD_REQUEST)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("time.sleep", interrupt)  # the wait before it is sent again
            with pytest.raises(KeyboardInterrupt):
                faulty.cancel("first")
        assert faulty.pause("first")
    _, interrupted, after = sessions_of(proxy.calls)
    assert after != interrupted
    proxy.deliver_held()
    assert system.get("first") is None


def test_a_child_after_a_fork_has_sessions_of_its_own(server, proxy_before, system, clients, namespace):
    """Parent and children go on with the same system, at the same time, behind a proxy that loses replies."""
    proxy = proxy_before(server, seed=4, lose_reply=0.1)
    forking = subprocess.run(
        [sys.executable, "-m", "tests.support.forking", proxy.url, namespace],
        capture_output=True,
        timeout=60,
        check=False,
        cwd=REPOSITORY,
    )
    assert forking.returncode == 0, forking.stderr.decode()
    assert system.display_all_live_orders() == ["before"]
    assert len(clients()) == 4, "one of the parent, and one of each child"
