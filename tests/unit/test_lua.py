"""The Lua scripts' headers say what they are given, and what Python sends them is that."""

import re
import shutil
import time

import fakeredis
import pytest

from cryptoorders_redis import CryptoOrderSystem, NewOrder, OrderStatus
from cryptoorders_redis.operations import pages
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.schema.records import encode_record
from cryptoorders_redis.schema.scripts import resolve_includes, script
from tests.support.consistency import change_settings
from tests.support.lua_scripts import (
    LUA,
    OF_DEADLINES,
    OF_REPAIR,
    OF_THE_INTAKE,
    ORDER,
    SCRIPTS,
    STANDALONE_SCRIPTS,
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
    pause_event,
    runs_in,
    unpacked,
)
from tests.support.nasty import NASTY_IDS
from tests.support.recording import recording_client

INCLUDES = sorted(path.stem for path in (LUA / "include").glob("*.lua"))


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("table", ["KEYS", "ARGV"])
def test_a_header_names_what_the_code_unpacks(name, table):
    named = header(name, table)
    if named[-1:] == ["declared..."]:  # for the server, which checks rights and slots by them
        del named[-1]
    assert named == unpacked(name, table)
    assert unpacked(name, "ARGV") or name in ("read_config", "flush")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_header_says_what_the_script_does_and_replies(name):
    text = (LUA / f"{name}.lua").read_text()
    assert re.match(r"--- [A-Z].*\.\n", text), "the first line is a sentence"
    assert header(name, "REPLY")
    assert (
        ("epoch" in header(name, "ARGV"))
        == ("'STALE'" in " ".join(header(name, "REPLY")))
        == bool(re.search(r"return .*'STALE'|answer_without_change\(.*, config, epoch\)", text))
    )


@pytest.mark.parametrize("path", sorted(LUA.rglob("*.lua")), ids=lambda path: path.stem)
def test_a_script_is_short_and_pure_ascii(path):
    text = path.read_bytes()
    assert text.count(b"\n") <= 60
    assert text.isascii()
    assert text.startswith(b"--- ")


def test_every_include_is_used_and_named_after_a_function_of_it():
    used = {name for path in LUA.rglob("*.lua") for name in re.findall(r'@include "(\w+)"', path.read_text())}
    assert sorted(used) == INCLUDES
    for name in INCLUDES:
        assert re.search(
            r"^local function \w+\(", (LUA / "include" / f"{name}.lua").read_text(), re.MULTILINE
        )


NAMESPACE = "lua-test"


@pytest.fixture(scope="module")
def calls_and_server(server):
    """Every run of a script by every operation: (name, keys, args); and what this server refuses."""
    client, sent = recording_client(server.socket)
    with (
        server.client() as raw,
        client,
        CryptoOrderSystem(7, client=client, namespace=NAMESPACE) as system,
    ):
        make_every_call(system)
        damage_and_repair(system, raw, NAMESPACE)
        raw.config_set("maxmemory", 1)
        system.count()
        refuses_transactions = at_full_memory_refuses_transactions(raw)
        raw.config_set("maxmemory", 0)
        change_settings(raw, NAMESPACE, 5)
        system.user(USER).cancel_all()
        change_settings(raw, NAMESPACE, 7)
        system.cancel_all_by_user(USER)
        system.place(ORDER, USER, "BTC", 1, 1)
        system.cancel(ORDER)
        system.drop()
        copy_an_order(system)
        system.submit(pause_event(1))
        system.resize(9)
        system.resize(7)
        system.drop()
    return runs_in(b"".join(sent)), refuses_transactions


@pytest.fixture(scope="module")
def calls(calls_and_server):
    return calls_and_server[0]


def test_every_script_is_run_by_an_operation_and_no_other(calls_and_server):
    calls, refuses_transactions = calls_and_server
    needless = set() if refuses_transactions else {"snapshot"}
    assert {name for name, _, _ in calls} == set(STANDALONE_SCRIPTS) - needless


TAG = re.escape(NAMESPACE)
KEY_PATTERNS = {
    "sessions": rf"\{{{TAG}\}}:sessions:\w+",
    "probe": rf"\{{{TAG}\}}:(config|sessions:\w+):probe",
    "config": rf"\{{{TAG}\}}:config",
    "sequence": rf"\{{{TAG}\}}:sequence",
    "directory": rf"\{{{TAG}:directory:0\}}",
    "orders": rf"\{{{TAG}:[0-8]\}}:orders",
    "placed": rf"\{{{TAG}:[0-8]\}}:placed",
    "paused": rf"\{{{TAG}:[0-8]\}}:paused",
    "user": rf"\{{{TAG}:[0-8]\}}:user:(user|{re.escape(USER)})",
    "due": rf"\{{{TAG}:[0-8]\}}:due",
    "changes": rf"\{{{TAG}:[0-8]\}}:changes",
    "changed": rf"\{{{TAG}:[0-8]\}}:changed",
}
KEY_PATTERNS |= dict.fromkeys(("events", "queued"), rf"\{{{TAG}\}}:events")
KEY_PATTERNS |= {
    "intake": rf"\{{{TAG}\}}:intake",
    "even_outcomes": rf"\{{{TAG}\}}:outcomes:even",
    "odd_outcomes": rf"\{{{TAG}\}}:outcomes:odd",
    "dead": rf"\{{{TAG}\}}:dead",
    "letters": rf"\{{{TAG}\}}:letters",
    "workers": rf"\{{{TAG}\}}:workers",
    "waiting": rf"\{{{TAG}:[0-8]\}}:(waiting|intake)",
}
KEY_PATTERNS |= {
    "fence": rf"\{{{TAG}:[0-8]\}}:fence:",
    "key": KEY_PATTERNS["waiting"],
    "aside": rf"\{{{TAG}:[0-8]\}}:aside:(records|\w+:waiting)",
    "hash": KEY_PATTERNS["waiting"],
    "home_waiting": KEY_PATTERNS["waiting"],
    "queues": KEY_PATTERNS["waiting"],
}
KEY_PATTERNS["new_waiting"] = KEY_PATTERNS["waiting"]
KEY_PATTERNS["measured"] = KEY_PATTERNS["dropped"] = "|".join(KEY_PATTERNS.values())
KEY_PATTERNS["declared"] = KEY_PATTERNS["measured"]
KEY_PATTERNS["users"] = KEY_PATTERNS["user"]
KEY_PATTERNS["streams"] = "|".join(KEY_PATTERNS[kind] for kind in ("orders", "placed", "paused"))
KEY_KINDS = {kind: matches(pattern) for kind, pattern in KEY_PATTERNS.items()}


ARGUMENT_KINDS = {
    "session": re.compile(r"\d{16}\.\d+").fullmatch,
    "request_number": str.isdigit,
    "seconds": "3600".__eq__,
    "dropping": re.compile("[a-z]{16}").fullmatch,
    "copying": re.compile("[a-z]{16}|").fullmatch,
    "copied": lambda text: text in {ORDER, USER, "17", "1", ""} or is_record(text),
    "last_number": "17".__eq__,
    "finished": {"0", "1"}.__contains__,
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
    "namespace": NAMESPACE.__eq__,
    "num_streams": {"7", "9"}.__contains__,
    "placement": "modulo".__eq__,
    "from_stream": {str(number) for number in range(9)}.__contains__,
    "to_stream": {str(number) for number in range(9)}.__contains__,
    "streams": {str(number) for number in range(7)}.__contains__,
    "epoch": re.compile(r"\d{16}").fullmatch,
    "user_id": USER.__eq__,
    "by": {"1"}.__contains__,
    "most_digits": {"100"}.__contains__,
    "expected_amount": {""}.__contains__,
    "expected_price": {""}.__contains__,
    "stream": {str(number) for number in range(7)}.__contains__,
    "schema_version": "1".__eq__,
    "directory_shards": "1".__eq__,
    "order_id": {ORDER, ORDER + "2"}.__contains__,
    "order_ids": {ORDER, ORDER + "2"}.__contains__,
    "found_with": {"", USER}.__contains__,
    "words": str.isprintable,
    "owner": {"", USER}.__contains__,
    "record": is_record,
    "seen": lambda text: text in {"", "x", "none", "7000000000000000"} or is_record(text),
    "deadline": "".__eq__,
    **OF_REPAIR,
    "directory": matches(KEY_PATTERNS["directory"]),
    "orders": lambda text: text.isdigit() or text in {ORDER, ORDER + "2", USER, "", "+1"} or is_record(text),
    "amount": {"2"}.__contains__,
    "price": {""}.__contains__,
    "above": str.isdigit,
    "below": lambda text: text == "+inf" or text.isdigit(),
    "samples": str.isdigit,
    "limit": lambda text: 1 <= int(text) <= 5000,
}


def test_what_is_sent_to_a_script_is_what_its_header_names(calls):
    assert len(calls) > 20
    for name, keys, args in calls:
        assert_named(name, named(header(name, "KEYS"), keys), KEY_KINDS)
        assert_named(name, named(header(name, "ARGV"), args), ARGUMENT_KINDS)


def test_all_stream_keys_of_one_call_are_of_the_users_stream(calls):
    for name, keys, _ in calls:
        if name in (
            "begin_sessions",
            "drop_keys",
            "mend_event",
            "move",
            "move_events",
            "newest",
            "page",
        ):  # of no one stream
            continue
        streams = {int(found[1]) for key in keys if (found := re.match(rb"\{.*:(\d)\}:", key))}
        if "user" in header(name, "KEYS"):
            assert streams <= {stream_of_user(USER, 5), stream_of_user(USER, 7)}
        assert len(streams) <= 1


def test_pages_fit_what_a_script_can_unpack():
    assert pages.PAGE <= 5000


@pytest.fixture(params=["fakeredis", "redis-server"])
def run_lua(request, tmp_path):
    """Runs Lua that may include the library's functions."""
    folder = shutil.copytree(LUA, tmp_path / "lua")
    client = (
        fakeredis.FakeRedis() if request.param == "fakeredis" else request.getfixturevalue("server").client()
    )

    def run(source, keys=(), args=()):
        (folder / "tested.lua").write_text(source)
        return client.eval(resolve_includes("tested", folder), len(keys), *keys, *args)

    with client:
        yield run


@pytest.mark.parametrize("stream", [0, 7, 16383])
def test_lua_and_python_name_a_streams_keys_alike(run_lua, stream):
    keys = Keys("a.B_c-1")
    source = '--- @include "stream_key"\nreturn stream_key(ARGV[1], ARGV[2], ARGV[3])'
    for suffix in ("orders", "placed", "paused"):
        key = run_lua(source, args=(keys.namespace, stream, suffix))
        assert key.decode() == getattr(keys, suffix)(stream)
    for nasty in NASTY_IDS:
        key = run_lua(source, args=(keys.namespace, stream, "user:" + nasty))
        assert key.decode() == keys.user(stream, nasty)


def test_sequence_numbers_are_whole_in_all_their_digits(run_lua, namespace):
    source = '--- @include "next_sequence"\nreturn next_sequence(KEYS[1], 1)'
    numbers = [run_lua(source, [namespace]) for _ in range(50)]
    assert all(len(number) == 16 and number.isdigit() for number in numbers)
    assert numbers == sorted(set(numbers))
    set_ahead = "redis.call('SET', KEYS[1], '4102444800000000')"
    run_lua(set_ahead, [namespace])
    assert [run_lua(source, [namespace]) for _ in range(2)] == [b"4102444800000001", b"4102444800000002"]
    run_lua("redis.call('DEL', KEYS[1])", [namespace])
    time.sleep(1 - time.time() % 1)  # now the microseconds of the clock begin with zeros
    assert abs(int(run_lua(source, [namespace])) / 1_000_000 - time.time()) < 1
    run_lua("redis.call('DEL', KEYS[1])", [namespace])


def test_cancelling_a_user_reaches_orders_of_every_slice(server, namespace):
    with server.client() as raw, CryptoOrderSystem(2, url=server.url, namespace=namespace) as system:
        for number in range(5100):
            system.place(f"o{number}", "whale", "BTC", 1, 1)
            if number % 2:
                system.pause(f"o{number}")
        assert system.place("other", "alice", "BTC", 1, 1)
        assert system.cancel_all_by_user("whale") == 5100
        assert system.display_all_live_orders() == ["other"]
        assert raw.hlen(f"{{{namespace}:directory:0}}") == 1


@pytest.fixture
def folder(tmp_path):
    """Makes a folder of scripts of {name: what it includes}."""

    def make(scripts):
        (tmp_path / "include").mkdir()
        for name, includes in scripts.items():
            lines = [f'--- @include "{include}"\n' for include in includes]
            path = tmp_path / (name if name == "main" else f"include/{name}")
            path.with_suffix(".lua").write_text("".join(lines) + f"-- {name}\n")
        return tmp_path

    return make


def test_an_include_stands_once_before_all_that_include_it(folder):
    diamond = {"main": ["left", "right"], "left": ["bottom"], "right": ["bottom"], "bottom": []}
    text = resolve_includes("main", folder(diamond))
    assert re.findall(r"-- (\w+)", text) == ["bottom", "left", "right", "main"]
    assert "@include" not in text


def test_a_missing_include_or_script_is_an_error(folder):
    made = folder({"main": ["nowhere"]})
    with pytest.raises(FileNotFoundError, match="nowhere"):
        resolve_includes("main", made)
    with pytest.raises(FileNotFoundError, match="absent"):
        resolve_includes("absent", made)


CYCLES = [
    pytest.param({"main": ["a"], "a": ["a"]}, id="itself"),
    pytest.param({"main": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, id="through-others"),
]


@pytest.mark.parametrize("scripts", CYCLES)
def test_an_include_that_includes_itself_is_an_error(folder, scripts):
    with pytest.raises(ValueError, match="includes itself"):
        resolve_includes("main", folder(scripts))


def test_a_script_has_the_sha_that_the_server_gives_it(server):
    with server.client() as raw:
        for name in SCRIPTS:
            assert raw.script_load(script(name).source) == script(name).sha.decode()


def test_scripts_that_are_nowhere_are_missed_by_name(monkeypatch, tmp_path):
    from cryptoorders_redis.schema import scripts

    monkeypatch.setattr(scripts, "__file__", str(tmp_path / "package" / "schema" / "scripts.py"))
    with pytest.raises(FileNotFoundError, match="Lua scripts"):
        scripts._folder()
    (tmp_path / "package" / "lua").mkdir(parents=True)
    (tmp_path / "package" / "lua" / "place.lua").touch()
    assert scripts._folder() == tmp_path / "package" / "lua"


# The schema is on disk: neither may ever change between releases.
STREAMS = [
    ("alice", 3, 1),
    ("bob", 3, 1),
    ("alice", 16384, 6793),
    ("bob", 1, 0),
    ("📈", 1000, 358),
    ("\0", 16384, 584),
]


def test_a_users_stream_is_the_same_in_every_release():
    assert [stream_of_user(user, number) for user, number, _ in STREAMS] == [stream for *_, stream in STREAMS]


def test_keys_are_named_the_same_in_every_release():
    keys = Keys("desk")
    assert [
        keys.config, keys.sequence_of(3), keys.directory(0), keys.orders(3), keys.placed(3), keys.paused(3),
        keys.user(3, "{x}:y"), keys.due(3),
    ] == [
        "{desk}:config", "{desk}:sequence", "{desk:directory:0}", "{desk:3}:orders", "{desk:3}:placed",
        "{desk:3}:paused", "{desk:3}:user:{x}:y", "{desk:3}:due",
    ]  # fmt: skip


def test_a_record_is_json_that_a_person_can_read():

    assert encode_record(NewOrder("o", "zoë", "BTC", 0.5, 60_000)).decode() == (
        '{"user_id":"zoë","currency":"BTC","amount":"0.5","price":"60000"}'
    )
    assert [str(status) for status in OrderStatus] == ["ACTIVE", "PAUSED"]
