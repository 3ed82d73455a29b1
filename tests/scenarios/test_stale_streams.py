"""A client whose num_streams is out of date learns the new one, and never splits a user over two streams."""

import itertools

import pytest

from cryptoorders_redis import NewOrder, OrderStatus, errors
from cryptoorders_redis.operations import Call
from cryptoorders_redis.operations.bulk import place_many
from cryptoorders_redis.operations.metrics import metrics
from cryptoorders_redis.operations.standalone import Standalone
from cryptoorders_redis.operations.stats import stats
from cryptoorders_redis.operations.summary import summary
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import assert_consistent, change_settings, delete_all, keys_of
from tests.support.model import line
from tests.support.stepwise import Stepwise, texts_of

USERS = [f"user{number}" for number in range(12)]
RESIZES = [
    pytest.param((3, 7), id="3-to-7"),
    pytest.param((7, 2), id="7-to-2"),
    pytest.param((1, 16), id="1-to-16"),
]


def resize(raw, namespace, num_streams):
    """Move every order to its user's stream among num_streams, at one moment, as a resize would."""
    name = f"{{{namespace}"
    config = f"{name}}}:config"
    directory = f"{name}:directory:0}}"
    sets = [key for key in keys_of(raw, namespace) if b"}:user:" in key]
    with raw.pipeline(transaction=True) as pipe:
        for key in sets:
            old, user = key.decode().removeprefix(name + ":").split("}:user:", 1)
            new = stream_of_user(user, num_streams)
            if int(old) == new:
                continue
            for order_id in raw.smembers(key):
                record = raw.hget(f"{name}:{old}}}:orders", order_id)
                pipe.hdel(f"{name}:{old}}}:orders", order_id)
                pipe.hset(f"{name}:{new}}}:orders", order_id, record)
                pipe.zadd(
                    f"{name}:{new}}}:placed", {order_id: raw.zscore(f"{name}:{old}}}:placed", order_id)}
                )
                pipe.zrem(f"{name}:{old}}}:placed", order_id)
                pipe.smove(f"{name}:{old}}}:paused", f"{name}:{new}}}:paused", order_id)
                pipe.hset(directory, order_id, new)
            pipe.rename(key, f"{name}:{new}}}:user:{user}")
        pipe.hset(config, "num_streams", num_streams)
        pipe.hincrby(config, "epoch", 1)
        pipe.execute()
    assert_consistent(raw, namespace)


@pytest.fixture(params=RESIZES)
def resized(request, open_system, raw, namespace):
    """A system that has not heard yet of a resize of the store with its 24 orders, and the new number."""
    before, after = request.param
    system = open_system(before)
    for number in range(24):
        assert system.place(f"o{number}", USERS[number % 12], ("BTC", "ETH")[number % 2], 1, 1)
    for number in range(0, 24, 5):
        assert system.pause(f"o{number}")
    resize(raw, namespace, after)
    assert [stream_of_user(user, before) for user in USERS] != [stream_of_user(user, after) for user in USERS]
    return system, after


LISTING = [f"o{number}(paused)" if number % 5 == 0 else f"o{number}" for number in range(24)]


def test_place_goes_to_the_users_stream_of_now(resized, raw, namespace):
    system, num_streams = resized
    for user in USERS:
        assert system.place(f"new-{user}", user, "BTC", 1, 1) is True
        assert system.place(f"new-{user}", user, "BTC", 1, 1) is False
        assert raw.sismember(
            f"{{{namespace}:{stream_of_user(user, num_streams)}}}:user:{user}", f"new-{user}"
        )
    assert_consistent(raw, namespace)
    assert system.count() == 36


def test_an_id_that_is_live_is_not_placed(resized, raw, namespace):
    system, _ = resized
    assert system.place("o3", "user0", "BTC", 1, 1) is False
    assert system.get("o3").user_id == "user3"
    assert_consistent(raw, namespace)


@pytest.mark.parametrize("user", USERS)
def test_cancel_all_finds_the_users_orders(resized, raw, namespace, user):
    system, _ = resized
    assert system.cancel_all_by_user(user) == 2
    assert system.count() == 22
    assert_consistent(raw, namespace)


READS = [
    pytest.param(lambda system: system.display_all_live_orders(), LISTING, id="display"),
    pytest.param(lambda system: system.count(), 24, id="count"),
    pytest.param(
        lambda system: [system.count(user_id=user) for user in USERS], [2] * 12, id="count-of-users"
    ),
    pytest.param(
        lambda system: [system.count(user_id=user, status="PAUSED") for user in USERS],
        [int(n % 5 == 0) + int((n + 12) % 5 == 0) for n in range(12)],
        id="count-paused-of-users",
    ),
    pytest.param(lambda system: (system.stats().live, system.stats().users), (24, 12), id="stats"),
    pytest.param(
        lambda system: [line(order) for order in system.summary(newest=24).newest[::-1]],
        LISTING,
        id="summary",
    ),
    pytest.param(lambda system: [line(order) for order in system.live_orders()], LISTING, id="live"),
    pytest.param(
        lambda system: [[line(order) for order in system.live_orders(user_id=user)] for user in USERS],
        [[LISTING[number], LISTING[number + 12]] for number in range(12)],
        id="live-by-user",
    ),
    pytest.param(
        lambda system: [line(order) for order in system.live_orders(currency="ETH", status="PAUSED")],
        ["o5(paused)", "o15(paused)"],
        id="live-filtered",
    ),
    pytest.param(
        lambda system: [system.user(user).display_all_live_orders() for user in USERS],
        [[LISTING[number], LISTING[number + 12]] for number in range(12)],
        id="display-by-user",
    ),
    pytest.param(
        lambda system: [system.get(f"o{number}").user_id for number in range(24)], USERS * 2, id="get"
    ),
]


@pytest.mark.parametrize(("read", "expected"), READS)
def test_reading_gives_the_whole_store(resized, read, expected):
    system, _ = resized
    assert read(system) == expected


def test_orders_are_changed_and_cancelled_wherever_they_are(resized, raw, namespace):
    system, _ = resized
    for number, user in enumerate(USERS):
        if number % 5:
            assert system.user(user).pause(f"o{number}") is True
        assert system.resume(f"o{number}") is True
        assert system.user(user).cancel(f"o{number}") is True
        assert_consistent(raw, namespace)
    assert system.display_all_live_orders() == LISTING[12:]


@pytest.mark.parametrize("call", ["place", "cancel_all"])
def test_an_empty_store_of_another_size_is_adopted(open_system, raw, namespace, call):
    system = open_system(3)
    change_settings(raw, namespace, 9)
    if call == "cancel_all":
        assert system.cancel_all_by_user("user1") == 0
    for user in USERS:
        assert system.place(user, user, "BTC", 1, 1)
    assert_consistent(raw, namespace)
    with pytest.raises(errors.ConfigurationMismatch, match="num_streams=9, not 3"):
        open_system(3)
    assert open_system(9).count() == 12


@pytest.mark.parametrize("filters", [{}, {"user_id": "whale"}], ids=["all", "of-one-user"])
@pytest.mark.parametrize("numbers", RESIZES)
def test_a_resize_during_live_orders_loses_and_repeats_none(open_system, raw, namespace, numbers, filters):
    before, after = numbers
    system = open_system(before)
    for number in range(2200):
        system.place(f"o{number}", "whale" if filters or number % 2 else USERS[number % 12], "BTC", 1, 1)
    orders = system.live_orders(**filters)
    given = list(itertools.islice(orders, 700))
    resize(raw, namespace, after)
    given += orders
    assert [order.order_id for order in given] == [f"o{number}" for number in range(2200)]


CALLS = [
    pytest.param(lambda system: system.place("o", "alice", "BTC", 1, 1), True, id="place"),
    pytest.param(lambda system: system.pause("o"), False, id="pause"),
    pytest.param(lambda system: system.cancel_all_by_user("alice"), 0, id="cancel-all"),
    pytest.param(lambda system: system.display_all_live_orders(), [], id="display"),
    pytest.param(lambda system: list(system.live_orders()), [], id="live"),
    pytest.param(lambda system: list(system.live_orders(user_id="alice")), [], id="live-by-user"),
    pytest.param(lambda system: system.user("alice").display_all_live_orders(), [], id="display-by-user"),
    pytest.param(lambda system: system.count(), 0, id="count"),
    pytest.param(lambda system: system.stats().live, 0, id="stats"),
    pytest.param(lambda system: system.summary().live, 0, id="summary"),
    pytest.param(lambda system: system.metrics().live, 0, id="metrics"),
]


@pytest.mark.parametrize(("call", "expected"), CALLS)
def test_an_emptied_store_is_created_with_the_clients_number(open_system, raw, namespace, call, expected):
    system = open_system(5)
    assert system.place("o", "alice", "BTC", 1, 1)
    delete_all(raw, namespace)
    assert call(system) == expected
    assert system.place("new", "alice", "BTC", 1, 1)
    assert raw.hget(f"{{{namespace}}}:config", "num_streams") == b"5"
    assert_consistent(raw, namespace)


def test_a_store_emptied_while_a_user_is_read_gives_no_more(open_system, raw, namespace):
    system = open_system(2)
    for number in range(1500):
        system.place(f"o{number}", "whale", "BTC", 1, 1)
    orders = system.live_orders(user_id="whale")
    given = list(itertools.islice(orders, 5))
    delete_all(raw, namespace)
    given += orders
    assert [order.order_id for order in given] == [f"o{number}" for number in range(1000)]


def test_a_schema_that_is_too_new_is_found_at_the_next_look(open_system, raw, namespace):
    system = open_system(3)
    raw.hset(f"{{{namespace}}}:config", mapping={"num_streams": 4, "schema_version": 2, "epoch": 4})
    for call in (lambda: system.place("o", "alice", "BTC", 1, 1), system.display_all_live_orders):
        with pytest.raises(errors.SchemaVersionMismatch, match="2"):
            call()


def test_a_summary_is_taken_again_when_streams_change(open_system, raw, namespace):
    system = open_system(3)
    for number in range(24):
        system.place(f"o{number}", USERS[number % 12], "BTC", 1, 1)
    looking = Stepwise(summary(system._store, 24, 0), system)
    looking.step()
    assert looking.about_to_send == ["newest"]
    resize(raw, namespace, 7)
    while not looking.done:
        looking.step()
    assert looking.result.live == looking.result.placed == 24
    assert [order.order_id for order in looking.result.newest] == [f"o{n}" for n in range(23, -1, -1)]


def test_metrics_are_one_round_trip_and_taken_again(open_system, raw, namespace):
    system = open_system(3)
    system.place_many([(f"o{number}", USERS[number % 12], "BTC", 1, 1) for number in range(24)])
    looking = Stepwise(metrics(system._store), system)
    assert looking.about_to_send == ["snapshot"]
    resize(raw, namespace, 7)
    looking.step()
    assert looking.about_to_send == ["read_config"]
    looking.step()
    assert looking.about_to_send == ["snapshot"]
    looking.step()
    assert looking.done
    assert len(looking.result.streams) == 7
    assert looking.result.live == 24


def test_stats_are_taken_again_when_streams_change(open_system, raw, namespace):
    system = open_system(3)
    for number in range(24):
        system.place(f"o{number}", USERS[number % 12], "BTC", 1, 1)
    looking = Stepwise(stats(system._store), system)
    looking.step()
    assert "measure" in looking.about_to_send
    resize(raw, namespace, 7)
    while not looking.done:
        looking.step()
    assert (looking.result.live, looking.result.users, len(looking.result.streams)) == (24, 12, 7)


def test_a_user_who_is_gone_at_the_second_look_is_not_counted(open_system):
    system = open_system(3)
    system.place("stays", "user1", "BTC", 1, 1)
    system.place("goes", "user2", "BTC", 1, 1)
    looking = Stepwise(stats(system._store), system)
    while "measure" not in looking.about_to_send:
        looking.step()
    assert system.cancel("goes")
    while not looking.done:
        looking.step()
    assert (looking.result.users, looking.result.live) == (1, 1)
    assert [user.user_id for user in looking.result.busiest_users] == ["user1"]


def test_an_operation_waits_where_it_is_left(open_system, raw, namespace):
    system = open_system(3)
    placing = Stepwise(system._store.place(NewOrder("o", "alice", "BTC", 1, 1)), system)
    assert placing.about_to_send == ["place"]
    change_settings(raw, namespace, 8)
    placing.step()
    assert placing.about_to_send == ["read_config"]
    assert open_system(8).count() == 0
    placing.step()
    assert placing.about_to_send == ["place"]
    change_settings(raw, namespace, 2)
    placing.step()
    assert placing.about_to_send == ["read_config"]
    placing.step()
    placing.step()
    assert (placing.done, placing.result, placing.about_to_send) == (True, True, [])
    assert raw.hget(f"{{{namespace}:directory:0}}", "o") == b"%d" % stream_of_user("alice", 2)
    assert_consistent(raw, namespace)


def schedules():
    """Every order of the steps of two operations, A and B, with the resize R at any place among them."""
    for length in (2, 4, 6):
        for steps in itertools.product("AB", repeat=length):
            if steps.count("A") == steps.count("B"):
                for place in range(length + 1):
                    yield "".join((*steps[:place], "R", *steps[place:]))


SCHEDULES = sorted(set(schedules()))


@pytest.mark.parametrize("shared_system", [False, True], ids=["two-systems", "one-system"])
def test_no_interleaving_with_a_resize_splits_a_user(open_system, raw, namespace, shared_system):
    """A places an order of the user all of whose orders B cancels; the store is resized between."""
    user = "user1"
    assert stream_of_user(user, 3) != stream_of_user(user, 7)
    for schedule in SCHEDULES:
        delete_all(raw, namespace)
        a = open_system(3)
        b = a if shared_system else open_system(3)
        a.place("old", user, "BTC", 1, 1)
        a.place("other", "user0", "BTC", 1, 1)
        a.pause("old")
        operations = {
            "A": Stepwise(a._store.place(NewOrder("new", user, "BTC", 1, 1)), a),
            "B": Stepwise(b._store.cancel_all_by_user(user), b),
        }
        for turn in schedule + "ABABABAB":
            if turn == "R":
                resize(raw, namespace, 7)
            elif not operations[turn].done:
                operations[turn].step()
                assert_consistent(raw, namespace)
        assert operations["A"].result is True, schedule
        cancelled = operations["B"].result
        assert cancelled in (1, 2), schedule
        left = ["other"] if cancelled == 2 else ["other", "new"]
        assert a.display_all_live_orders() == left, schedule
        assert a.cancel_all_by_user(user) == 2 - cancelled, schedule
        a.close()
        b.close()


def test_stepwise_reads_a_snapshot_that_is_stale(open_system, raw, namespace):
    system = open_system(3)
    system.place("o", "user1", "BTC", 1, 1)
    system.pause("o")
    listing = Stepwise(system._store.display_all_live_orders(), system)
    assert listing.about_to_send == ["snapshot"]
    resize(raw, namespace, 7)
    listing.step()
    assert listing.about_to_send == ["read_config"]
    listing.step()
    listing.step()
    assert listing.result == ["o(paused)"]
    assert system.get("o").status is OrderStatus.PAUSED


class Learning(Standalone):
    """A namespace whose config another thread reads again between any two looks at it."""

    looks = 0

    @property
    def settings(self):  # pyright: ignore[reportIncompatibleVariableOverride]
        self.looks += 1
        return Settings(str(self.looks), self.looks)

    @settings.setter
    def settings(self, _):  # pyright: ignore[reportIncompatibleVariableOverride]
        pass


@pytest.mark.parametrize("user", [f"user{number}" for number in range(8)])
def test_a_stream_is_sent_with_the_settings_it_was_made_from(user):
    node = Learning("ns")
    new = NewOrder("o", user, "BTC", 1, 1)
    for looks in range(1, 30):
        for operation in (node.place(new), place_many(node, [new])):
            node.looks = looks
            (call,) = next(operation.steps())
            assert isinstance(call, Call)
            epoch, _, _, _, stream, *_ = texts_of(call.args)
            assert int(stream) == stream_of_user(user, int(epoch))
        node.looks = looks
        (call,) = next(node.cancel_all_by_user(user).steps())
        assert isinstance(call, Call)
        epoch, _, _, _, _, stream = texts_of(call.args)
        assert int(stream) == stream_of_user(user, int(epoch))
        assert texts_of(call.keys)[-1] == node.keys.user(int(stream), user)
