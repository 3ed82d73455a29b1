"""Copies amid what others do, page by page: what is not equal to its source is never opened."""

import contextlib
from functools import partial

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.copying.runner import Copy
from cryptoorders_redis.operations import copying
from cryptoorders_redis.operations.copying import CopyFailed
from cryptoorders_redis.transport.link import Link
from tests.support.consistency import Names, assert_consistent
from tests.support.copies import as_on_one_server, orders_in, read_keys

NUM_STREAMS = 3
NUM_PAGES = 2 * NUM_STREAMS
"""Each stream is one page, that is written and compared."""


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(NUM_STREAMS, url=server.url, namespace=namespace) as system:
        system.place_many([(f"o{n}", f"user{n}", "BTC", 1, 1) for n in range(30)])
        system.pause_many(["o1", "o5", "o9"])
        yield system


@pytest.fixture(params=[("server", "raw"), ("cluster", "cluster_raw")], ids=["server", "cluster"])
def target(request, namespace):
    """The URL of a store, the namespace there, and a client of redis-py's own for it."""
    store, client = map(request.getfixturevalue, request.param)
    return store.url, f"{namespace}-copy", client


class Copying:
    """A copy that goes on when the test says so."""

    def __init__(self, source, target):
        (url, namespace), (to, name, _) = source, target
        self._stack = contextlib.ExitStack()
        opened = Link(url, namespace, lambda store: store.open(None, None, create=False))
        made = Copy(self._stack.enter_context(opened))
        begun = Link(to, name, partial(copying.begin, source=made.settings))
        self._pages = made.run(self._stack.enter_context(begun))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def advance(self, pages):
        for _ in range(pages):
            next(self._pages)

    def finish(self):
        for _ in self._pages:
            pass


@pytest.fixture
def start(system, server, namespace, target):
    """Starts copies of the system."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(Copying((server.url, namespace), target))


def assert_equal(raw, namespace, target):
    _, name, client = target
    assert_consistent(client, name)
    copied = orders_in(as_on_one_server(read_keys(client, name)))
    assert copied == orders_in(read_keys(raw, namespace))
    with CryptoOrderSystem(url=target[0], namespace=name) as opened:
        assert opened.verify() == []


def assert_unusable(target):
    """Nobody can do anything with the target, also one who may create it."""
    url, name, client = target
    before = read_keys(client, name)
    with CryptoOrderSystem(url=url, namespace=name) as opened:
        with contextlib.suppress(errors.NoSuchNamespace):
            assert not opened.cancel("o1")  # on a cluster an id is looked up first, and may not be there yet
        for call in (
            lambda: opened.place("o1", "user1", "BTC", 1, 1),
            lambda: opened.place_many([("o1", "user1", "BTC", 1, 1), ("new", "user1", "BTC", 1, 1)]),
            lambda: opened.cancel_all_by_user("user1"),
            opened.count,
            opened.display_all_live_orders,
            lambda: list(opened.live_orders()),
            opened.summary,
            opened.verify,
        ):
            with pytest.raises((errors.NoSuchNamespace, errors.BulkInterrupted), match="has not ended"):
                call()
    assert read_keys(client, name) == before


@pytest.mark.parametrize("pages", range(NUM_PAGES + 1))
def test_a_half_made_copy_is_of_no_use_but_to_drop_it(start, target, pages):
    start().advance(pages)
    assert_unusable(target)
    with CryptoOrderSystem(url=target[0], namespace=target[1], create=False) as opened:
        opened.drop()
    assert orders_in(read_keys(target[2], target[1])) == {}


@pytest.mark.parametrize("pages", range(NUM_PAGES + 1))
def test_a_half_made_copy_is_made_again(start, system, raw, namespace, target, pages):
    start().advance(pages)
    system.cancel_many(["o1", "o2"])
    system.place("new", "user1", "BTC", 1, 1)
    start().finish()
    assert_equal(raw, namespace, target)


CHANGES = {
    "place": lambda system: system.place("new", "user1", "BTC", 1, 1),
    "pause": lambda system: system.pause("o0"),
    "resume": lambda system: system.resume("o1"),
    "amend": lambda system: system.amend("o0", amount=2),
    "cancel": lambda system: system.cancel("o0"),
    "cancel-and-place": lambda system: system.cancel("o0") and system.place("o0", "user0", "BTC", 1, 1),
    "pause-and-resume": lambda system: system.pause("o0") and system.resume("o0"),
    "cancel-all": lambda system: system.cancel_all_by_user("user0"),
    "drop": lambda system: system.drop() or True,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("pages", [0, 1, NUM_STREAMS, NUM_PAGES])
def test_a_change_of_the_source_is_always_seen(start, server, namespace, target, change, pages):
    """Also after the last page was compared."""
    made = start()
    made.advance(pages)
    with CryptoOrderSystem(url=server.url, namespace=namespace) as writer:
        assert CHANGES[change](writer)
    with pytest.raises((CopyFailed, errors.NoSuchNamespace)):
        made.finish()
    assert_unusable(target)


def test_a_change_of_a_client_that_was_there_before_is_seen(start, system, target):
    made = start()
    made.advance(NUM_PAGES)
    assert system.pause("o0")
    with pytest.raises(CopyFailed, match="changed during the copy"):
        made.finish()
    assert_unusable(target)


def test_reads_of_the_source_do_no_harm(start, system, raw, namespace, target):
    made = start()
    for _ in range(NUM_PAGES):
        made.advance(1)
        assert len(list(system.live_orders())) == system.count() == 30
        assert system.verify() == []
    made.finish()
    assert_equal(raw, namespace, target)


def test_changes_of_a_cluster_are_seen_too(cluster, cluster_raw, server, namespace):
    with CryptoOrderSystem(NUM_STREAMS, url=cluster.url, namespace=namespace) as system:
        system.place_many([(f"o{n}", f"user{n}", "BTC", 1, 1) for n in range(30)])
        for number, change in enumerate(("pause", "cancel", "place")):
            target = (server.url, f"{namespace}-{number}", None)
            with Copying((cluster.url, namespace), target) as made:
                made.advance(NUM_PAGES)
                assert CHANGES[change](system)
                with pytest.raises(CopyFailed):
                    made.finish()


@pytest.mark.parametrize("pages", range(NUM_PAGES + 1))
def test_the_later_of_two_copies_wins(start, raw, namespace, target, pages):
    first = start()
    first.advance(pages)
    second = start()
    with pytest.raises(CopyFailed):
        first.finish()
    second.finish()
    assert_equal(raw, namespace, target)


@pytest.mark.parametrize("pages", range(NUM_PAGES + 1))
def test_a_drop_of_the_target_ends_the_copy(start, target, pages):
    made = start()
    made.advance(pages)
    with CryptoOrderSystem(url=target[0], namespace=target[1]) as opened:
        opened.drop()
    with pytest.raises((CopyFailed, errors.NoSuchNamespace)):
        made.finish()
    assert orders_in(read_keys(target[2], target[1])) == {}


@pytest.mark.parametrize("pages", [0, 1, NUM_STREAMS])
def test_a_client_of_an_earlier_namespace_spoils_nothing(start, raw, namespace, target, pages):
    """On a cluster it claims ids in the directory, and is refused in the stream."""
    with CryptoOrderSystem(NUM_STREAMS, url=target[0], namespace=target[1]) as old:
        old.place("o0", "user0", "BTC", 1, 1)
        with CryptoOrderSystem(url=target[0], namespace=target[1]) as other:
            other.drop()
        made = start()
        made.advance(pages)
        for order_id in ("o0", "o1", "other"):
            with contextlib.suppress(errors.NoSuchNamespace):
                assert not old.place(order_id, "user0", "BTC", 1, 1)
            with contextlib.suppress(errors.NoSuchNamespace):
                assert not old.cancel(order_id)
        made.finish()
        assert_equal(raw, namespace, target)


def test_a_claim_in_the_way_is_taken_over(system, server, cluster, cluster_raw, raw, namespace):
    """That of a client which knows an earlier namespace: it will be refused."""
    target = (cluster.url, f"{namespace}-copy", cluster_raw)
    with Copying((server.url, namespace), target) as made:
        for number in range(30):
            shard = Names(cluster_raw, target[1]).directory_of(f"o{number}")
            cluster_raw.hset(shard, f"o{number}", "0 AAAAAAAA")
        made.finish()
    assert_equal(raw, namespace, target)


def test_a_target_that_was_changed_by_hand_is_not_opened(start, target):
    made = start()
    made.advance(NUM_PAGES)
    target[2].zadd("{" + target[1] + ":1}:placed", {"ghost": 17})
    with pytest.raises(CopyFailed, match="other orders than were written"):
        made.finish()
    assert_unusable(target)
