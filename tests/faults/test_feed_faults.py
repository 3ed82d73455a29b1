"""What is lost of a change feed is an error for its readers, and none for its writers."""

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.changes import Change, begin_sessions, each_change, make
from tests.support.consistency import assert_consistent
from tests.support.proxy import Fault

STREAM = stream_of_user("alice", 3)


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        system.configure(feed=100_000)
        assert system.place("o", "alice", "BTC", 1, 1)
        yield system


@pytest.fixture
def keys(namespace):
    """The names of the feed's keys: its entries, and the number of the last one."""
    return tuple(f"{{{namespace}:{STREAM}}}:{kind}" for kind in ("changes", "changed"))


@each_change
def test_a_change_that_is_sent_twice_has_one_entry(raw, server, proxy, namespace, change: Change):
    with (
        CryptoOrderSystem(3, url=server.url, namespace=namespace) as other,
        CryptoOrderSystem(url=proxy.url, namespace=namespace) as system,
    ):
        other.configure(feed=100_000)
        assert other.place("b", "bob", "BTC", 1, 1)
        begin_sessions(system)
        make(other, *change.before)
        cursor = other.position()
        proxy.next_call(Fault.LOSE_REPLY)
        answer = make(system, change.call)
        assert answer == change.answer
        is_reduced = change.call.startswith("reduce") and answer is not None
        is_changed = is_reduced or (isinstance(answer, int) and answer > 0)
        assert len(list(other.changes(cursor, wait=False))) == is_changed


def test_what_a_failover_has_lost_is_missed(raw, system, keys):
    """A new master has not the last two changes: they are undone by hand, with their entries."""
    changes, changed = keys
    system.pause("o")
    before = system.position()
    assert system.resume("o")
    assert system.pause("o")
    after = system.position()
    for entry_id, _ in raw.xrevrange(changes, count=2):
        raw.xdel(changes, entry_id)
    raw.set(changed, 2)
    assert list(system.changes(before, wait=False)) == []
    with pytest.raises(errors.ChangesMissed) as missed:
        list(system.changes(after, wait=False))
    assert (missed.value.after, missed.value.first) == (4, None)
    assert system.resume("o")
    with pytest.raises(errors.ChangesMissed) as missed:
        list(system.changes(after, wait=False))
    assert (missed.value.after, missed.value.first) == (4, 3)


def test_a_feed_without_its_counter_stops_no_change(raw, system, keys):
    """The server picks the IDs of the entries: one made of the number would be refused now."""
    changes, changed = keys
    assert system.pause("o")
    raw.delete(changed)
    assert system.verify() != []
    assert system.cancel("o") is True
    assert system.get("o") is None
    raw.delete(changes, changed)


def test_an_entry_that_others_wrote_is_named(raw, system, keys):
    changes, changed = keys
    entry_id = raw.xadd(changes, {"n": "two"})
    raw.incr(changed)
    with pytest.raises(errors.InconsistentData, match=entry_id.decode()):
        list(system.changes("start", wait=False))
    assert [each.subject for each in system.verify()] == [changes]
    raw.delete(changes, changed)


def test_at_full_memory_a_feed_is_read_and_switched_off(own_server, namespace):
    server = own_server()
    with server.client() as raw, CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        system.configure(feed=100_000)
        for number in range(9):
            assert system.place(f"o{number}", "alice", "BTC", 1, 1)
        cursor = system.position()
        raw.config_set("maxmemory", 1)
        with pytest.raises(errors.StoreFull):
            system.place("more", "alice", "BTC", 1, 1)
        assert system.cancel("o1")
        assert system.resume("o1") is False
        assert [change.op for change in system.changes(cursor, wait=False)] == ["cancel"]
        assert_consistent(raw, namespace)
        system.configure(feed=0)
        assert raw.exists(f"{{{namespace}:{STREAM}}}:changes") == 0
