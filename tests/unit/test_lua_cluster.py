"""What is sent to the scripts on a Redis Cluster is what their headers say, and all of one slot."""

import re

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.cluster import ClusterServers
from tests.support.consistency import Names, change_settings
from tests.support.lua_scripts import (
    CLUSTER_SCRIPTS,
    OF_DEADLINES,
    OF_REPAIR,
    OF_THE_INTAKE,
    ORDER,
    USER,
    assert_named,
    at_full_memory_refuses_transactions,
    copy_an_order,
    damage_and_repair,
    header,
    is_record,
    make_every_call,
    matches,
    named,
    runs_in,
)
from tests.support.recording import record

NAMESPACE = "lua-test"

SHARED = {
    "begin_drop", "begin_sessions", "cancel_all_after", "configure", "create", "drop_keys",
    "finish_copy", "flush", "heartbeat", "inspect", "measure", "mend_due", "mend_event", "mend_feed",
    "mend_field", "mend_order", "mend_sequence", "newest", "page_by_user", "read_config",
    "restore_config", "resubmit", "set_aside", "submit_many",
}  # fmt: skip
"""The scripts that one server runs too: each of them stays in one slot."""


@pytest.fixture(scope="module")
def runs_and_server():
    """Every run of a script by every operation; and whether this server needs `snapshot`."""
    with (
        ClusterServers(num_masters=1) as cluster,
        cluster.client() as raw,
        cluster.node_client(cluster.addresses[0]) as node,
        cluster.client() as client,
    ):
        sent = record(client)
        names = Names(raw, NAMESPACE)
        with CryptoOrderSystem(7, client=client, namespace=NAMESPACE) as system:
            make_every_call(system)
            system.place(ORDER, USER, "BTC", 1, 1)
            damage_and_repair(system, raw, NAMESPACE)
            raw.hset(names.directory_of(ORDER + "2"), ORDER + "2", names.entry_of(stream_of_user(USER, 7)))
            system.place(ORDER + "2", USER, "BTC", 1, 1)
            raw.hincrby(names.config, "epoch", -1)
            system.repair()
            node.config_set("maxmemory", 1)
            system.count()
            refuses_transactions = at_full_memory_refuses_transactions(node)
            node.config_set("maxmemory", 0)
            change_settings(raw, NAMESPACE, 5)
            system.user(USER).cancel_all()
            system.place(ORDER, USER, "BTC", 1, 1)
            system.drop()
            copy_an_order(system)
            system.drop()
    return runs_in(b"".join(sent)), refuses_transactions


@pytest.fixture(scope="module")
def runs(runs_and_server):
    return runs_and_server[0]


def test_every_script_is_run_by_an_operation_and_no_other(runs_and_server):
    runs, refuses_transactions = runs_and_server
    needed = {"snapshot"} if refuses_transactions else set()
    assert {name for name, _, _ in runs} == {*CLUSTER_SCRIPTS, *SHARED, *needed}


OF_NAMESPACE = rf"\{{{NAMESPACE}\}}:"
OF_STREAM = rf"\{{{NAMESPACE}:[0-6]\}}:"
KEY_PATTERNS = {
    "sessions": rf"({OF_NAMESPACE}|{OF_STREAM})sessions:\w+",
    "probe": rf"({OF_NAMESPACE}|{OF_STREAM})(config|sessions:\w+):probe",
    "config": rf"({OF_NAMESPACE}|{OF_STREAM})config",
    "directory": rf"\{{{NAMESPACE}:directory:(25[0-5]|2[0-4]\d|1?\d?\d)\}}",
    "sequence": rf"{OF_STREAM}sequence",
    "orders": rf"{OF_STREAM}orders",
    "placed": rf"{OF_STREAM}placed",
    "paused": rf"{OF_STREAM}paused",
    "user": rf"{OF_STREAM}user:(user|{re.escape(USER)})",
    "fence": rf"{OF_STREAM}fence:[\w-]*",
    "due": rf"{OF_STREAM}due",
    "changes": rf"{OF_STREAM}changes",
    "changed": rf"{OF_STREAM}changed",
}
KEY_PATTERNS |= {kind: rf"{OF_STREAM}{kind}" for kind in ("events", "dead", "letters", "waiting")} | {
    "intake": rf"({OF_NAMESPACE}|{OF_STREAM})intake",
    "queued": rf"{OF_STREAM}events",
    "even_outcomes": rf"{OF_STREAM}outcomes:even",
    "odd_outcomes": rf"{OF_STREAM}outcomes:odd",
    "workers": rf"{OF_NAMESPACE}workers",
    "users": "|".join(KEY_PATTERNS[kind] for kind in ("user", "fence", "due", "changes", "changed")),
}
KEY_PATTERNS |= {
    "key": KEY_PATTERNS["waiting"],
    "aside": rf"{OF_STREAM}aside:(records|\w+:waiting)",
    "hash": KEY_PATTERNS["intake"],
    "home_waiting": KEY_PATTERNS["waiting"],
    "queues": KEY_PATTERNS["waiting"],
}
KEY_PATTERNS["streams"] = "|".join(KEY_PATTERNS[kind] for kind in ("orders", "placed", "paused"))
KEY_PATTERNS["fences"] = "|".join(
    KEY_PATTERNS[kind] for kind in ("fence", "placed", "user", "due", "changes", "changed")
)
ANY_KEY = "|".join(KEY_PATTERNS.values())
KEY_KINDS = {
    kind: matches(pattern)
    for kind, pattern in (KEY_PATTERNS | dict.fromkeys(("declared", "dropped", "measured"), ANY_KEY)).items()
}

ENTRY = r"[0-6]( [\w-]+)?"
ONE_OF_THE_ORDERS = rf"{re.escape(ORDER)}2?"

ARGUMENT_KINDS = {
    "session": matches(r"\d{16}\.\d+"),
    "request_number": str.isdigit,
    "seconds": matches("3600|0"),
    "epoch": matches(r"\d{16}"),
    "feed": {"", "50"}.__contains__,
    **OF_DEADLINES,
    "fields": {
        "feed",
        "50",
        "intake_window",
        "5000000",
        "none",
        "timed",
        "1",
        "",
        "most_streams",
        "x",
    }.__contains__,
    **OF_THE_INTAKE,
    "num_users": "1".__eq__,
    **OF_REPAIR,
    "directory": "".__eq__,
    "seen": lambda text: matches(r"e\d|n|[\w-]+|")(text) or is_record(text),
    "namespace": {"", NAMESPACE}.__contains__,
    "schema_version": "1".__eq__,
    "num_streams": matches("[75]"),
    "directory_shards": "256".__eq__,
    "placement": "modulo".__eq__,
    "dropping": matches("[a-z]{16}"),
    "copying": matches("([a-z]{16})?"),
    "copied": lambda text: text in {ORDER, USER, "17", "1", ""} or is_record(text),
    "last_number": "17".__eq__,
    "stream": matches("[0-6]"),
    "record": lambda text: not text or is_record(text),
    "deadline": "".__eq__,
    "streams": matches("[0-6]"),
    "user_id": {"", USER}.__contains__,
    "owner": {"", USER}.__contains__,
    "found_with": {"", USER}.__contains__,
    "order_id": matches(ONE_OF_THE_ORDERS),
    "order_ids": matches(ONE_OF_THE_ORDERS),
    "claims": matches(f"{ONE_OF_THE_ORDERS}|({ENTRY})?"),
    "entries": matches(f"{ONE_OF_THE_ORDERS}|{ENTRY}"),
    "claimed_at": matches(r"\d{16}"),
    "behind": matches(r"0|\d{16}"),
    "new": lambda text: (
        matches(f"[0-6]|{ONE_OF_THE_ORDERS}|{re.escape(USER)}|(\\+1)?|7\\d+")(text) or is_record(text)
    ),
    "amount": matches("2"),
    "price": "".__eq__,
    "expected_amount": "".__eq__,
    "expected_price": "".__eq__,
    "by": "1".__eq__,
    "most_digits": "100".__eq__,
    "above": str.isdigit,
    "below": matches(r"\+inf|\d+"),
    "limit": lambda text: 1 <= int(text) <= 5000,
    "told": matches(r"0|\d{16}"),
    "samples": str.isdigit,
    "words": str.isprintable,
}


def test_what_is_sent_to_a_script_is_what_its_header_names(runs):
    assert len(runs) > 60
    for name, keys, args in runs:
        of_keys = header(name, "KEYS")
        if name == "inspect":
            of_keys.remove("directory")  # which is in another slot
        assert_named(name, named(of_keys, keys), KEY_KINDS)
        assert_named(name, named(header(name, "ARGV"), args), ARGUMENT_KINDS)


def test_all_keys_of_a_run_are_of_one_slot(runs):
    for name, keys, _ in runs:
        assert len({key[: key.index(b"}")] for key in keys}) <= 1, name
