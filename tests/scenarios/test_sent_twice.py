"""A change that reaches the server twice acts once, however late the second is."""

import os
import time

import pytest
import redis

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.transport.sessions import RENEWAL_SECONDS, Sessions
from tests.support.consistency import assert_consistent, contents, keys_of
from tests.support.recording import commands_in, recording_client

SLOT = "{ns}"


@pytest.fixture
def recorded(server):
    client, sent = recording_client(server.socket)
    with client:
        yield client, sent


@pytest.fixture
def system(recorded, namespace):
    with CryptoOrderSystem(2, client=recorded[0], namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        yield system


@pytest.fixture
def beside(server, namespace):
    """Another system on the same store."""
    with CryptoOrderSystem(2, url=server.url, namespace=namespace) as beside:
        yield beside


CHANGES = [
    pytest.param(lambda s: s.place("new", "alice", "BTC", 1, 1), lambda s: s.cancel("new"), id="place"),
    pytest.param(lambda s: s.pause("o"), lambda s: s.resume("o"), id="pause"),
    pytest.param(lambda s: s.pause("o") and s.resume("o"), lambda s: s.pause("o"), id="resume"),
    pytest.param(lambda s: s.cancel("o"), lambda s: s.place("o", "bob", "BTC", 1, 1), id="cancel"),
    pytest.param(
        lambda s: s.cancel_all_by_user("alice"),
        lambda s: s.place("o", "alice", "BTC", 1, 1) and s.place("o2", "alice", "BTC", 1, 1),
        id="cancel-all",
    ),
]


@pytest.mark.parametrize(("change", "undo"), CHANGES)
def test_a_change_sent_again_only_gets_its_first_answer(
    system, beside, recorded, raw, namespace, *, change, undo
):
    """Though another client has undone it meanwhile, so that it could act again."""
    assert change(system)
    (command,) = commands_in(recorded[1][-1])
    assert undo(beside)
    before = contents(raw, namespace)
    for _ in range(2):
        assert raw.execute_command(*command) in (b"y", b"1")
        assert contents(raw, namespace) == before
    assert_consistent(raw, namespace)


@pytest.mark.parametrize(("change", "undo"), CHANGES)
def test_a_change_that_arrives_too_late_does_nothing(
    system, beside, recorded, raw, namespace, *, change, undo
):
    assert change(system)
    (command,) = commands_in(recorded[1][-1])
    assert undo(beside)
    assert system.place("next", "carol", "BTC", 1, 1)
    before = contents(raw, namespace)
    with pytest.raises(redis.ResponseError, match="LATE"):
        raw.execute_command(*command)
    assert contents(raw, namespace) == before


@pytest.fixture
def clients(raw, namespace):
    """The keys of the clients that the server remembers."""
    return lambda: [key for key in keys_of(raw, namespace) if b":sessions:" in key]


def test_calls_one_after_another_use_one_session(system, raw, clients):
    for number in range(20):
        system.place(f"o{number}", "alice", "BTC", 1, 1)
        system.pause(f"o{number}")
    (key,) = clients()
    assert raw.hlen(key) == 2, "begun, and one session"
    assert 0 < raw.ttl(key) <= 3600


def test_systems_have_sessions_of_their_own(system, beside, clients):
    system.pause("o")
    beside.resume("o")
    assert len(clients()) == 2


@pytest.fixture
def sessions():
    sessions = Sessions(Keys("ns"))
    begin(sessions)
    return sessions


def begin(sessions, moment="1"):
    key, _ = sessions.begin_call(SLOT)
    sessions.begin(SLOT, key, moment)


def test_a_session_is_for_one_call_at_a_time(sessions):
    first, second = sessions.take(SLOT), sessions.take(SLOT)
    assert first.packed_name != second.packed_name
    assert (first.request_number, second.request_number) == (1, 1)
    first.give_back()
    again = sessions.take(SLOT)
    assert (again.packed_name, again.request_number) == (first.packed_name, 2)
    assert sessions.take(SLOT).packed_name not in (first.packed_name, second.packed_name)


def test_sessions_must_be_begun_and_renewed(monkeypatch):
    sessions = Sessions(Keys("ns"))
    assert sessions.take(SLOT) is None
    begin(sessions)
    first = sessions.take(SLOT)
    assert first is not None
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + RENEWAL_SECONDS + 1)
    assert sessions.take(SLOT) is None
    begin(sessions)
    first.give_back()
    assert sessions.take(SLOT) is first, "renewed: what was begun goes on"
    begin(sessions, "2")
    assert sessions.take(SLOT) is not first, "forgotten and begun again"


def test_a_forgotten_session_makes_its_client_begin_again(sessions):
    session = sessions.take(SLOT)
    session.forget()
    assert sessions.take(SLOT) is None


def test_a_client_has_a_bounded_number_of_sessions(sessions, monkeypatch):
    monkeypatch.setattr("cryptoorders_redis.transport.sessions.MAX_SESSIONS", 3)
    before, _ = sessions.begin_call(SLOT)
    assert all(sessions.take(SLOT) for _ in range(3))
    assert sessions.take(SLOT) is None
    assert sessions.begin_call(SLOT)[0] != before


def test_a_child_process_has_sessions_of_its_own(sessions, monkeypatch):
    """What a real fork does is in test_processes.py; there the sessions of both go on at once."""
    sessions.take(SLOT).give_back()
    before, _ = sessions.begin_call(SLOT)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert sessions.take(SLOT) is None
    assert sessions.begin_call(SLOT)[0] != before


def test_each_slot_has_sessions_of_its_own(sessions):
    """On Redis Cluster a script reaches only the keys of its slot, so its session is in that slot."""
    assert sessions.take("{ns:1}") is None
    key, call = sessions.begin_call("{ns:1}")
    assert (call.slot, key.partition(":sessions:")[0]) == ("{ns:1}", "{ns:1}")
    sessions.begin("{ns:1}", key, "2")
    first, other = sessions.take(SLOT), sessions.take("{ns:1}")
    keys = (sessions.begin_call(SLOT)[0], key)
    assert [first.packed_key, other.packed_key] == [pack((each,)).data for each in keys]
    other.give_back()
    assert sessions.take(SLOT) is not other
    assert sessions.take("{ns:1}") is other
