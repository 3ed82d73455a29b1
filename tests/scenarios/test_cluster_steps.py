"""What other clients do to a cluster between two steps of a call."""

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import assert_consistent
from tests.support.stepwise import Stepwise

STREAM = stream_of_user("alice", 3)
USERS = ["bob", *(f"user{number}" for number in range(9))]
OF_THE_SAME_STREAM = next(user for user in USERS if stream_of_user(user, 3) == STREAM)
OF_ANOTHER_STREAM = next(user for user in USERS if stream_of_user(user, 3) != STREAM)


@pytest.fixture
def system(on_cluster, namespace):
    with CryptoOrderSystem(3, url=on_cluster.url, namespace=namespace) as system:
        yield system
    assert_consistent(on_cluster.raw, namespace)


def run_with(operation, system, at_step, meanwhile):
    """Run an operation; before its step of this number another client does something."""
    running = Stepwise(operation, system)
    number = 0
    while not running.done:
        if number == at_step:
            meanwhile()
        running.step()
        number += 1
    assert number > at_step
    return running.result


@pytest.mark.parametrize("user", ["alice", OF_THE_SAME_STREAM, OF_ANOTHER_STREAM])
@pytest.mark.parametrize("at_step", [1, 2, 3])
def test_an_id_placed_again_meanwhile_keeps_its_entry(system, at_step, user):
    assert system.place("o", "alice", "BTC", 1, 1)
    assert system.place("stays", "alice", "BTC", 1, 1)

    def place_again():
        system.cancel("o")
        assert system.place("o", user, "BTC", 2, 1)

    cancel_all = system._store.cancel_all_by_user("alice")
    cancelled = run_with(cancel_all, system, at_step, place_again)
    is_cancelled = user == "alice" and at_step < 3
    assert cancelled == (2 if at_step == 3 or is_cancelled else 1)
    assert (system.get("o") is None) is is_cancelled
    assert system.place("o", "dora", "BTC", 1, 1) is is_cancelled


@pytest.mark.parametrize("at_step", [1, 2])
def test_what_comes_while_a_user_is_cancelled_is_released(system, at_step):
    assert system.place("o", "alice", "BTC", 1, 1)
    cancel_all = system._store.cancel_all_by_user("alice")
    assert run_with(cancel_all, system, at_step, lambda: system.place("late", "alice", "BTC", 1, 1)) == 2
    assert system.count() == 0


def test_ids_are_released_though_the_reply_was_lost(system):
    """The request was sent again: its answer says how many they were, and not which."""
    assert system.place("o", "alice", "BTC", 1, 1)
    assert system.place("again", "alice", "BTC", 1, 1)
    running = Stepwise(system._store.cancel_all_by_user("alice"), system)
    running.step()
    running.step()
    assert system.cancel_all_by_user("alice") == 2
    assert system.place("again", "alice", "BTC", 1, 1)
    running._go_on(lambda: running._operation.send([b"2"]))
    while not running.done:
        running.step()
    assert running.result == 2
    assert system.display_all_live_orders() == ["again"]
    assert system.place("again", OF_ANOTHER_STREAM, "BTC", 1, 1) is False
