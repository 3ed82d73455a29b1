"""stats(): what each stream holds, and all of them."""

import pytest

from cryptoorders_redis import Stats, StreamStats, UserStats
from cryptoorders_redis.operations import stats as operation
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import change_settings
from tests.support.nasty import NASTY_IDS

USERS = [f"user{number}" for number in range(9)]


def counts(stats):
    return [(stream.active, stream.paused, stream.users) for stream in stats.streams]


def test_an_empty_store_has_streams_that_hold_nothing(system):
    stats = system.stats()
    assert counts(stats) == [(0, 0, 0)] * 3
    assert (stats.live, stats.active, stats.paused, stats.users) == (0, 0, 0, 0)
    assert stats.clients == 1, "which created it"
    assert (stats.busiest_streams, stats.busiest_users) == ((), ())


def test_each_stream_and_all_of_them_are_counted(system):
    expected = [[0, 0, 0] for _ in range(3)]
    for number, user in enumerate(USERS):
        stream = expected[stream_of_user(user, 3)]
        stream[2] += 1
        for turn in range(number + 1):
            system.place(f"{user}-{turn}", user, "BTC", 1, 1)
            if turn % 3 == 1:
                system.pause(f"{user}-{turn}")
            stream[turn % 3 == 1] += 1
    stats = system.stats()
    assert counts(stats) == [tuple(stream) for stream in expected]
    assert [stream.stream for stream in stats.streams] == [0, 1, 2]
    assert (stats.active, stats.paused, stats.users) == tuple(map(sum, zip(*expected, strict=True)))
    assert stats.live == 45 == system.count()
    assert stats.busiest_users == tuple(
        UserStats(f"user{number}", stream_of_user(f"user{number}", 3), number + 1)
        for number in range(8, -1, -1)
    )
    assert stats.busiest_streams == tuple(
        sorted((stream for stream in stats.streams if stream.live), key=lambda stream: -stream.live)
    )
    assert isinstance(stats, Stats)
    assert isinstance(stats.streams[0], StreamStats)
    with pytest.raises(AttributeError):
        setattr(stats, "clients", 7)  # noqa: B010 - read-only for a type checker too


def test_only_the_ten_busiest_are_named_and_equals_by_name(open_system):
    system = open_system(12)
    for number in range(14):
        system.place(f"o{number}", f"user{number:02}", "BTC", 1, 1)
    system.place("more", "user13", "BTC", 1, 1)
    stats = system.stats()
    assert [user.user_id for user in stats.busiest_users] == [
        "user13", *(f"user{number:02}" for number in range(9)),
    ]  # fmt: skip
    assert stats.users == 14
    assert len(stats.busiest_streams) <= 10
    assert len(stats.streams) == 12


def test_users_of_any_name_are_found(system):
    for nasty in NASTY_IDS:
        system.place(nasty, nasty, "BTC", 1, 1)
    stats = system.stats()
    assert stats.users == len(NASTY_IDS)
    assert {user.user_id for user in stats.busiest_users} <= set(NASTY_IDS)


def test_stats_do_not_depend_on_the_pages_of_the_scan(system, monkeypatch):
    for number in range(120):
        system.place(f"o{number}", f"user{number % 60}", "BTC", 1, 1)
    whole = system.stats()
    assert whole.users == 60
    monkeypatch.setattr(operation, "PAGE", 3)
    small = system.stats()
    assert counts(small) == counts(whole)
    assert small.busiest_users == whole.busiest_users
    assert small.bytes == whole.bytes


def test_a_key_that_a_scan_finds_twice_counts_once(system, store, monkeypatch):
    for number in range(30):
        system.place(f"o{number}", f"user{number}", "BTC", 1, 1)
    before = system.stats()
    real = operation._Found.new_among
    found_twice = []

    def found_again(self, node, keys):
        found_twice.extend(keys)
        return real(self, node, found_twice)

    monkeypatch.setattr(operation._Found, "new_among", found_again)
    monkeypatch.setattr(operation, "PAGE", 10)
    assert system.stats() == before


def test_bytes_are_what_the_server_says_of_the_keys(system, store, request):
    for number in range(40):
        system.place(f"o{number}", USERS[number % 9], "BTC", 1, 1)
        if number % 2:
            system.pause(f"o{number}")
    stats = system.stats()
    if "fakeredis" in request.node.callspec.id:
        assert stats.bytes is None
        assert {stream.bytes for stream in stats.streams} == {None}
        return
    sizes = {
        key: store.raw.memory_usage(key)
        for key in store.raw.scan_iter(match=f"{{{store.namespace}[:}}]*", count=1000)
    }
    assert stats.bytes == sum(sizes.values())
    for stream in stats.streams:
        mine = f"{{{store.namespace}:{stream.stream}}}:".encode()
        assert stream.bytes == sum(size for key, size in sizes.items() if key.startswith(mine)) > 0


def test_clients_are_those_that_changed_something(open_system):
    one, other = open_system(2), open_system(2)
    one.place("o1", "alice", "BTC", 1, 1)
    assert one.stats().clients == 1
    other.place("o2", "alice", "BTC", 1, 1)
    assert one.stats().clients == 2


def test_a_namespace_with_the_same_beginning_is_not_counted(open_system, store):
    system, longer = open_system(2), open_system(2, namespace=store.namespace + "2")
    system.place("o1", "alice", "BTC", 1, 1)
    for number in range(5):
        longer.place(f"o{number}", f"user{number}", "BTC", 1, 1)
    stats = system.stats()
    assert (stats.live, stats.users, stats.clients) == (1, 1, 1)


def test_stats_are_of_the_streams_that_there_are_when_they_end(system, store):
    system.place("o1", "user1", "BTC", 1, 1)
    assert stream_of_user("user1", 3) == stream_of_user("user1", 5)
    change_settings(store.raw, store.namespace, 5)
    stats = system.stats()
    assert [stream.users for stream in stats.streams] == [
        int(stream == stream_of_user("user1", 5)) for stream in range(5)
    ]
