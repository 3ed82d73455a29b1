"""The number of streams can be changed on one server, and on a cluster that is refused."""

import pytest

from cryptoorders_redis import errors
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.model import as_modelled
from tests.support.nasty import NASTY_IDS


@pytest.fixture
def system(store):
    """A system of three streams. On a cluster it refuses to have more, and goes on."""
    system = store.open_system(3)
    if store.differences.num_streams_is_fixed:
        with pytest.raises(errors.NotOnCluster, match="many streams"):
            system.resize(5)
        assert len(system.stats().streams) == 3
    return system


@pytest.fixture
def numbers(store):
    """The numbers of streams to go through: on a cluster the one that it has."""
    return [3] if store.differences.num_streams_is_fixed else [5, 2, 16, 1, 3]


def test_everything_of_an_order_is_there_after_each_resize(store, system, numbers):
    for number, order_id in enumerate(NASTY_IDS):
        new = (order_id, NASTY_IDS[-1 - number], "BTC", "1.50", "2")
        assert system.place(*new, metadata={"number": number}) is True
        if number % 3 == 0:
            assert system.pause(order_id)
    before = list(system.live_orders())
    for num_streams in numbers:
        if not store.differences.num_streams_is_fixed:
            system.resize(num_streams)
        other = store.open_system(num_streams)
        for each in (system, other):
            assert list(each.live_orders()) == before
            assert [each.get(order.order_id) for order in before] == before
            assert each.verify() == []
        streams = system.stats().streams
        assert len(streams) == num_streams
        for user in NASTY_IDS[:5]:
            assert streams[stream_of_user(user, num_streams)].live > 0


def test_numbers_that_are_not_legal_are_refused(system, sends_nothing):
    with sends_nothing():
        for illegal in (0, -1, 16_385):
            with pytest.raises(ValueError, match="num_streams must be 1 to 16384"):
                system.resize(illegal)
        for illegal in (2.0, "3", None, True):
            with pytest.raises(TypeError, match="num_streams must be an int"):
                system.resize(illegal)


def test_a_namespace_that_is_gone_cannot_be_resized(store, system):
    if store.differences.num_streams_is_fixed:
        return
    system.drop()
    with pytest.raises(errors.NoSuchNamespace):
        system.resize(5)


@pytest.mark.parametrize("placement", ["modulo", "jump"])
def test_users_are_where_the_placement_says(store, placement):
    system = store.open_system(7, placement=placement)
    users = [f"user{number}" for number in range(40)]
    assert all(system.place_many((f"o-{user}", user, "BTC", 1, 1) for user in users))
    wanted = [0] * 7
    for user in users:
        wanted[stream_of_user(user, 7, placement)] += 1
    assert [stream.live for stream in system.stats().streams] == wanted
    assert store.open_system(7).count(user_id="user7") == 1
    other = {"modulo": "jump", "jump": "modulo"}[placement]
    with pytest.raises(errors.ConfigurationMismatch, match=f"placement='{placement}', not '{other}'"):
        store.open_system(placement=other)


def test_a_placement_that_is_none_is_refused(store):
    with pytest.raises(ValueError, match="placement must be one of modulo, jump, not 'ring'"):
        store.open_system(3, placement="ring")


def test_an_order_keeps_its_amount_while_it_moves(store, system):
    assert system.place("o", "user0", "BTC", "1.5", 1)
    if not store.differences.num_streams_is_fixed:
        system.resize(5)
    assert system.reduce("o", "0.5") == 1
    found = as_modelled(system.get("o"))
    assert found is not None
    assert str(found.amount) == "1.0"
