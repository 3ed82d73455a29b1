"""What a record may hold: metadata, and fields that this release does not know."""

import json
from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType

import pytest

from cryptoorders_redis import NewOrder, errors
from tests.support.consistency import contents, orders_of
from tests.support.nasty import NASTY_IDS


def orders_key(raw, store):
    """The one hash of records that there is."""
    (key,) = raw.scan_iter(match=f"{{{store.namespace}:*:orders")
    return key


LEGAL = [
    pytest.param({"side": "buy", "n": 3, "ratio": 0.1, "post_only": True, "note": None}, id="each-type"),
    pytest.param({}, id="empty"),
    pytest.param({"": ""}, id="empty-texts"),
    pytest.param(dict(zip(NASTY_IDS[:8], NASTY_IDS[:8], strict=True)), id="nasty"),
    pytest.param({"big": 10**200, "small": -(10**30), "float": 1e-300}, id="numbers"),
    pytest.param({"a": "x" * 2040}, id="longest"),
    pytest.param({"a": "é" * 1020}, id="longest-of-two-bytes"),
]


@pytest.mark.parametrize("metadata", LEGAL)
def test_metadata_comes_back_as_it_was_given(system, metadata):
    assert system.place("o", "alice", "BTC", 1, 1, metadata=metadata) is True
    order = system.get("o")
    assert order.metadata == metadata
    assert list(order.metadata) == list(metadata)
    assert list(map(type, order.metadata.values())) == list(map(type, metadata.values()))
    assert json.loads(json.dumps(order.to_dict()))["metadata"] == metadata
    assert next(iter(system.live_orders())) == order
    assert system.summary().newest == (order,)
    assert hash(order) == hash(system.get("o"))


def test_metadata_of_any_mapping_and_any_kind_of_text_is_kept(system):
    class Side(StrEnum):
        BUY = "buy"

    class Level(IntEnum):
        LOW = 1

    given = MappingProxyType({"side": Side.BUY, "level": Level.LOW})
    system.place("o", "alice", "BTC", 1, 1, metadata=given)
    assert system.get("o").metadata == {"side": "buy", "level": 1}


def test_metadata_goes_with_every_way_of_placing(system):
    kept = {"tag": "x"}
    assert system.user("alice").place("o1", "BTC", 1, 1, metadata=kept)
    new = NewOrder("o2", "alice", "BTC", 1, 1, kept)
    assert (
        system.place_many([new, ("o3", "alice", "BTC", 1, 1, kept), ("o4", "alice", "BTC", 1, 1)])
        == [True] * 3
    )
    assert system.user("alice").place_many([("o5", "BTC", 1, 1, kept), ("o6", "BTC", 1, 1)]) == [True] * 2
    assert [order.metadata for order in system.live_orders()] == [kept, kept, kept, None, kept, None]


def test_a_record_without_metadata_is_as_short_as_before(system, raw, store):
    system.place("o", "alice", "BTC", 1, 1)
    system.place("p", "alice", "BTC", 1, 1, metadata=None)
    records = [
        value for key in raw.scan_iter(match=f"{{{store.namespace}:*:orders") for value in raw.hvals(key)
    ]
    assert set(records) == {b'{"user_id":"alice","currency":"BTC","amount":"1","price":"1"}'}


ILLEGAL = [
    pytest.param([("a", 1)], TypeError, "metadata must be a mapping, not list", id="list"),
    pytest.param("text", TypeError, "metadata must be a mapping, not str", id="text"),
    pytest.param({1: "a"}, TypeError, "a name in metadata must be a str, not int", id="name"),
    pytest.param({"a": {"b": 1}}, TypeError, r"metadata\['a'\] must be a str, int.* not dict", id="nested"),
    pytest.param({"a": [1]}, TypeError, "not list", id="list-inside"),
    pytest.param({"a": b"b"}, TypeError, "not bytes", id="bytes"),
    pytest.param({"a": float("nan")}, ValueError, r"metadata\['a'\] must be finite, not nan", id="nan"),
    pytest.param({"a": float("-inf")}, ValueError, "must be finite", id="infinity"),
    pytest.param({"a": "\ud800"}, ValueError, "cannot be written as UTF-8", id="surrogate"),
    pytest.param({"a": "x" * 2041}, ValueError, "at most 2048 bytes as JSON, not 2049", id="too-long"),
    pytest.param({"a": "é" * 1021}, ValueError, "at most 2048 bytes as JSON, not 2050", id="too-many-bytes"),
    pytest.param({"a": 10**5000}, ValueError, "too many digits", id="a-number-too-long"),
]


@pytest.mark.parametrize(("metadata", "error", "message"), ILLEGAL)
def test_metadata_that_is_not_legal_is_refused(system, sends_nothing, metadata, error, message):
    with sends_nothing():
        with pytest.raises(error, match=message):
            system.place("o", "alice", "BTC", 1, 1, metadata=metadata)
        with pytest.raises(ValueError, match=rf"orders\[1\]: .*{message}"):
            system.place_many([("o", "u", "c", 1, 1), ("p", "u", "c", 1, 1, metadata)])


LATER = {"valid_until": 17, "amounts": {"amount": "9", "price": "9"}, "list": [1, {"price": "9"}], "z": None}
AS_OTHERS_WRITE = [
    pytest.param(lambda record: record | LATER, {"separators": (",", ":")}, id="fields-behind"),
    pytest.param(lambda record: LATER | record, {"separators": (",", ":")}, id="fields-before"),
    pytest.param(lambda record: record | LATER, {}, id="with-spaces"),
    pytest.param(lambda record: record, {"indent": 1}, id="over-lines"),
    pytest.param(lambda record: dict(reversed(record.items())), {}, id="in-another-order"),
    pytest.param(lambda record: record | {"user_id": 'al\u00ec"ce'}, {"ensure_ascii": True}, id="escaped"),
]


@pytest.mark.parametrize(("written", "options"), AS_OTHERS_WRITE)
def test_fields_of_a_later_release_survive_every_change(system, raw, store, written, options):
    user = 'al\u00ec"ce'
    system.place("o", user, "BTC", "5.0", 7, metadata={"amount": "3"})
    key = orders_key(raw, store)
    record = written(json.loads(raw.hget(key, "o")))
    raw.hset(key, "o", json.dumps(record, **options))
    before = json.loads(raw.hget(key, "o"))
    for amend in ({"amount": 6}, {"price": "8.00"}, {"amount": 4, "expected_amount": "6"}):
        assert system.amend("o", **amend) is True
    assert system.reduce("o", 1) == 3
    after = json.loads(raw.hget(key, "o"))
    assert after == before | {"amount": "3", "price": "8.00"}
    assert list(after) == list(before)
    assert system.pause("o")
    assert system.resume("o")
    assert system.verify() == []
    assert system.cancel("o") is True
    assert orders_of(raw, store.namespace) == {}


def test_a_nested_amount_of_a_later_release_is_not_the_orders(system, raw, store):
    system.place("o", "alice", "BTC", "5", "7")
    key = orders_key(raw, store)
    record = {"later": {"amount": "5", "price": "7"}} | json.loads(raw.hget(key, "o"))
    raw.hset(key, "o", json.dumps(record))
    assert system.amend("o", price=8) is True
    assert system.reduce("o", 1) == 4
    assert json.loads(raw.hget(key, "o")) == record | {"amount": "4", "price": "8"}


UNREADABLE = [
    pytest.param("{", "not JSON", id="cut"),
    pytest.param("[1]", "not a JSON object", id="list"),
    pytest.param("[" * 2000, "not JSON", id="deep"),
    pytest.param(
        '\xef\xbb\xbf{"user_id":"alice","currency":"BTC","amount":"1","price":"1"}', "not JSON", id="bom"
    ),
    pytest.param(
        '{"user_id":"\\ud800","currency":"BTC","amount":"1","price":"1"}', "'user_id'", id="surrogate"
    ),
    pytest.param('{"user_id":"alice","currency":"BTC","amount":"0.0","price":"1"}', "'amount'", id="zero"),
    pytest.param("\xff", "not JSON", id="bytes"),
    pytest.param('{"user_id":"alice","currency":"BTC","amount":1,"price":"1"}', "'amount'", id="number"),
    pytest.param(
        '{"user_id":"alice","currency":"BTC","amount":"1e5","price":"1"}', "'amount'", id="exponent"
    ),
    pytest.param('{"user_id":"alice","currency":"BTC","amount":"1"}', "'price'", id="no-price"),
    pytest.param('{"user_id":"alice","currency":"BTC","amount":"1","price":"-1"}', "'price'", id="minus"),
    pytest.param('{"user_id":"alice","currency":null,"amount":"1","price":"1"}', "'currency'", id="null"),
    pytest.param(
        '{"user_id":"alice","currency":"BTC","amount":"1","price":"1","metadata":3}',
        "'metadata'",
        id="metadata",
    ),
]


@pytest.mark.parametrize(("record", "problem"), UNREADABLE)
def test_a_record_that_cannot_be_read_is_named_by_verify(system, raw, store, record, problem):
    system.place("o", "alice", "BTC", 1, 1)
    key = orders_key(raw, store)
    good = raw.hget(key, "o")
    raw.hset(key, "o", record.encode("latin-1"))
    (found,) = system.verify()
    assert found.subject == "o"
    assert problem in found.problem
    raw.hset(key, "o", good)


NESTED = [
    '{"user_id":"u","currency":"B","m":{"a":"1","amount":"5","price":"6"},"amount":"1","price":"1"}',
    '{"user_id":"u","m":{"currency":"B","amount":"1","price":"1"},"currency":"B","amount":"1","price":"1"}',
]


@pytest.mark.parametrize("record", NESTED)
def test_numbers_of_a_field_between_ours_are_left_alone(system, raw, store, record):
    system.place("o", "u", "B", 1, 1)
    key = orders_key(raw, store)
    raw.hset(key, "o", record)
    assert system.reduce("o", "0.5") == Decimal("0.5")
    assert system.amend("o", price=7) is True
    assert json.loads(raw.hget(key, "o")) == json.loads(record) | {"amount": "0.5", "price": "7"}


def test_another_users_unreadable_order_stops_no_batch(system, raw, store):
    system.place("theirs", "bob", "BTC", 1, 1)
    key = orders_key(raw, store)
    record = raw.hget(key, "theirs")
    raw.hset(key, "theirs", "[1]")
    alice = system.user("alice")
    alice.place_many([(order_id, "BTC", 1, 1) for order_id in ("a", "b")])
    assert alice.cancel_many(["a", "theirs", "b", "a"]) == [True, False, True, False]
    raw.hset(key, "theirs", record)
    assert system.user("bob").cancel_many(["theirs", "a"]) == [True, False]


def test_an_order_without_a_record_is_none(system, raw, store):
    system.place("o", "alice", "BTC", 1, 1)
    key = orders_key(raw, store)
    record = raw.hget(key, "o")
    raw.hdel(key, "o")
    for api in (system, system.user("alice")):
        assert api.amend("o", amount=2) is False
        assert api.reduce("o", 1) is None
    raw.hset(key, "o", record)


def test_metadata_is_read_once_and_given_as_a_copy(system):
    class Changing(Mapping):
        """Gives something else each time."""

        readings = 0

        def __getitem__(self, _):
            self.readings += 1
            return 1 if self.readings == 1 else [1]

        def __iter__(self):
            return iter(["a"])

        def __len__(self):
            return 1

    system.place("o", "alice", "BTC", 1, 1, metadata=Changing())
    order = system.get("o")
    assert order.metadata == {"a": 1}
    order.to_dict()["metadata"]["a"] = 2
    assert order.metadata == {"a": 1}


def test_an_order_that_cannot_be_read_is_not_changed(system, raw, store):
    """Nor is anything else of its stream in a batch: the script is stopped before it writes."""
    system.place_many([("good", "alice", "BTC", 1, 1), ("o", "alice", "BTC", 1, 1)])
    key = orders_key(raw, store)
    record = raw.hget(key, "o")
    raw.hset(key, "o", "[1]")
    before = contents(raw, store.namespace)
    for change in (
        lambda: system.amend("o", amount=2),
        lambda: system.reduce("o", 1),
        lambda: system.cancel("o"),
        lambda: system.get("o"),
    ):
        with pytest.raises(errors.InconsistentData):
            change()
    with pytest.raises(errors.BulkInterrupted) as stopped:
        system.cancel_many(["good", "o"])
    assert isinstance(stopped.value.__cause__, errors.InconsistentData)
    unknown, not_done = stopped.value.unknown, stopped.value.not_done
    is_unknown = store.differences.batches_are_unknown_as_a_whole
    assert (list(unknown), list(not_done)) == (([0, 1], []) if is_unknown else ([], [0, 1]))
    assert contents(raw, store.namespace) == before
    raw.hset(key, "o", record)
