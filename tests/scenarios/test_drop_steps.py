"""Drops amid what others do, step by step: each ends, and removes nothing of the next namespace."""

import contextlib

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.operations.drop import drop
from cryptoorders_redis.operations.verify import verify
from tests.support.consistency import assert_consistent, contents, keys_of
from tests.support.stepwise import Stepwise

MANY_STEPS = 5000


def place_some(system, number=10):
    assert all(system.place_many([(f"o{n}", f"user{n}", "BTC", 1, 1) for n in range(number)]))


def finish(dropping, between=lambda: None):
    """Carry an operation to its end, with something that others do between its steps."""
    for _ in range(MANY_STEPS):
        if dropping.done:
            return
        between()
        dropping.step()
    pytest.fail("it does not end")


def overtaken(open_system, steps):
    """A drop that has made some steps when another client drops the namespace and fills it again: both."""
    system, other = open_system(3), open_system()
    place_some(system)
    dropping = Stepwise(drop(system._store), system)
    for _ in range(steps):
        dropping.step()
    other.drop()
    place_some(other)
    return dropping, other


def test_a_drop_ends_while_others_go_on_trying_to_change_orders(open_system, raw, namespace):
    system, other = open_system(3), open_system()
    place_some(system)

    def try_to_cancel() -> None:
        with contextlib.suppress(errors.NoSuchNamespace):
            other.cancel("nothing")

    finish(Stepwise(drop(system._store), system), between=try_to_cancel)
    assert contents(raw, namespace) == {}


@pytest.mark.parametrize("steps", range(1, 5))
def test_a_drop_that_another_overtakes_leaves_the_next_namespace(open_system, raw, namespace, steps):
    dropping, other = overtaken(open_system, steps)
    before = contents(raw, namespace)
    finish(dropping)
    if steps == 1:  # it had not begun, and drops what it finds
        assert contents(raw, namespace) == {}
    else:
        assert contents(raw, namespace) == before
        assert other.verify() == []


@pytest.mark.parametrize("steps", range(2, 5))
def test_a_drop_that_another_overtakes_leaves_the_next_drop(open_system, raw, namespace, steps):
    """Else it would remove the config of the next before its orders, which were live again."""
    dropping, other = overtaken(open_system, steps)
    next_one = Stepwise(drop(other._store), other)
    next_one.step()
    next_one.step()
    finish(dropping)
    assert raw.hget(f"{{{namespace}}}:config", "dropping")
    with pytest.raises(errors.NoSuchNamespace, match="being dropped"):
        other.count()
    finish(next_one)
    assert contents(raw, namespace) == {}


def test_two_drops_at_once_share_the_work(open_system, raw, namespace):
    system, other = open_system(3), open_system()
    place_some(system, 1200)
    first, second = (Stepwise(drop(each._store), each) for each in (system, other))
    while not (first.done and second.done):
        for dropping in (first, second):
            if not dropping.done:
                dropping.step()
    assert keys_of(raw, namespace) == []


READS = [
    pytest.param(lambda node: node.display_all_live_orders(), id="display"),
    pytest.param(lambda node: node.display_live_orders_of("user0"), id="display-of-user"),
]


@pytest.mark.parametrize("read", READS)
def test_a_listing_never_shows_a_part_of_what_is_being_dropped(open_system, read):
    system, other = open_system(3), open_system()
    place_some(system, 1200)
    dropping, listing = Stepwise(drop(system._store), system), Stepwise(read(other._store), other)
    while dropping.about_to_send != ["drop_keys"]:
        dropping.step()
    dropping.step()
    listing.step()
    finish(dropping)
    finish(listing)
    assert listing.result == []


def test_a_drop_works_where_memory_is_full(own_server, namespace):
    server = own_server()
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system, server.client() as raw:
        place_some(system, 1200)
        raw.config_set("maxmemory", 1)
        system.drop()
        assert keys_of(raw, namespace) == []


@pytest.mark.parametrize("name", ["y" * 16, "x" * 16, "1"])
def test_a_half_done_drop_is_finished_where_memory_is_full(own_server, namespace, name):
    server = own_server()
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system, server.client() as raw:
        place_some(system)
        raw.hset(f"{{{namespace}}}:config", mapping={"dropping": name, "epoch": 0})
        raw.config_set("maxmemory", 1)
        system.drop()
        assert keys_of(raw, namespace) == []


@pytest.mark.parametrize("right", ["scan", "unlink"])
def test_who_may_not_drop_begins_no_drop(own_server, namespace, right):
    server = own_server()
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system, server.client() as raw:
        place_some(system)
        raw.execute_command("ACL", "SETUSER", "someone", "on", ">secret", "~*", "+@all", f"-{right}")
        before = contents(raw, namespace)
        url = server.url.replace("unix://", "unix://someone:secret@")
        with (
            CryptoOrderSystem(url=url, namespace=namespace) as weaker,
            pytest.raises(errors.AccessDenied, match=f"(?i){right}|this command"),
        ):
            weaker.drop()
        assert contents(raw, namespace) == before
        assert system.place("o", "alice", "BTC", 1, 1)


def test_nothing_but_a_place_creates_a_dropped_namespace_again(open_system, raw, namespace):
    system = open_system(3)
    place_some(system)
    open_system().drop()
    assert system.cancel_all_by_user("user1") == 0
    assert system.cancel("o1") is False
    assert system.cancel_many(["o1"]) == [False]
    assert system.user("user1").cancel_all() == 0
    assert contents(raw, namespace) == {}


@pytest.mark.parametrize("streams", [1, 2, 5])
def test_a_check_amid_a_drop_and_a_new_creation_finds_nothing(open_system, namespace, streams):
    """Its pages are of two namespaces of one name, which have other streams."""
    system, other = open_system(3), open_system()
    place_some(system, 30)
    checking = Stepwise(verify(system._store), system)
    for _ in range(4):
        checking.step()
    other.drop()
    with open_system(streams) as again:
        place_some(again, 30)
        finish(checking)
        assert checking.result == []


@pytest.mark.parametrize("streams", [1, 2, 5])
def test_an_old_client_of_a_dropped_namespace_splits_no_user(open_system, raw, namespace, streams):
    """Its number of streams is not the new one's, and its epoch is not either."""
    old, other = open_system(3), open_system()
    place_some(old)
    other.drop()
    with open_system(streams) as again:
        place_some(again)
        assert old.place("new", "user1", "BTC", 1, 1) is True
        assert old.pause("o1") is True
        assert old.cancel_all_by_user("user1") == 2
        assert [order.user_id for order in old.live_orders()] == [f"user{n}" for n in range(10) if n != 1]
        assert_consistent(raw, namespace)


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_check_amid_a_drop_finds_nothing(open_system, steps):
    system, other = open_system(3), open_system()
    place_some(system, 1200)
    checking, dropping = Stepwise(verify(system._store), system), Stepwise(drop(other._store), other)
    while dropping.about_to_send != ["drop_keys"]:
        dropping.step()
    with contextlib.suppress(errors.NoSuchNamespace):
        for _ in range(steps):
            checking.step()
        dropping.step()
        checking.step()
        finish(dropping)
        finish(checking)
        assert checking.result == []
