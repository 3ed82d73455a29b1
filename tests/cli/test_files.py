"""`cryptoorders export` and `import`: all orders go into a file, and come out of it."""

import csv
import io
import json
import os
import signal
import subprocess
from datetime import UTC, datetime

import pytest

from cryptoorders_redis import CryptoOrderSystem, Event, errors
from cryptoorders_redis.copying import orders_file
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import assert_consistent, contents, keys_of
from tests.support.copies import as_on_one_server, fill, orders_in, read_keys
from tests.support.model import live_order
from tests.support.nasty import NASTY_IDS
from tests.support.program import MODULE, Program
from tests.support.waiting import wait_until


def said(done):
    """Return what a command has said as JSON."""
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def other(own_server):
    """Another server, to import into."""
    return own_server()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "orders.jsonl"


def line_of(number, *, order_id=None, user_id="alice", **more):
    """Return a line as `export` writes it: the order was placed that many microseconds after 1970."""
    fields = {
        "order_id": order_id or f"o{number}",
        "sequence": number,
        "placed_at": f"1970-01-01T00:00:00.{number:06}+00:00",
        "status": "ACTIVE",
        "user_id": user_id,
        "currency": "BTC",
        "amount": "1",
        "price": "2",
    }
    return json.dumps(fields | more).encode() + b"\n"


def test_an_export_warns_of_events_that_wait(run, system, file):
    system.submit(Event("cancel", "alice", datetime.now(UTC), "order1"))
    done = run("export", str(file), "--json")
    assert (done.exit_code, json.loads(done.stdout)["events_waiting"]) == (0, 1)
    assert done.stderr.startswith("warning: 1 events wait, and are not in the file")


@pytest.mark.parametrize("num_streams", [1, 5])
def test_a_round_trip_by_a_cluster_keeps_every_byte(
    run, server, cluster, cluster_raw, other, raw, namespace, num_streams, file
):
    with CryptoOrderSystem(num_streams, url=server.url, namespace=namespace) as system:
        fill(system, raw, namespace)
        listed, orders = system.display_all_live_orders(), list(system.live_orders())
        paused = system.count(status="PAUSED")
    untouched, keys = read_keys(raw, namespace), keys_of(raw, namespace)
    streams = ("--streams", str(num_streams), "--json")
    counts = {"live": len(orders), "paused": paused, "streams": num_streams}
    exported = said(run("export", str(file), "--json"))
    fields = {"op": "export", "file": str(file), "placement": "modulo", "events_waiting": 0}
    assert exported == fields | counts
    on_cluster = ("--url", cluster.url)
    assert said(run("import", str(file), *streams, *on_cluster)).items() >= counts.items()
    back = file.with_suffix(".back")
    assert said(run("export", str(back), "--json", *on_cluster)).items() >= counts.items()
    assert back.read_bytes() == file.read_bytes()
    elsewhere = ("--url", other.url, "--namespace", "back", "--orders", str(len(orders)))
    said(run("import", str(back), *streams, *elsewhere))
    assert (read_keys(raw, namespace), keys_of(raw, namespace)) == (untouched, keys)
    with other.client() as there:
        source = orders_in(read_keys(raw, namespace))
        for store, name in ((cluster_raw, namespace), (there, "back")):
            written = orders_in(as_on_one_server(read_keys(store, name)))
            # The last number that the source assigned is of an order that was cancelled since.
            assert int(written.pop("}:sequence")) == orders[-1].sequence
            assert written == {end: value for end, value in source.items() if end != "}:sequence"}
            assert_consistent(store, name)
    for url, name in ((cluster.url, namespace), (other.url, "back")):
        with CryptoOrderSystem(url=url, namespace=name) as system:
            assert system.display_all_live_orders() == listed
            assert list(system.live_orders()) == orders
            assert system.verify() == []


def test_an_imported_order_is_like_any_other(run, server, cluster, cluster_raw, namespace, file):
    later = {"metadata": {"note": "x"}, "expires_at": "2099-12-31T23:59:59.000001Z"}
    lines = [line_of(n, user_id=f"user{n % 3}", **later) for n in range(1, 9)]
    file.write_bytes(b"".join(lines))
    for url in (server.url, cluster.url):
        said(run("import", str(file), "--streams", "3", "--json", "--url", url))
        with CryptoOrderSystem(url=url, namespace=namespace) as system:
            assert live_order(system, "o1").metadata == {"note": "x"}
            assert not system.place("o1", "user9", "BTC", 1, 1)
            assert system.pause("o1")
            assert system.amend("o2", amount=7)
            assert system.cancel("o4")
            assert system.cancel_all_by_user("user0") == 2
            assert system.place("o4", "user2", "BTC", 1, 1)
            assert system.display_all_live_orders() == ["o1(paused)", "o2", "o5", "o7", "o8", "o4"]
            assert system.verify() == []
        exported = run("export", "-", "--url", url)
        assert exported.stdout.count('"expires_at": "2099-12-31T23:59:59.000001Z"') == 5


def test_what_is_placed_later_comes_behind(run, server, cluster, cluster_raw, namespace, file):
    """Also where the clock of the source was ahead, and in streams without any order."""
    ahead = '"sequence":4102444800000000,"placed_at":"2100-01-01T00:00:00.000000+00:00","status":"PAUSED"'
    record = '"user_id":"alice","currency":"BTC","amount":"1","price":"2"'
    file.write_text(f'{{"order_id":"ahead",{ahead},{record}}}\n')
    for url in (server.url, cluster.url):
        said(run("import", str(file), "--streams", "7", "--json", "--url", url))
        with CryptoOrderSystem(url=url, namespace=namespace) as system:
            users = [f"user{n}" for n in range(30)]
            assert all(system.place(user, user, "BTC", 1, 1) for user in users)
            first, *later = system.display_all_live_orders()
            assert (first, sorted(later)) == ("ahead(paused)", sorted(users))
            assert min(live_order(system, user).sequence for user in users) > 4_102_444_800_000_000


REFUSED = {
    "cut off": ([line_of(3), line_of(4)[:-1]], "line 2: the line has no end: the file was cut off"),
    "cut off early": ([line_of(3), line_of(4)[:40]], "line 2: the line has no end"),
    "a command": ([b'{"op":"cancel","order_id":"o1"}\n'], "line 1: not an order as `cryptoorders export`"),
    "csv": ([b"order_id,sequence\n"], "line 1: not an order"),
    "an empty line": ([line_of(3), b"\n", line_of(4)], "line 2: not an order"),
    "no record": ([line_of(3).replace(b'"amount"', b'"amounts"')], "line 1: its field 'amount' is missing"),
    "not JSON": ([line_of(3).replace(b"}", b"]")], "line 1: not JSON"),
    "not UTF-8": ([line_of(3).replace(b'"o3"', b'"\xff"')], "line 1: its field 'order_id' is"),
    "no text": ([line_of(3).replace(b'"o3"', b'"\\q"')], "line 1: its field 'order_id' is not JSON"),
    "no id": ([line_of(3).replace(b'"o3"', b'""')], "line 1: order_id"),
    "another time": ([line_of(3).replace(b'"sequence": 3', b'"sequence": 4')], "line 1: placed_at is not"),
    "no number": ([line_of(0)], "line 1: the sequence number 0 is not 1 to"),
    "wrong order": ([line_of(3), line_of(5), line_of(4)], "line 3: not in placement order: the sequence"),
    "a number twice": ([line_of(3), line_of(3, order_id="x")], "line 2: the sequence number 3 is twice in"),
    "an id twice": ([line_of(3), line_of(4, order_id="o3")], "line 2: order 'o3' is in the file twice"),
    "too long": ([line_of(3), line_of(4, x="x" * 1024**2)], "line 2: longer than 1048576 bytes"),
}


@pytest.mark.parametrize("batch", [1, 20_000], ids=["later", "at-once"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused_names_the_line(run, raw, namespace, file, monkeypatch, name, batch):
    monkeypatch.setattr(orders_file, "BATCH", batch)
    lines, says = REFUSED[name]
    file.write_bytes(b"".join(lines))
    result = run("import", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"cryptoorders: {says}")
    if says.startswith("line 1:") or batch > 1:
        assert keys_of(raw, namespace) == []
        return
    assert result.stderr.endswith("; nobody can use the half-made namespace: import again, or drop it\n")
    refused = run("count")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "a copy or import into namespace" in refused.stderr
    file.write_bytes(lines[0])
    assert run("import", str(file)).exit_code == 0
    assert run("live").stdout == "o3\n"
    assert_consistent(raw, namespace)


def test_an_id_twice_is_seen_on_a_cluster_too(cluster, cluster_raw, namespace, file, run, monkeypatch):
    monkeypatch.setattr(orders_file, "BATCH", 2)
    users = ("alice", "bob", "carol", "alice", "bob")
    lines = [line_of(n, user_id=user, order_id=f"o{n % 4}") for n, user in enumerate(users, start=1)]
    file.write_bytes(b"".join(lines))
    result = run("import", str(file), "--streams", "9", "--url", cluster.url)
    assert result.exit_code == 2
    assert "line 5: order 'o1' is in the file twice" in result.stderr


def test_a_number_may_be_that_of_several_streams(run, file):
    """As on a Redis Cluster, where each stream has numbers of its own."""
    alice, another = (next(f"u{n}" for n in range(99) if stream_of_user(f"u{n}", 8) == k) for k in (1, 2))
    file.write_bytes(line_of(3, user_id=alice) + line_of(3, user_id=another, order_id="x"))
    result = run("import", str(file))
    assert (
        "3 is twice in stream 0 of 1: if the source was a Redis Cluster, give its number of" in result.stderr
    )
    assert run("import", str(file), "--streams", "8").exit_code == 0
    assert sorted(run("live").stdout.split()) == ["o3", "x"]
    assert run("verify").exit_code == 0


def test_another_number_of_orders_than_expected_is_refused(run, raw, namespace, file):
    file.write_bytes(line_of(3) + line_of(4))
    result = run("import", str(file), "--orders", "3")
    assert result.exit_code == 2
    assert "the file has 2 orders, and not 3: was it cut off?" in result.stderr
    assert run("count").exit_code == 2
    assert run("import", str(file), "--orders", "2").exit_code == 0


def test_placement_and_streams_are_chosen(run, raw, namespace, file):
    file.write_bytes(b"")
    assert run("import", str(file), "--placement", "hop").exit_code == 2
    assert run("import", str(file), "--streams", "0").exit_code == 2
    assert keys_of(raw, namespace) == []
    result = run("import", str(file), "--placement", "jump", "--streams", "4")
    assert result.stdout.startswith("imported 0 live orders, 0 of them paused, into namespace ")
    config = raw.hgetall(f"{{{namespace}}}:config")
    assert (config[b"placement"], config[b"num_streams"]) == (b"jump", b"4")
    assert said(run("export", str(file), "--json"))["placement"] == "jump"


@pytest.mark.parametrize("orders", [0, 1])
def test_a_namespace_that_is_there_is_refused(run, system, raw, namespace, file, orders):
    file.write_bytes(line_of(3))
    assert all(system.place(f"own{n}", "alice", "BTC", 1, 1) for n in range(orders))
    before = contents(raw, namespace)
    result = run("import", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "has a namespace" in result.stderr
    assert contents(raw, namespace) == before


@pytest.mark.parametrize("then", ["drop", "import"])
def test_a_killed_import_can_be_dropped_or_made_again(run, other, namespace, file, then):
    file.write_bytes(b"".join(line_of(n, user_id=f"user{n % 99}") for n in range(1, 40_001)))
    there = ("--url", other.url)
    with other.client() as raw:
        process = Program(other.url, namespace).start("import", str(file))
        wait_until(lambda: raw.exists(f"{{{namespace}:0}}:orders"))
        other.stop_answering()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        other.go_on()
        refused = run("count", *there)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "has not ended" in refused.stderr
        if then == "drop":
            assert run("drop", "--yes", *there).exit_code == 0
            assert keys_of(raw, namespace) == []
            return
        assert run("import", str(file), *there).exit_code == 0
        assert_consistent(raw, namespace)
        assert run("count", *there).stdout == "40000\n"


def test_an_interrupted_command_says_what_to_do(run, system, namespace, file, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    system.place("o", "alice", "BTC", 1, 1)
    file.write_bytes(line_of(3))
    with monkeypatch.context() as patch:
        patch.setattr(orders_file, "encode_line", interrupt)
        result = run("export", str(file))
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "interrupted; the export is not complete\n"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    system.drop()
    monkeypatch.setattr(orders_file.Import, "_write", interrupt)
    result = run("import", str(file))
    assert result.exit_code == 130
    assert result.stderr.startswith("interrupted; nobody can use the half-made namespace")


def test_a_broken_export_leaves_the_file_as_it_was(run, system, raw, namespace, file, monkeypatch):
    system.place_many([(f"o{n}", "alice", "BTC", 1, 1) for n in range(3000)])
    raw.hset(f"{{{namespace}:0}}:orders", "o2900", "{")
    file.write_text("as it was")
    result = run("export", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "order b'o2900' cannot be copied: not JSON; verify() says what is wrong" in result.stderr
    assert file.read_text() == "as it was"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    result = run("export", str(file / "below"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"cryptoorders: cannot write {file}/below: Not a directory\n"


def test_an_export_replaces_what_a_link_leads_to(run, system, file, tmp_path):
    system.place("o", "alice", "BTC", 1, 1)
    file.write_text("old")
    link = tmp_path / "link"
    link.symlink_to(file)
    assert run("export", str(link)).exit_code == 0
    assert link.is_symlink()
    assert file.read_bytes().count(b"\n") == 1
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_export_writes_into_what_is_no_regular_file(run, program, system, tmp_path):
    """A pipe, or a device such as /dev/stdout, stays what it is."""
    system.place("o", "alice", "BTC", 1, 1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        try:
            assert run("export", str(pipe)).exit_code == 0
            assert pipe.is_fifo()
            written, _ = reader.communicate(timeout=20)
        finally:
            reader.kill()
    assert written.startswith(b'{"order_id":"o",')
    assert program.run("export", "/dev/stdout").stdout.startswith(written.decode())


def test_a_full_disk_ends_an_export_with_2(run, system):
    system.place("o", "alice", "BTC", 1, 1)
    result = run("export", "/dev/full")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "cryptoorders: cannot write /dev/full: No space left on device\n"


def test_an_export_is_piped_into_an_import(run, program, system, raw, other, namespace):
    fill(system, raw, namespace)
    exported = subprocess.run(
        [*MODULE, "export", "-"], check=True, capture_output=True, env=program.environment
    )
    assert exported.stderr.startswith(b"exported %d live orders, " % system.count())
    said(run("import", "-", "--json", "--url", other.url, input=exported.stdout))
    with other.client() as there:
        source, written = read_keys(raw, namespace), read_keys(there, namespace)
        assert written[":0}:orders"] == source[":0}:orders"]
        assert written[":0}:placed"] == source[":0}:placed"]


def test_an_export_while_others_write_has_what_stays(run, system, other, namespace, file, monkeypatch):
    """Each order that is live all the time is in it once. It ends, though orders are placed all the time."""
    system.place_many([(f"stays{n}", f"user{n % 7}", "BTC", 1, 1) for n in range(3000)])
    system.place_many([(f"goes{n}", f"user{n % 7}", "BTC", 1, 1) for n in range(500)])
    encode, numbers = orders_file.encode_line, iter(range(10**6))

    def write_meanwhile(order):
        if (number := next(numbers)) % 10 == 0:
            system.place_many([(f"new{number + n}", "alice", "BTC", 1, 1) for n in range(20)])
            system.cancel_many([f"goes{number // 10}", f"new{number}"])
        return encode(order)

    monkeypatch.setattr(orders_file, "encode_line", write_meanwhile)
    said(run("export", str(file), "--json"))
    ids = [json.loads(line)["order_id"] for line in file.read_bytes().splitlines()]
    assert ids[:3000] == [f"stays{n}" for n in range(3000)]
    assert 0 < len([order_id for order_id in ids[3000:] if order_id.startswith("goes")]) < 500
    assert not [order_id for order_id in ids if order_id.startswith("new")]
    said(run("import", str(file), "--json", "--url", other.url))
    with CryptoOrderSystem(url=other.url, namespace=namespace) as imported:
        assert [order.order_id for order in imported.live_orders()] == ids
        assert imported.verify() == []


def test_csv_has_all_fields_of_all_orders(run, system, raw, namespace):
    fill(system, raw, namespace)
    result = run("export", "-", "--csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout_bytes.decode(), newline="")))
    orders = [order.to_dict() for order in system.live_orders()]
    for row, order in zip(rows, orders, strict=True):
        more = json.loads(row.pop("more") or "{}")
        assert set(more) == ({"later", "x"} if order["order_id"] == "odd0" else set())
        assert json.loads(row.pop("metadata") or "null") == order.pop("metadata")
        assert (row.pop("expires_at") or None) == order.pop("expires_at")
        if not order["order_id"].startswith("odd"):
            assert row == {name: str(value) for name, value in order.items()}
    assert {row["order_id"] for row in rows} >= set(NASTY_IDS)
    assert run("import", "-", input=result.stdout_bytes, env={"CRYPTOORDERS_NAMESPACE": "csv"}).exit_code == 2


def test_a_terminal_shows_the_progress_and_no_commands(program, system, namespace, file):
    system.place_many([(f"o{n}", "alice", "BTC", 1, 1) for n in range(100)])
    system.place("\u202e\x9b31m", "alice", "BTC", 1, 1, metadata={"note": "\u202e"})
    code, shown = program.on_a_terminal("export", str(file))
    assert code == 0
    assert "100%" in shown
    assert "exported 101 live orders" in shown
    code, shown = program.on_a_terminal("export", "-")
    assert code == 0
    assert "\\u202e" in shown
    assert "\u202e" not in shown
    assert "\x9b" not in shown
    system.drop()
    code, shown = program.on_a_terminal("import", str(file))
    assert code == 0
    assert "imported 101 live orders" in shown


def test_a_missing_namespace_leaves_no_file(run, file):
    assert run("export", str(file)).exit_code == 2
    assert not file.exists()
    assert run("export", str(file / "below")).exit_code == 2


def test_a_target_that_is_dropped_meanwhile_exits_with_1(run, server, namespace, file, monkeypatch):
    file.write_bytes(line_of(3))
    write = orders_file.Import._write

    def drop_first(*arguments):
        with CryptoOrderSystem(url=server.url, namespace=namespace, create=False) as system:
            system.drop()
        write(*arguments)

    monkeypatch.setattr(orders_file.Import, "_write", drop_first)
    result = run("import", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "was dropped, or another copy or import into it was begun" in result.stderr
    with pytest.raises(errors.NoSuchNamespace):
        CryptoOrderSystem(url=server.url, namespace=namespace, create=False)
