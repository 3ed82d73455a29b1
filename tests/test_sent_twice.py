"""A change that reaches the server twice acts once, however late the second is."""

import os

import pytest
import redis
from consistency import assert_consistent, contents, keys_of
from recording import commands_in, recording_client

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.lanes import Lanes


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


@pytest.fixture
def raw(server):
    with server.client() as raw:
        yield raw


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
def test_a_change_sent_again_gets_its_first_answer_and_does_nothing(
    system, beside, recorded, raw, namespace, *, change, undo
):
    """Though another client has undone it meanwhile, so that it could act again."""
    assert change(system)
    (command,) = commands_in(recorded[1][-1])
    assert undo(beside)
    before = contents(raw, namespace)
    for _ in range(2):
        assert raw.execute_command(*command) == 1
        assert contents(raw, namespace) == before
    assert_consistent(raw, namespace)


@pytest.mark.parametrize(("change", "undo"), CHANGES)
def test_a_change_that_arrives_after_its_callers_next_one_does_nothing(
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


def test_calls_one_after_another_use_one_lane_that_expires(system, raw, namespace):
    for number in range(20):
        system.place(f"o{number}", "alice", "BTC", 1, 1)
        system.pause(f"o{number}")
    (lane,) = [key for key in keys_of(raw, namespace) if b":lane:" in key]
    assert 0 < raw.ttl(lane) <= 3600


def test_systems_have_lanes_of_their_own(system, beside, raw, namespace):
    system.pause("o")
    beside.resume("o")
    assert len([key for key in keys_of(raw, namespace) if b":lane:" in key]) == 2


def test_a_lane_is_for_one_call_at_a_time():
    lanes = Lanes("lane:{}".format)
    first, second = lanes.take(), lanes.take()
    assert first.key != second.key
    assert (first.request, second.request) == (1, 1)
    lanes.give_back(first)
    again = lanes.take()
    assert (again.key, again.request) == (first.key, 2)
    assert lanes.take().key not in (first.key, second.key)


def test_a_child_process_has_lanes_of_its_own(monkeypatch):
    """What a real fork does is in test_processes.py; there the lanes of both go on at once."""
    lanes = Lanes("lane:{}".format)
    lane = lanes.take()
    lanes.give_back(lane)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert lanes.take().key != lane.key
