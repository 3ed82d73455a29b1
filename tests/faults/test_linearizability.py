"""Calls of several processes on the same orders, with faults among them, ran as if one at a time."""

import contextlib
import itertools
import shutil
import threading
import time
from pathlib import Path

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.callers import Caller
from tests.support.consistency import assert_consistent
from tests.support.linearizability import UNKNOWN, Call, unexplained
from tests.support.proxy import Fault
from tests.support.servers import REPOSITORY

USERS = [f"u{number}" for number in range(6)]
ORDERS = {user_id: [f"{user_id}-o{number}" for number in range(3)] for user_id in USERS}

IMPATIENT = 0.0
"""The deadline of a caller that gives up at the first fault: its outcomes are unknown."""


def user_of(call: Call) -> str:
    return call.arguments[0].partition("-")[0]


def last_look(system: CryptoOrderSystem) -> list[Call]:
    """What is there in the end, as calls that belong to the history."""
    calls = []
    for user_id in USERS:
        begin = time.monotonic_ns()
        listing = system.user(user_id).display_all_live_orders()
        calls.append(Call("listing", (user_id,), begin, time.monotonic_ns(), listing))
    return calls


def callers_of(url: str, namespace: str, *, deadlines=(60, 60, 60, 60), **options) -> list[Caller]:
    return [
        Caller(url, namespace, ORDERS, seed=seed, deadline_seconds=deadline, **options)
        for seed, deadline in enumerate(deadlines)
    ]


def history_of(callers: list[Caller]) -> list[Call]:
    for caller in callers:
        caller.finish()
    return [call for caller in callers for call in caller.calls]


@pytest.fixture
def deliver_late():
    """Delivers what a proxy holds back, a moment later, until the test ends."""
    ended = threading.Event()
    threads = []

    def start(proxy):
        def deliver():
            while not ended.wait(0.02):
                with contextlib.suppress(OSError):  # the server was killed: it is lost, or comes later
                    proxy.deliver_held()

        threads.append(threading.Thread(target=deliver))
        threads[-1].start()

    yield start
    ended.set()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def resizes(url, namespace, callers):
    """Resize there and back in a thread, from the first calls until the block ends. Yield the numbers."""
    for caller in callers:
        caller.wait_until(1)  # each opens the namespace by the number that it was created with
    ended = threading.Event()
    numbers = []

    def work():
        with CryptoOrderSystem(url=url, namespace=namespace) as system:
            for num_streams in itertools.cycle((5, 2, 3)):
                with contextlib.suppress(errors.OutcomeUnknown, errors.ResizeUnderWay):
                    system.resize(num_streams)
                    numbers.append(num_streams)
                if ended.wait(0.02):
                    return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield numbers
    finally:
        ended.set()
        thread.join()


def test_histories_with_faults_and_kills_are_linearizable(own_server, proxy_before, deliver_late, namespace):
    server = own_server("--appendfsync", "always")
    proxy = proxy_before(server, seed=7, lose_reply=0.1, cut_request=0.03, hold_request=0.05)
    deliver_late(proxy)
    callers = callers_of(proxy.url, namespace, deadlines=(60, 60, 60, 60, IMPATIENT), calls=400)
    with resizes(proxy.url, namespace, callers) as numbers:
        for calls in (80, 160, 240):
            callers[0].wait_until(calls)
            server.restart()
        history = history_of(callers)
    assert len(numbers) > 5
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system, server.client() as raw:
        history += last_look(system)
        assert unexplained(history, user_of) is None
        assert system.verify() == []
        assert_consistent(raw, namespace, may_move=True)
    assert len(history) > 1600
    assert proxy.faults.total() > 200
    assert 0 < sum(call.answer == UNKNOWN for call in history) < 200


@pytest.mark.parametrize("resized", [False, True], ids=["one-number-of-streams", "resized-meanwhile"])
def test_histories_without_faults_are_linearizable(server, namespace, resized):
    callers = callers_of(server.url, namespace, calls=500)
    with resizes(server.url, namespace, callers) if resized else contextlib.nullcontext():
        history = history_of(callers)
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        history += last_look(system)
    assert len(history) == 2000 + len(USERS)
    assert unexplained(history, user_of) is None


def planted(tmp_path: Path, file: str, good: str, bad: str) -> Path:
    """A copy of the library's scripts with a bug."""
    folder = shutil.copytree(REPOSITORY / "lua", tmp_path / "lua")
    text = (folder / file).read_text()
    assert text.count(good) == 1
    (folder / file).write_text(text.replace(good, bad))
    return folder


BUGS = [
    pytest.param(
        "include/insert_orders.lua",
        "if directory and redis.call('HSETNX', directory, order_id, stream) == 0 then",
        "redis.call('HSET', directory, order_id, stream) if false then",
        id="a-place-that-does-not-look-for-duplicates",
    ),
    pytest.param(
        "include/session.lua",
        "if ahead == 0 then",
        "do return end if ahead == 0 then",
        id="a-retry-without-a-request-number",
    ),
    pytest.param(
        "include/remove_orders.lua",
        "redis.call('SREM', prefix .. 'paused', order_id)",
        "",
        id="a-cancel-that-forgets-what-was-paused",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("file", "good", "bad"), BUGS)
def test_a_planted_bug_is_found(server, proxy_before, namespace, tmp_path, file, good, bad):
    proxy = proxy_before(server, seed=8, lose_reply=0.1)
    lua = planted(tmp_path, file, good, bad)
    history = history_of(callers_of(proxy.url, namespace, calls=200, lua=lua))
    assert proxy.faults[Fault.LOSE_REPLY] > 40
    found = unexplained(history, user_of)
    assert found is not None
    assert "have no explanation" in found
