"""Whatever step of a resize another call comes upon, it does and sees what it would without."""

import itertools
import random
import time
from decimal import Decimal

import pytest

from cryptoorders_redis import errors
from cryptoorders_redis.operations import resize as resizing
from cryptoorders_redis.operations.pages import LiveOrders
from cryptoorders_redis.operations.queries import Query
from cryptoorders_redis.operations.resize import resize
from cryptoorders_redis.operations.summary import summary
from tests.support.consistency import assert_consistent
from tests.support.model import Model, as_modelled, line
from tests.support.stepwise import Stepwise

ONE = Decimal(1)

MOVERS = ["user0", "user2", "user4"]
"""Their streams of 3 and of 5 are different."""

STAYS = "user1"

MOST_STEPS = 40
"""How many steps a resize may have: how a server hands out a set of five differs from one to the next."""

CALLS = {
    "place": lambda target: target.place("new", "user0", "BTC", ONE, ONE),
    "place-a-live-id": lambda target: target.place("user2-3", "user0", "BTC", ONE, ONE),
    "pause": lambda target: target.pause("user0-1"),
    "resume": lambda target: target.resume("user0-0"),
    "cancel": lambda target: target.cancel("user4-2"),
    "cancel-paused": lambda target: target.cancel("user0-0"),
    "cancel-and-place": lambda target: (
        target.cancel("user0-2"),
        target.place("user0-2", "user2", "BTC", ONE, ONE),
    ),
    "cancel-all": lambda target: target.cancel_all_by_user("user0"),
    "cancel-all-of-one-who-stays": lambda target: target.cancel_all_by_user(STAYS),
}


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    monkeypatch.setattr(resizing, "SLICE", 2)


@pytest.fixture
def system(open_system):
    return open_system(3)


@pytest.fixture
def model(system):
    """A model of what the system holds: five orders each, one of them paused."""
    model = Model()
    for number in range(5):
        for user in (*MOVERS, STAYS):
            for target in (system, model):
                assert target.place(f"{user}-{number}", user, "BTC", ONE, ONE)
    for user in (*MOVERS, STAYS):
        for target in (system, model):
            assert target.pause(f"{user}-0")
    return model


def users_orders(system, user):
    return [line(order) for order in system.live_orders(user_id=user)]


def check(system, model):
    """All calls that read see what the model holds."""
    lines = model.display()
    assert system.display_all_live_orders() == lines
    assert [line(order) for order in system.live_orders()] == lines
    paused = sum(each.endswith("(paused)") for each in lines)
    looked = system.summary(newest=50)
    assert (looked.live, looked.paused) == (len(lines), paused)
    assert [line(order) for order in looked.newest] == lines[::-1]
    assert (system.count(), system.count(status="PAUSED"), system.stats().live) == (
        len(lines), paused, len(lines),
    )  # fmt: skip
    for user in (*MOVERS, STAYS):
        theirs = model.display(lambda order, user=user: order.user_id == user)
        assert system.user(user).display_all_live_orders() == users_orders(system, user) == theirs
        assert system.count(user_id=user) == len(theirs)
        assert system.count(user_id=user, status="PAUSED") == sum(each.endswith(")") for each in theirs)
    for order_id in ("user0-1", "user2-3", "new"):
        assert as_modelled(system.get(order_id)) == model.get(order_id)
    assert system.verify() == []


def begun(system, num_streams, steps):
    running = Stepwise(resize(system._store, num_streams, None), system)
    for _ in range(steps):
        if not running.done:
            running.step()
    return running


def finish(running):
    for _ in range(500):
        if running.done:
            return
        running.step()
    pytest.fail("it does not end")


def count_steps(system):
    running, number = begun(system, 5, 0), 0
    while not running.done:
        running.step()
        number += 1
    return number


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("steps", range(MOST_STEPS))
def test_a_call_amid_a_resize_does_what_it_would_without(
    open_system, system, model, call, steps, raw, namespace
):
    running, other = begun(system, 5, steps), open_system()
    assert call(other) == call(model)  # by one who knows the settings of now
    check(other, model)
    finish(running)
    check(system, model)
    assert system.stats().moving_from is None
    assert raw.hget(f"{{{namespace}}}:config", "num_streams") == b"5"
    assert_consistent(raw, namespace)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_client_with_the_old_settings_learns_and_goes_on(open_system, system, model, call):
    old = open_system()
    running = begun(system, 5, 6)
    assert call(old) == call(model)
    check(old, model)
    finish(running)
    check(old, model)


def test_all_steps_of_a_resize_were_met(system, model):
    assert count_steps(system) <= MOST_STEPS
    check(system, model)


@pytest.mark.parametrize("steps", range(MOST_STEPS))
@pytest.mark.parametrize("then", [5, 3], ids=["finished", "turned-round"])
def test_a_resize_that_was_killed_is_carried_on_by_anybody(open_system, system, model, steps, then):
    begun(system, 5, steps)
    other = open_system()
    other.resize(then)
    check(other, model)
    assert (other.stats().moving_from, len(other.stats().streams)) == (None, then)


@pytest.mark.parametrize("seed", range(20))
def test_two_movers_and_a_turn_do_no_harm(open_system, system, model, seed):
    choose = random.Random(seed)
    targets = [choose.choice((3, 5, 2)) for _ in range(3)]
    movers = []
    for target in targets:
        mover = open_system()
        movers.append(Stepwise(resize(mover._store, target, None), mover))
    for _ in itertools.repeat(None, 400):
        left = [mover for mover in movers if not mover.done]
        if not left:
            break
        mover = choose.choice(left)
        try:
            mover.step()
        except errors.ResizeUnderWay:
            movers.remove(mover)
        if choose.random() < 0.2:
            name, call = choose.choice(list(CALLS.items()))
            assert call(system) == call(model), name
    check(system, model)
    under_way = system._store.settings.num_streams
    system.resize(under_way)
    check(system, model)


def test_another_number_is_refused_while_a_resize_is_under_way(system, open_system, model):
    running = begun(system, 5, 3)
    with pytest.raises(errors.ResizeUnderWay, match=r"5 streams: resize\(5\) finishes") as refused:
        open_system().resize(4)
    assert refused.value.num_streams == 5
    finish(running)
    open_system().resize(4)
    check(system, model)


@pytest.mark.parametrize("steps", range(4, 14))
def test_a_listing_amid_moves_has_each_order_once(open_system, system, model, steps):
    running, other = begun(system, 5, steps), open_system()
    reading = Stepwise(other._store.display_all_live_orders(), other)
    finish_while_moving(reading, running)
    assert reading.result == model.display()


@pytest.mark.parametrize("steps", range(4, 14))
def test_a_summary_amid_moves_has_each_order_once(open_system, system, model, steps):
    running, other = begun(system, 5, steps), open_system()
    looking = Stepwise(summary(other._store, 50, 0), other)
    finish_while_moving(looking, running)
    assert [line(order) for order in looking.result.newest][::-1] == model.display()


def finish_while_moving(reading, running):
    while not reading.done:
        reading.step()
        if not running.done:
            running.step()


def test_pages_amid_moves_give_each_order_once(open_system, system, model, monkeypatch):
    monkeypatch.setattr("cryptoorders_redis.operations.pages.PAGE", 3)
    for steps in range(20):
        other = open_system()
        running = begun(other, 5 if steps % 2 == 0 else 3, 0)
        orders = system.live_orders()
        given = []
        for order in orders:
            given.append(line(order))
            if not running.done:
                running.step()
        assert given == model.display()
        finish(running)


def test_progress_is_told_and_ends_with_all(system, model):
    told = []
    system.resize(7, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    told.clear()
    system.resize(7, progress=lambda done, total: told.append((done, total)))
    assert told == []


def test_the_mover_rests_so_that_other_calls_come_first(system, model, monkeypatch):
    monkeypatch.setattr(resizing, "REST_SECONDS", 0.02)
    began = time.monotonic()
    system.resize(5)
    assert time.monotonic() - began >= 0.02 * 5 * len(MOVERS)
    check(system, model)


def test_a_batch_after_a_resize_is_placed_in_new_streams(system, open_system, model):
    old = open_system()
    system.resize(5)
    assert all(old.place_many([(f"b{number}", MOVERS[number % 3], "BTC", ONE, ONE) for number in range(30)]))
    for number in range(30):
        model.place(f"b{number}", MOVERS[number % 3], "BTC", ONE, ONE)
    check(system, model)


def test_a_resize_that_meets_full_memory_can_be_run_again(own_server, namespace):
    from cryptoorders_redis import CryptoOrderSystem

    server = own_server()
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system, server.client() as raw:
        system.place_many([(f"o{number}", f"user{number % 50}", "BTC", ONE, ONE) for number in range(200)])
        listed = system.display_all_live_orders()
        running = begun(system, 5, 6)
        raw.config_set("maxmemory", 1)
        with pytest.raises(errors.StoreFull):
            finish(running)
        assert system.verify() == []
        assert system.cancel("o7") is True
        raw.config_set("maxmemory", 0)
        system.resize(5)
        listed.remove("o7")
        assert system.display_all_live_orders() == listed
        assert system.verify() == []


def test_live_orders_of_a_user_are_read_in_both_homes(open_system, system, model):
    other = open_system()
    running = begun(system, 5, 6)
    orders = LiveOrders(other._store, Query(
        "user0", None, None, 0, None, None
    ))  # fmt: skip
    reading = Stepwise(orders.next_page(), other)
    reading.step()
    while not reading.done:
        running.step()
        reading.step()
    assert [line(order) for order in reading.result] == model.display(lambda order: order.user_id == "user0")
