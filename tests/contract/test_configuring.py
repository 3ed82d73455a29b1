"""Settings of a namespace are changed for all clients at once."""

import pytest

from cryptoorders_redis import errors

ILLEGAL = [
    pytest.param(-1, ValueError, id="negative"),
    pytest.param(True, TypeError, id="bool"),
    pytest.param("100", TypeError, id="text"),
]


def test_a_setting_is_kept_in_the_config_with_a_new_epoch(system, store, raw):
    before = raw.hgetall(store.names.config)
    system.configure(feed=100)
    switched_on = raw.hgetall(store.names.config)
    assert switched_on[b"feed"] == b"100"
    assert switched_on[b"epoch"] > before[b"epoch"]
    system.configure(feed=0)
    switched_off = raw.hgetall(store.names.config)
    assert switched_off[b"epoch"] > switched_on[b"epoch"]
    assert switched_off.keys() == before.keys()


def test_a_setting_that_is_so_already_keeps_the_epoch(system, store, raw):
    system.configure(feed=100)
    before = raw.hgetall(store.names.config)
    system.configure(feed=100)
    system.configure()
    assert raw.hgetall(store.names.config) == before


def test_all_clients_learn_a_setting_by_themselves(system, open_system):
    other = open_system()
    assert other.place("order1", "alice", "BTC", 1, 1)
    system.configure(feed=100)
    assert other.pause("order1")
    assert other.place_many([("order2", "bob", "BTC", 1, 1)]) == [True]
    assert other.display_all_live_orders() == ["order1(paused)", "order2"]


@pytest.mark.parametrize(("feed", "error"), ILLEGAL)
def test_an_illegal_setting_sends_nothing(system, sends_nothing, feed, error):
    with sends_nothing(), pytest.raises(error, match="feed"):
        system.configure(feed=feed)


def test_a_namespace_that_is_gone_cannot_be_configured(system):
    system.drop()
    with pytest.raises(errors.NoSuchNamespace):
        system.configure(feed=100)
