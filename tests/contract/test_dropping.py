"""Looking never creates a namespace; drop() removes one."""

import pytest

from cryptoorders_redis import errors
from tests.support.consistency import contents, keys_after_drop, keys_of

LOOKS = [
    pytest.param(lambda system: system.display_all_live_orders(), [], id="display"),
    pytest.param(lambda system: system.get("o"), None, id="get"),
    pytest.param(lambda system: list(system.live_orders()), [], id="live"),
    pytest.param(lambda system: list(system.live_orders(user_id="alice")), [], id="live-by-user"),
    pytest.param(lambda system: system.count(), 0, id="count"),
    pytest.param(lambda system: system.stats().live, 0, id="stats"),
    pytest.param(lambda system: system.summary().live, 0, id="summary"),
    pytest.param(lambda system: system.verify(), [], id="verify"),
]


def open_to_look(store, api, num_streams=None):
    return api.open_system(num_streams, namespace=store.namespace, create=False, **store.reached_by)


@pytest.mark.parametrize("num_streams", [None, 3])
def test_a_missing_namespace_is_not_created_to_look(store, api, num_streams):
    with pytest.raises(errors.NoSuchNamespace, match=f"no namespace '{store.namespace}' in this store"):
        open_to_look(store, api, num_streams)
    assert keys_of(store.raw, store.namespace) == []


def test_who_only_looks_joins_what_is_there(store, api, system):
    system.place("o", "alice", "BTC", 1, 1)
    looking = open_to_look(store, api)
    assert looking.display_all_live_orders() == ["o"]
    assert looking.cancel("o") is True
    looking.close()
    with pytest.raises(errors.ConfigurationMismatch, match="leave num_streams out"):
        open_to_look(store, api, 4)


@pytest.mark.parametrize(("look", "answer"), LOOKS)
def test_looking_at_a_dropped_namespace_creates_nothing(store, api, open_system, system, look, answer):
    system.place("o", "alice", "BTC", 1, 1)
    looking = open_to_look(store, api)
    open_system().drop()
    assert look(system) == answer, "who may create it sees it as empty"
    if look is not LOOKS[1].values[0]:
        with pytest.raises(errors.NoSuchNamespace):
            look(looking)
    assert keys_after_drop(store.raw, store.namespace) == []
    looking.close()


FIND_AGAIN = [
    pytest.param(lambda old: old.get("o") is not None, True, id="get"),
    pytest.param(lambda old: old.place("o", "another", "BTC", 1, 1), False, id="place"),
    pytest.param(lambda old: old.place_many([("o", "another", "BTC", 1, 1)]), [False], id="place-many"),
    pytest.param(lambda old: old.pause("o"), True, id="pause"),
    pytest.param(lambda old: old.amend("o", amount=2), True, id="amend"),
    pytest.param(lambda old: old.cancel_many(["none", "o"]), [False, True], id="cancel-many"),
]


@pytest.mark.parametrize(("find", "answer"), FIND_AGAIN)
def test_an_id_is_found_in_streams_that_came_after_a_drop(open_system, find, answer):
    """Not taken for free by a client that knows only the streams from before."""
    old = open_system(1)
    open_system().drop()
    with open_system(16) as again:
        assert again.place("o", "alice", "BTC", 1, 1)
        assert find(old) == answer
        assert again.display_all_live_orders() in (["o"], ["o(paused)"], [])


def test_drop_removes_every_key_of_the_namespace_and_no_other(open_system, store):
    system = open_system(3)
    other = open_system(2, namespace=store.namespace + "2")
    other.place("o", "alice", "BTC", 1, 1)
    before = contents(store.raw, store.namespace + "2")
    for number in range(1200):
        system.place(f"o{number}", f"user{number}", "BTC", 1, 1)
    system.drop()
    assert keys_after_drop(store.raw, store.namespace) == []
    assert contents(store.raw, store.namespace + "2") == before
    with pytest.raises(errors.NoSuchNamespace):
        system.drop()


def test_a_dropped_namespace_is_created_again_by_a_place(open_system, store):
    system = open_system(3)
    system.place("o", "alice", "BTC", 1, 1)
    open_system().drop()
    assert system.pause("o") is False
    assert system.place("o", "alice", "BTC", 1, 1) is True
    assert open_system(3).display_all_live_orders() == ["o"]


def test_a_namespace_that_is_half_dropped_takes_nothing(open_system, store):
    system = open_system(3)
    system.place("o", "alice", "BTC", 1, 1)
    config = f"{{{store.namespace}}}:config"
    store.raw.hset(config, "dropping", "1")
    store.raw.hincrby(config, "epoch", 1)
    opened = open_system(3)
    for call in (lambda: opened.place("new", "alice", "BTC", 1, 1), system.count, opened.count):
        with pytest.raises(errors.NoSuchNamespace, match="is being dropped"):
            call()
    opened.drop()
    assert keys_after_drop(store.raw, store.namespace) == []


def test_verify_and_the_start_name_an_evicting_server(own_server, api, namespace, caplog):
    server = own_server("--maxmemory-policy", "volatile-lru")
    with api.open_system(2, url=server.url, namespace=namespace) as system:
        assert "maxmemory-policy volatile-lru" in caplog.text
        (found,) = system.verify()
        assert (found.subject, found.stream) == ("maxmemory-policy", None)
        assert "noeviction" in found.problem
        with server.client() as raw:
            raw.config_set("maxmemory-policy", "noeviction")
        assert system.verify() == []
