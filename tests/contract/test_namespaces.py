"""Creating and joining a namespace, and closing a system."""

import pytest

from cryptoorders_redis import errors
from tests.support.consistency import change_settings, contents, delete_all, keys_of


def test_joining_with_another_num_streams_is_refused_with_both(open_system, store):
    open_system(3)
    before = contents(store.raw, store.namespace)
    for other in (1, 2, 4):
        with pytest.raises(errors.ConfigurationMismatch, match=f"num_streams=3, not {other}"):
            open_system(other)
    assert contents(store.raw, store.namespace) == before


def test_a_system_that_names_no_number_adopts_the_namespaces(open_system):
    first = open_system(5)
    for number in range(20):
        first.place(f"o{number}", f"user{number}", "BTC", 1, 1)
    joined = open_system()
    assert joined.display_all_live_orders() == first.display_all_live_orders()
    assert joined.cancel_all_by_user("user7") == 1
    assert first.count() == 19
    assert open_system(5).count() == 19


def test_a_new_namespace_has_one_stream_where_no_number_is_named(open_system):
    open_system()
    assert open_system(1).count() == 0
    with pytest.raises(errors.ConfigurationMismatch, match="num_streams=1, not 2"):
        open_system(2)


def test_opening_creates_the_config_and_nothing_else(open_system, store, raw):
    open_system(3)
    config = f"{{{store.namespace}}}:config"
    assert list(contents(raw, store.namespace)) == [config.encode()]
    fields = raw.hgetall(config)
    assert len(fields.pop(b"epoch")) == 16
    assert fields == {
        b"schema_version": b"1",
        b"num_streams": b"3",
        b"directory_shards": b"%d" % store.names.directory_shards,
        b"placement": b"modulo",
    }


UNKNOWN_SCHEMAS = [
    pytest.param({"schema_version": "2"}, "schema version b?'?2", id="newer"),
    pytest.param({"schema_version": "0"}, "schema version", id="older"),
    pytest.param({"schema_version": "one"}, "schema version", id="not-a-number"),
    pytest.param({"num_streams": "0"}, "schema version", id="no-streams"),
    pytest.param({"num_streams": "03"}, "schema version", id="streams-with-a-zero-before"),
    pytest.param({"num_streams": "many"}, "schema version", id="streams-not-a-number"),
]


@pytest.mark.parametrize(("fields", "message"), UNKNOWN_SCHEMAS)
def test_an_unknown_schema_version_is_refused_and_left_alone(open_system, store, fields, message):
    open_system(3)
    config = f"{{{store.namespace}}}:config"
    store.raw.hset(config, mapping=fields)
    before = contents(store.raw, store.namespace)
    for num_streams in (3, None):
        with pytest.raises(errors.SchemaVersionMismatch, match=message):
            open_system(num_streams)
    assert contents(store.raw, store.namespace) == before
    store.raw.delete(config)


def test_a_config_of_unknown_fields_is_refused_and_left_alone(open_system, store):
    config = f"{{{store.namespace}}}:config"
    store.raw.hset(config, "of-another", 1)
    with pytest.raises(errors.NoSuchNamespace):
        open_system()
    assert list(contents(store.raw, store.namespace)) == [config.encode()]
    store.raw.delete(config)


def test_a_config_without_a_version_is_refused(open_system, store):
    config = f"{{{store.namespace}}}:config"
    change_settings(store.raw, store.namespace, 1)
    with pytest.raises(errors.SchemaVersionMismatch):
        open_system()
    store.raw.delete(config)


def test_another_number_of_directory_shards_is_refused(open_system, store):
    open_system(3)
    store.raw.hset(f"{{{store.namespace}}}:config", "directory_shards", 64)
    for num_streams in (3, None):
        with pytest.raises(errors.ConfigurationMismatch, match="directory_shards=64"):
            open_system(num_streams)


NAMESPACES = ["a", "A.b_c-9", "0", "-", ".", "x" * 100]
BAD_NAMESPACES = ["a b", "a:b", "{a}", "a{", "é", "a\n", "\n", "a/b", "x" * 101, "٣"]


@pytest.mark.parametrize("name", NAMESPACES)
def test_a_namespace_has_only_letters_digits_and_some_signs(open_system, store, name):
    delete_all(store.raw, name)
    system = open_system(2, namespace=name)
    assert system.place("o", "alice", "BTC", 1, 1)
    assert system.cancel_all_by_user("alice") == 1
    delete_all(store.raw, name)


@pytest.mark.parametrize("name", BAD_NAMESPACES)
def test_any_other_namespace_is_refused(open_system, name):
    with pytest.raises(ValueError, match="namespace must be"):
        open_system(1, namespace=name)


def test_a_namespace_that_is_empty_or_no_text_is_refused(api, store):
    with pytest.raises(ValueError, match="namespace must be"):
        api.open_system(1, namespace="", **store.reached_by)
    for name in (7, None, b"desk"):
        with pytest.raises(TypeError, match="namespace must be a str"):
            api.open_system(1, namespace=name, **store.reached_by)


BAD_NUMBERS = [
    pytest.param(0, ValueError, id="zero"),
    pytest.param(-1, ValueError, id="negative"),
    pytest.param(16385, ValueError, id="too-many"),
    pytest.param(True, TypeError, id="bool"),
    pytest.param(2.0, TypeError, id="float"),
    pytest.param("2", TypeError, id="str"),
]


@pytest.mark.parametrize(("num_streams", "error"), BAD_NUMBERS)
def test_a_number_of_streams_is_an_int_from_1_to_16384(open_system, store, num_streams, error):
    with pytest.raises(error, match="num_streams must be"):
        open_system(num_streams)
    assert keys_of(store.raw, store.namespace) == []


def test_the_largest_number_of_streams_works(open_system):
    system = open_system(16384)
    assert system.place("o", "alice", "BTC", 1, 1)
    assert system.cancel_all_by_user("alice") == 1


def test_namespaces_do_not_see_each_other(open_system, store):
    names = [store.namespace, store.namespace + "0", store.namespace[:-1], store.namespace + ".x"]
    systems = [open_system(number, namespace=name) for number, name in enumerate(names, 1)]
    for number, system in enumerate(systems):
        assert system.place("o", "alice", "BTC", number + 1, 1)
        assert system.place(f"own{number}", "alice", "BTC", 1, 1)
    assert systems[1].pause("o")
    assert systems[2].cancel_all_by_user("alice") == 2
    assert [system.display_all_live_orders() for system in systems] == [
        ["o", "own0"],
        ["o(paused)", "own1"],
        [],
        ["o", "own3"],
    ]
    assert [system.count() for system in systems] == [2, 2, 0, 2]


CALLS = [
    pytest.param(lambda system: system.place("o", "alice", "BTC", 1, 1), id="place"),
    pytest.param(lambda system: system.pause("o"), id="pause"),
    pytest.param(lambda system: system.resume("o"), id="resume"),
    pytest.param(lambda system: system.cancel("o"), id="cancel"),
    pytest.param(lambda system: system.cancel_all_by_user("alice"), id="cancel-all"),
    pytest.param(lambda system: system.display_all_live_orders(), id="display"),
    pytest.param(lambda system: system.get("o"), id="get"),
    pytest.param(lambda system: list(system.live_orders()), id="live"),
    pytest.param(lambda system: system.count(), id="count"),
    pytest.param(lambda system: system.stats(), id="stats"),
    pytest.param(lambda system: system.summary(), id="summary"),
    pytest.param(lambda system: system.metrics(), id="metrics"),
    pytest.param(lambda system: system.user("alice").cancel_all(), id="user"),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_system_says_so(open_system, call):
    system, other = open_system(2), open_system(2)
    system.place("o", "alice", "BTC", 1, 1)
    system.close()
    system.close()
    with pytest.raises(errors.StoreClosed):
        call(system)
    assert other.display_all_live_orders() == ["o"]


def test_a_with_block_closes_the_system(open_system):
    with open_system(2) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
    with pytest.raises(errors.StoreClosed):
        system.count()
    assert open_system(2).count() == 1


def test_every_error_is_a_crypto_orders_error():
    for name in (
        "ConfigurationMismatch", "SchemaVersionMismatch", "StoreUnavailable", "OutcomeUnknown", "StoreFull",
        "StoreReadOnly", "AccessDenied", "StoreClosed", "ServerError",
    ):  # fmt: skip
        assert issubclass(getattr(errors, name), errors.CryptoOrdersError)
    assert issubclass(errors.OutcomeUnknown, ConnectionError)
    assert issubclass(errors.StoreUnavailable, ConnectionError)


def test_a_config_without_an_epoch_is_named(open_system, store):
    """It is no empty namespace, also to a client that was open before."""
    system = open_system(1)
    system.place("o", "alice", "BTC", 1, 1)
    config = store.names.config
    epoch = store.raw.hget(config, "epoch")
    store.raw.hdel(config, "epoch")
    calls = [system.count, system.display_all_live_orders, lambda: open_system(1)]
    if not store.differences.changes_ask_the_stream:
        calls.append(lambda: system.pause("o"))
    for call in calls:
        with pytest.raises(errors.SchemaVersionMismatch, match="has no epoch"):
            call()
    store.raw.hset(config, "epoch", int(epoch) + 7)
    assert system.count() == 1
