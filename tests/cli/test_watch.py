"""The commands `stats` and `watch`, on a terminal and off it."""

import json
import re
import signal

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.cli import stats_view
from tests.support.program import Program


@pytest.fixture
def program(server, namespace):
    return Program(server.url, namespace)


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(2, url=server.url, namespace=namespace) as system:
        yield system


@pytest.fixture
def nine_orders(system):
    """Six of alice's, one of them paused, and three of a user's whose name would break a line."""
    for number in range(9):
        system.place(f"order{number}", "bob\n" if number % 3 == 2 else "alice", "BTC", 1, 2)
    system.pause("order0")
    return system


def plain(shown):
    """What a terminal was sent, without colours and movements."""
    return re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown)


def test_stats_off_a_terminal_are_lines(program, nine_orders):
    done = program.run("stats")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    stats = nine_orders.stats()
    assert [line.rsplit(",", 1)[0] for line in lines[:2]] == [
        f"stream {s.stream}: {s.live} live, {s.active} active, {s.paused} paused, {s.users} users"
        for s in stats.streams
    ]
    assert lines[2].startswith("in all: 9 live, 8 active, 1 paused, 2 users, ")
    assert re.search(r" \d+ bytes$", lines[2])
    assert [re.sub(r"\d\)", "N)", line) for line in lines[3:5]] == [
        "user alice (stream N): 6 live",
        "user bob\\n (stream N): 3 live",
    ]
    assert lines[5:] == ["clients in the last hour: 1"]


def test_stats_in_json_are_one_value(program, nine_orders):
    stats = nine_orders.stats()
    shown = json.loads(program.run("stats", "--json").stdout)
    assert shown["streams"] == [
        {"stream": s.stream, "active": s.active, "paused": s.paused, "users": s.users, "bytes": s.bytes}
        for s in stats.streams
    ]
    totals = {
        name: getattr(stats, name) for name in ("live", "active", "paused", "users", "bytes", "clients")
    }
    assert {name: shown[name] for name in totals} == totals
    assert shown["busiest_streams"] == [stream.stream for stream in stats.busiest_streams]
    assert [(user["user_id"], user["live"]) for user in shown["busiest_users"]] == [
        ("alice", 6), ("bob\n", 3),
    ]  # fmt: skip


def test_stats_on_a_terminal_are_tables(program, nine_orders):
    code, shown = program.on_a_terminal("stats")
    rows = [line.split() for line in plain(shown).splitlines()]
    assert code == 0
    assert ["stream", "live", "active", "paused", "users", "memory", "share", "of", "the", "orders"] in rows
    (total,) = (row for row in rows if row[:2] == ["in", "all"])
    assert total[2:6] == ["9", "8", "1", "2"]
    assert any(row[0:1] == ["bob\\n"] and row[-1] == "3" for row in rows)
    assert "clients in the last hour: 1" in shown


def test_stats_of_an_empty_store_and_of_one_that_cannot_measure(program, system, capsys):
    assert "in all: 0 live" in program.run("stats").stdout
    assert program.on_a_terminal("stats")[0] == 0
    with CryptoOrderSystem(url="memory://") as memory:
        stats_view.show(memory.stats(), as_json=False)
        assert stats_view.to_fields(memory.stats())["bytes"] is None
    assert stats_view.format_size(None) == "?"
    assert "in all: 0 live, 0 active, 0 paused, 0 users, unknown bytes" in capsys.readouterr().out


TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"


def test_watch_off_a_terminal_prints_a_line_a_look(program, nine_orders):
    with program.start("watch", "--interval", "0.3") as process:
        first = process.stdout.readline().decode()
        looks = r"; no rates yet; newest order8\n"
        assert re.fullmatch(rf"{TIME} 9 live, 8 active, 1 paused{looks}", first)
        process.send_signal(signal.SIGSTOP)  # so that no look falls in between
        nine_orders.place("new\n", "alice", "BTC", 1, 2)
        nine_orders.cancel("order0")
        nine_orders.pause("order1")
        process.send_signal(signal.SIGCONT)
        seen = ""
        while "cancelled/s" not in seen or "; 0.0 placed/s" in seen:
            seen = process.stdout.readline().decode()
        rates = re.search(r"; (\d+\.\d) placed/s, (\d+\.\d) cancelled/s; newest (.*)\n", seen)
        assert rates
        assert " 9 live, 8 active, 1 paused;" in seen
        assert 0 < float(rates[1]) == float(rates[2]) <= 4
        assert rates[3] == "new\\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_watch_ends_after_as_many_looks_as_were_asked_for(program, nine_orders):
    done = program.run("watch", "--count", "3", "--interval", "0.1")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 3)
    assert done.stdout.count("0.0 placed/s, 0.0 cancelled/s") == 2
    nine_orders.cancel_many([f"order{number}" for number in range(9)])
    assert "newest none" in program.run("watch", "--count", "1").stdout


def test_watch_counts_all_changes_where_there_is_a_feed(program, nine_orders):
    nine_orders.configure(feed=100)
    with program.start("watch", "--interval", "0.3") as process:
        assert "no rates yet" in process.stdout.readline().decode()
        process.send_signal(signal.SIGSTOP)  # so that no look falls in between
        for _ in range(3):
            assert nine_orders.place("gone", "alice", "BTC", 1, 2)
            assert nine_orders.cancel("gone")
        process.send_signal(signal.SIGCONT)
        seen = "0.0 changes/s"
        while " 0.0 changes/s" in f" {seen}":
            seen = process.stdout.readline().decode()
        assert re.search(r"; 0\.0 placed/s, 0\.0 cancelled/s, [1-9]\d*\.\d changes/s; ", seen)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_watch_in_json(program, nine_orders):
    looks = program.run("watch", "--count", "2", "--interval", "0.1", "--json").stdout.splitlines()
    first, second = map(json.loads, looks)
    assert (first["live"], first["active"], first["paused"]) == (9, 8, 1)
    assert (first["placed_per_second"], second["placed_per_second"]) == (None, 0.0)
    assert [order["order_id"] for order in second["newest"]] == [f"order{n}" for n in range(8, -1, -1)]
    on_a_terminal = plain(program.on_a_terminal("watch", "--count", "1", "--json")[1])
    assert json.loads(on_a_terminal)["live"] == 9


def test_watch_on_a_terminal_fits_and_ends_with_ctrl_c(program, nine_orders):
    with program.terminal("watch", "--interval", "0.2", rows=12) as terminal:
        shown = plain(terminal.read_until("Ctrl-C to quit") + terminal.read_until("Ctrl-C to quit"))
        assert "9 live, 8 active, 1 paused" in shown
        assert {f"order{n}" for n in range(4, 9)} <= set(re.findall(r"order\d", shown))
        assert set(re.findall(r"order\d", shown)) <= {f"order{n}" for n in range(4, 9)}
        assert "bob\\n" in shown
        nine_orders.place("brand-new", "carol", "ETH", 1, 2)
        terminal.read_until("brand-new")
        terminal.type("\x03")
        rest = terminal.read_to_end()
        assert terminal.process.returncode == 0
    assert rest.rindex("\x1b[?1049l") >= 0, "the terminal is given back as it was"
    assert "Traceback" not in rest


def test_watch_shows_an_outage_and_reconnects_after_it(own_server, namespace):
    server = own_server("--appendonly", "yes", "--appendfsync", "always")
    program = Program(server.url, namespace)
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        system.place("order1", "alice", "BTC", 1, 2)
        with program.terminal("watch", "--interval", "0.2") as terminal:
            terminal.read_until("order1")
            server.kill()
            shown = terminal.read_until("Error")
            assert "order1" in plain(shown + terminal.read_until("order1")), "what was seen last stays"
            server.start()
            terminal.read_until("Ctrl-C to quit")
            terminal.type("\x03")
            terminal.read_to_end()
            assert terminal.process.returncode == 0


def test_watch_off_a_terminal_reports_an_outage_on_stderr(own_server, namespace):
    server = own_server()
    CryptoOrderSystem(url=server.url, namespace=namespace).close()
    program = Program(server.url, namespace)
    with program.start("watch", "--interval", "0.1", "--count", "4") as process:
        assert process.stdout
        assert process.stderr
        assert b" 0 live" in process.stdout.readline()
        server.kill()
        assert process.wait(20) == 2
        complaints = process.stderr.read().decode().splitlines()
    assert complaints
    assert all(re.match(rf"{TIME} .+", line) for line in complaints)
    assert not any("Traceback" in line for line in complaints)


def test_the_cost_of_watch_grows_with_streams_not_orders(server, program, nine_orders):
    def calls():
        with server.client() as raw:
            stats = raw.info("commandstats")
        return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()}

    for number in range(1500):
        nine_orders.place(f"more{number}", f"user{number}", "BTC", 1, 2)
    before = calls()
    program.run("watch", "--count", "5", "--interval", "0.1")
    spent = {name: number - before.get(name, 0) for name, number in calls().items()}
    assert not {name for name, number in spent.items() if number and "scan" in name}
    assert sum(number for name, number in spent.items() if name != "info") < 5 * 50
