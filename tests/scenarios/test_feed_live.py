"""While several processes write, a mirror by the change feed becomes what the store holds."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.consistency import assert_consistent
from tests.support.examples import load_example
from tests.support.processes import Worker, ready
from tests.support.scribbler import Scribbler

mirror = load_example("mirror")

SECONDS = 2.0


@pytest.fixture
def system(backend, namespace):
    with CryptoOrderSystem(4, url=backend.url, namespace=namespace) as system:
        system.configure(feed=1_000_000)
        yield system
        assert_consistent(backend.raw, namespace)


@contextlib.contextmanager
def writing(url, namespace, *, writers=4):
    """Have processes write, beside what the block does, and until its end."""
    with ready([Worker(Scribbler, url, namespace, seed) for seed in range(writers)]) as workers:
        for worker in workers:
            worker.ask("write", SECONDS)
        yield
        assert all(worker.answer() > 50 for worker in workers)


def follow(system, copy, cursor, ended):
    """Apply changes to a copy until the end that is there when the writers have ended."""
    while True:
        is_last = ended.is_set()
        for change in system.changes(cursor, wait=False):
            copy.apply(change)
            cursor = change.cursor
        if is_last:
            return cursor


def resize_there_and_back(system):
    for num_streams in (7, 2, 5):
        system.resize(num_streams)


def test_a_mirror_becomes_what_the_store_holds(backend, system, namespace):
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with writing(backend.url, namespace):
            while system.count() < 10:
                time.sleep(0.01)
            cursor = system.position()
            copy = mirror.Mirror(system.live_orders())
            following = pool.submit(follow, system, copy, cursor, ended)
            if system._store.is_standalone:
                resize_there_and_back(system)
        ended.set()
        cursor = following.result()
    assert copy.orders() == list(system.live_orders())
    assert cursor == system.position()


def test_a_cursor_from_before_a_resize_stays_good(on_server, namespace):
    with CryptoOrderSystem(3, url=on_server.url, namespace=namespace) as system:
        system.configure(feed=10_000)
        system.place_many([(f"o{number}", f"user{number % 9}", "BTC", 1, 1) for number in range(50)])
        cursor, copy = system.position(), mirror.Mirror(system.live_orders())
        system.pause_many([f"o{number}" for number in range(0, 50, 3)])
        resize_there_and_back(system)
        system.cancel_many([f"o{number}" for number in range(0, 50, 4)])
        system.cancel_all_by_user("user1")
        system.resize(8)
        changes = list(system.changes(cursor, wait=False))
        for change in changes:
            copy.apply(change)
        assert copy.orders() == list(system.live_orders())
        assert cursor.count(",") == 2
        assert changes[-1].cursor.count(",") == 7
        assert system.verify() == []
        assert system.stats().bytes
        assert [change.op for change in system.history("o3").changes[-2:]] == ["left", "joined"]
        system.drop()
        assert on_server.raw.keys(f"{{{namespace}:*") == []


def test_a_reader_that_waits_picks_up_streams_that_come(on_server, namespace):
    with CryptoOrderSystem(2, url=on_server.url, namespace=namespace) as system:
        system.configure(feed=10_000)
        changes = system.changes(system.position())
        system.place("first", "user0", "BTC", 1, 1)
        assert next(changes).order_id == "first"
        system.resize(9)
        new = [(f"o{number}", f"user{number}", "BTC", 1, 1) for number in range(40)]
        system.place_many(new)
        given = {change.order_id for change, _ in zip(changes, range(40), strict=False)}
        given |= {change.order_id for change in system.changes("start", wait=False)}
        assert given == {"first", *(order[0] for order in new)}


def test_switched_on_and_off_it_never_has_a_hole(backend, system, namespace):
    """The writers begin while it is off, and learn that it is on by themselves."""
    system.configure(feed=0)
    with writing(backend.url, namespace, writers=3):
        for _ in range(8):
            system.configure(feed=1_000_000)
            cursor = system.position()
            for _ in range(3):
                system.pause("o1")
                system.resume("o1")
            with contextlib.suppress(errors.ChangesMissed):
                assert all(change.number for change in system.changes(cursor, wait=False))
            system.configure(feed=0)
            system.pause("o1")
        system.configure(feed=1_000_000)
        cursor = system.position()
        copy = mirror.Mirror(system.live_orders())
    for change in system.changes(cursor, wait=False):
        copy.apply(change)
    assert copy.orders() == list(system.live_orders())


def test_a_position_comes_after_all_that_had_no_entry(on_cluster, namespace):
    """Who switched the feed on died before it told the streams: position() tells them."""
    with (
        CryptoOrderSystem(4, url=on_cluster.url, namespace=namespace) as other,
        CryptoOrderSystem(url=on_cluster.url, namespace=namespace) as system,
    ):
        assert other.place("o", "alice", "BTC", 1, 1)
        config = f"{{{namespace}}}:config"
        epoch = int(on_cluster.raw.hget(config, "epoch"))
        on_cluster.raw.hset(config, mapping={"feed": 100, "epoch": epoch + 1})
        assert other.pause("o")
        cursor = system.position()
        assert other.resume("o")
        assert [change.op for change in system.changes(cursor, wait=False)] == ["resume"]


def test_writers_that_are_killed_leave_no_hole(backend, system, namespace):
    for seed in range(4):
        worker = Worker(Scribbler, backend.url, namespace, seed)
        at_first = system.position()
        worker.ask("write", 60)
        while system.position() == at_first:
            time.sleep(0.01)
        worker.kill()
    system.repair()
    assert_consistent(backend.raw, namespace)
