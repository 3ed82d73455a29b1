"""Lanes, by which the server knows a call that is sent again: few, one call at a time, not for ever."""

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from changes import each_change, make, teach_scripts
from faulty_proxy import Fault

from cryptoorders_redis import CryptoOrderSystem, errors

FORKING = Path(__file__).parent / "forking.py"


@pytest.fixture
def system(server, raw, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        teach_scripts(system)
        raw.delete(*raw.keys(f"{{{namespace}}}:lane:*"))
        yield system


@pytest.fixture
def lanes(raw, namespace):
    """The lanes that the server remembers."""
    return lambda: set(raw.keys(f"{{{namespace}}}:lane:*"))


def lane_of(call: bytes) -> bytes:
    return re.search(rb"\}:lane:(\w+)", call)[1]


def test_a_thousand_calls_in_turn_leave_one_lane(system, lanes):
    for number in range(500):
        assert system.place(f"o{number}", "alice", "BTC", 1, 1)
        assert system.cancel(f"o{number}")
    assert len(lanes()) == 1


def test_threads_leave_at_most_a_lane_each(system, lanes):
    together = threading.Barrier(8)

    def call(thread: int) -> None:
        together.wait()
        for number in range(100):
            assert system.place(f"o{thread}-{number}", "alice", "BTC", 1, 1)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(call, thread) for thread in range(8)]:
            done.result()
    assert 1 <= len(lanes()) <= 8


def test_systems_have_lanes_of_their_own(server, system, lanes, namespace):
    system.place("o", "alice", "BTC", 1, 1)
    with CryptoOrderSystem(url=server.url, namespace=namespace) as other:
        other.pause("o")
    assert len(lanes()) == 2


@each_change
def test_a_lane_that_nobody_uses_is_dropped(proxy, system, lanes, raw, namespace, change):
    make(system, *change.before)
    raw.delete(*lanes(), "none")
    with CryptoOrderSystem(url=proxy.url, namespace=namespace) as faulty:
        proxy.next_call(Fault.CUT_REQUEST)
        make(faulty, change.call)
    (lane,) = lanes()
    assert 600 < raw.ttl(lane) <= 3600  # longer than any call goes on trying


def test_a_read_and_a_change_of_nothing_leave_no_lane(system, lanes):
    assert system.cancel("o") is False
    assert system.get("o") is None
    assert system.count() == 0
    assert lanes() == set()


@each_change
def test_a_lane_in_doubt_is_not_used_again(proxy, system, namespace, change):
    """What was sent in it is still on its way, and may answer whoever comes next."""
    make(system, *change.before)
    with CryptoOrderSystem(url=proxy.url, namespace=namespace, deadline_seconds=0) as faulty:
        faulty.place("first", "bob", "BTC", 1, 1)
        proxy.next_call(Fault.HOLD_REQUEST)
        with pytest.raises(errors.OutcomeUnknown):
            make(faulty, change.call)
        assert faulty.place("second", "bob", "BTC", 1, 1)
        proxy.deliver_held()
        assert faulty.cancel("second")
    first, doubtful, second, third = (lane_of(call) for call in proxy.calls if b":lane:" in call)
    assert first == doubtful
    assert second not in (first, doubtful)
    assert third == second


def test_a_call_that_is_interrupted_leaves_its_lane(proxy, system, namespace):
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
    _, interrupted, after = (lane_of(call) for call in proxy.calls if b":lane:" in call)
    assert after != interrupted
    proxy.deliver_held()
    assert system.get("first") is None


def test_a_child_after_a_fork_has_lanes_of_its_own(server, proxy_before, system, lanes, namespace):
    """Parent and children go on with the same system, at the same time, behind a proxy that loses replies."""
    proxy = proxy_before(server, seed=4, lose_reply=0.1)
    forking = subprocess.run(
        [sys.executable, FORKING, proxy.url, namespace], capture_output=True, timeout=60, check=False
    )
    assert forking.returncode == 0, forking.stderr.decode()
    assert system.display_all_live_orders() == ["before"]
    assert len(lanes()) == 4, "one of the parent, and one of each child"
