"""The commands: what they print, and what they exit with."""

import json
import re
import subprocess
import sys
import tomllib
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from cryptoorders_redis import CryptoOrderSystem, __version__
from cryptoorders_redis.cli.app import app
from tests.support.consistency import keys_of
from tests.support.every_command import COMMANDS
from tests.support.program import MODULE, SCRIPT, Program
from tests.support.servers import REPOSITORY

HOSTILE = [
    "[red]x[/red]",
    "[/]",
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "two\nlines",
    "two\r\nlines",
    "\x9b31m",
    "line\u2028separator",
    "\u202ereversed",
    "\0",
    "back\\slash",
    ":smile: 🚀",
]


@pytest.fixture
def program(server, namespace):
    return Program(server.url, namespace)


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        yield system


@pytest.fixture
def run(server, namespace):
    """Runs a command in this process, on a real server."""
    environment = {"CRYPTOORDERS_URL": server.url, "CRYPTOORDERS_NAMESPACE": namespace}

    def run(*arguments, **more):
        result = CliRunner().invoke(app, arguments, env={**environment, **more.pop("env", {})}, **more)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def answered(result, exit_code, stdout):
    return (result.exit_code, result.stdout) == (exit_code, stdout)


def test_each_command_does_what_it_says(run, system):
    assert answered(run("place", "order1", "alice", "BTC", "0.5", "60000"), 0, "placed order1\n")
    assert answered(run("pause", "order1"), 0, "paused order1\n")
    assert system.display_all_live_orders() == ["order1(paused)"]
    assert answered(run("resume", "order1"), 0, "resumed order1\n")
    assert system.display_all_live_orders() == ["order1"]
    assert answered(run("cancel", "order1"), 0, "cancelled order1\n")
    assert system.count() == 0


def test_several_orders_are_changed_at_once_each_with_its_answer(run, system):
    system.place_many([(f"order{n}", "alice", "BTC", 1, 1) for n in range(3)])
    assert answered(run("pause", "order0", "order1"), 0, "paused order0\npaused order1\n")
    result = run("pause", "order1", "order2", "order2")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "not paused: order1: it is not live, or paused already",
        "paused order2",
        "not paused: order2: it is not live, or paused already",
    ]
    assert run("resume", "order0", "order1", "--json").stdout.splitlines() == [
        '{"op": "resume", "order_id": "order0", "done": true}',
        '{"op": "resume", "order_id": "order1", "done": true}',
    ]
    assert run("cancel", "order0", "order1", "order2").exit_code == 0
    assert system.count() == 0


def test_amend_changes_amount_or_price(run, system):
    system.place("order1", "alice", "BTC", 1, 2)
    assert answered(run("amend", "order1", "--amount", "1.50"), 0, "amended order1\n")
    assert run("amend", "order1", "--price", "0.10").exit_code == 0
    assert (str(system.get("order1").amount), str(system.get("order1").price)) == ("1.50", "0.10")
    assert answered(run("amend", "order2", "--price", "1"), 1, "not amended: order2: it is not live\n")
    nothing = run("amend", "order1")
    assert (nothing.exit_code, nothing.stderr) == (2, "cryptoorders: give an amount, a price, or both\n")


def test_verify_says_that_all_is_well_or_what_is_not(run, system, server, namespace):
    system.place("order1", "alice", "BTC", 1, 2)
    assert answered(run("verify"), 0, "all keys agree\n")
    assert answered(run("verify", "--json"), 0, "")
    with server.client() as raw:
        raw.sadd(f"{{{namespace}:0}}:paused", "ghost\n")
        raw.set(f"{{{namespace}}}:other", "x")
        found = run("verify")
        assert found.exit_code == 1
        assert sorted(found.stdout.splitlines()) == [
            "ghost\\n (stream 0): in paused, but there is no such order",
            f"{{{namespace}}}:other: no key of a namespace of 1 streams",
        ]
        as_json = [json.loads(line) for line in run("verify", "--json").stdout.splitlines()]
        assert {"subject": "ghost\n", "stream": 0} in [
            {"subject": row["subject"], "stream": row["stream"]} for row in as_json
        ]


def test_an_answer_of_no_is_said_and_exits_with_1(run, system):
    for command in ("pause", "resume", "cancel", "get"):
        result = run(command, "order1")
        assert result.exit_code == 1, command
        assert "order1" in result.stdout
        assert "not" in result.stdout
    system.place("order1", "alice", "BTC", 1, 2)
    result = run("place", "order1", "bob", "ETH", "3", "4")
    assert answered(result, 1, "not placed: order1: it is live already\n")
    assert system.get("order1").user_id == "alice"


def test_cancel_all_says_how_many_and_none_is_no_failure(run, system):
    for order_id in ("order1", "order2"):
        system.place(order_id, "alice", "BTC", 1, 2)
    system.place("order3", "bob", "BTC", 1, 2)
    assert answered(run("cancel-all", "alice"), 0, "cancelled 2 of alice\n")
    assert answered(run("cancel-all", "alice"), 0, "cancelled 0 of alice\n")
    assert system.display_all_live_orders() == ["order3"]


def test_get_shows_every_field(run, system):
    system.place("order1", "alice", "BTC", "0.0000001", 60_000)
    shown = dict(line.split(maxsplit=1) for line in run("get", "order1").stdout.splitlines())
    order = system.get("order1")
    assert shown == {
        "order_id": "order1",
        "user_id": "alice",
        "currency": "BTC",
        "amount": "0.0000001",
        "price": "60000",
        "status": "ACTIVE",
        "placed_at": order.placed_at.isoformat(timespec="microseconds"),
        "sequence": str(order.sequence),
    }


def test_live_and_count_off_a_terminal(run, system):
    for number, user in enumerate(("alice", "bob", "alice"), start=1):
        system.place(f"order{number}", user, "BTC" if number < 3 else "ETH", 1, 2)
    system.pause("order2")
    assert answered(run("live"), 0, "order1\norder2(paused)\norder3\n")
    assert answered(run("live", "--user", "alice"), 0, "order1\norder3\n")
    assert answered(run("live", "--currency", "BTC"), 0, "order1\norder2(paused)\n")
    assert answered(run("live", "--status", "paused"), 0, "order2(paused)\n")
    assert answered(run("live", "--status", "ACTIVE", "--currency", "ETH"), 0, "order3\n")
    assert answered(run("count"), 0, "3\n")


def test_live_takes_times_a_limit_and_a_cursor(run, system):
    for number in range(5):
        system.place(f"order{number}", "alice", "BTC", 1, 2)
    placed = list(system.live_orders())
    there = placed[1].placed_at.astimezone(timezone(timedelta(hours=5.5))).isoformat()
    zulu = placed[3].placed_at.isoformat().replace("+00:00", "Z")
    assert answered(run("live", "--placed-after", there), 0, "order2\norder3\norder4\n")
    assert answered(run("live", "--placed-before", zulu), 0, "order0\norder1\norder2\n")
    assert answered(run("live", "--placed-after", there, "--placed-before", zulu), 0, "order2\n")
    assert answered(run("live", "--limit", "2"), 0, "order0\norder1\n")
    after = str(placed[1].sequence)
    assert answered(run("live", "--after", after, "--limit", "2"), 0, "order2\norder3\n")
    today = placed[0].placed_at.date()
    assert answered(run("live", "--placed-before", today.isoformat()), 0, "")
    assert run("live", "--placed-after", today.isoformat(), "--limit", "1").stdout == "order0\n"
    tomorrow = (today + timedelta(days=1)).isoformat()
    assert answered(run("live", "--placed-after", tomorrow), 0, "")
    page = run("live", "--limit", "3", "--json").stdout.splitlines()
    cursor = json.loads(page[-1])["sequence"]
    assert [json.loads(line)["order_id"] for line in page] == ["order0", "order1", "order2"]
    assert answered(run("live", "--after", str(cursor)), 0, "order3\norder4\n")


def test_count_takes_a_user_and_a_status(run, system):
    for number in range(5):
        system.place(f"order{number}", ("alice", "bob")[number % 2], "BTC", 1, 2)
    system.pause("order0")
    assert answered(run("count", "--user", "alice"), 0, "3\n")
    assert answered(run("count", "--status", "paused"), 0, "1\n")
    assert answered(run("count", "--user", "alice", "--status", "ACTIVE"), 0, "2\n")
    assert json.loads(run("count", "--user", "bob", "--json").stdout) == {"count": 2}


def test_json_answers_for_machines(run, system):
    place = json.loads(run("place", "order1", "alice", "BTC", "0.10", "1E+2", "--json").stdout)
    assert place == {"op": "place", "order_id": "order1", "done": True}
    assert json.loads(run("resume", "order1", "--json").stdout)["done"] is False
    order = system.get("order1")
    fields = {
        "order_id": "order1",
        "user_id": "alice",
        "currency": "BTC",
        "amount": "0.10",
        "price": "100",
        "status": "ACTIVE",
        "placed_at": order.placed_at.isoformat(timespec="microseconds"),
        "sequence": order.sequence,
        "metadata": None,
    }
    assert json.loads(run("get", "order1", "--json").stdout) == fields
    system.place("order2", "bob", "BTC", 1, 2)
    lines = run("live", "--json").stdout.splitlines()
    assert json.loads(lines[0]) == fields
    assert json.loads(lines[1])["order_id"] == "order2"
    assert json.loads(run("count", "--json").stdout) == {"count": 2}
    cancelled = {"op": "cancel_all_by_user", "user_id": "bob", "cancelled": 1}
    assert json.loads(run("cancel-all", "bob", "--json").stdout) == cancelled
    assert answered(run("get", "order2", "--json"), 1, "null\n")


def test_numbers_keep_every_digit(run, system):
    run("place", "order1", "alice", "BTC", "0.1000000000000000000000000001", "12345678901234567890.5")
    order = system.get("order1")
    assert order.amount == Decimal("0.1000000000000000000000000001")
    assert order.price == Decimal("12345678901234567890.5")


def test_an_argument_that_begins_with_a_dash_goes_after_two(run, system):
    assert run("place", "--", "-17", "--url", "BTC", "1", "2").exit_code == 0
    assert system.get("-17").user_id == "--url"
    assert run("cancel", "--", "-17").exit_code == 0
    result = run("place", "--", "order1", "alice", "BTC", "-1", "2")
    assert result.exit_code == 2
    assert "amount must be above zero" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("place", "", "alice", "BTC", "1", "2"), "order_id must not be empty"),
        (("place", "order1", "alice", "BTC", "nan", "2"), "amount must be finite"),
        (("place", "order1", "alice", "BTC", "1", "cheap"), "price must be a decimal number"),
        (("cancel", "x" * 257), "order_id must be at most 256 bytes"),
        (("count", "--url", "http://localhost"), "the url must begin with"),
        (("count", "--namespace", "a b"), "namespace must be"),
        (("count", "--streams", "0"), "num_streams must be 1 to"),
        (("count", "--streams", "many"), "--streams"),
        (("live", "--status", "gone"), "--status"),
        (("live", "--limit", "0"), "limit must be 1 or more"),
        (("live", "--after", "-1"), "after must be 0 to"),
        (("live", "--placed-after", "2026-11-23T09:30"), "has no offset"),
        (("live", "--placed-before", "tomorrow"), "'tomorrow' is no time"),
        (("count", "--user", ""), "user_id must not be empty"),
        (("watch", "--interval", "0"), "--interval"),
        (("watch", "--interval", "inf"), "--interval"),
        (("watch", "--count", "0"), "--count"),
        (("replay", "no/such/file"), "no/such/file"),
        (("pause",), "order_id"),
        (("fly",), "fly"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_was_wrong(run, system, arguments, says):
    result = run(*arguments)
    assert answered(result, 2, "")
    assert says in result.stderr


def test_an_argument_that_is_not_utf8_is_refused(program, system):
    result = program.run("cancel", b"\xff")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("cryptoorders: order_id cannot be written as UTF-8")


def test_another_number_of_streams_exits_with_2(run):
    assert run("place", "order1", "alice", "BTC", "1", "2", "--streams", "3").exit_code == 0
    result = run("count", env={"CRYPTOORDERS_STREAMS": "4"})
    assert result.exit_code == 2
    assert "num_streams=3, not 4" in result.stderr
    assert run("count", env={"CRYPTOORDERS_STREAMS": "3"}).stdout == "1\n"


@pytest.mark.parametrize("command", [*COMMANDS, "demo"])
def test_every_command_has_the_options_of_the_store(run, command):
    shown = run(command, "--help").stdout
    assert {"--url", "--namespace", "--streams", "--json"} <= set(re.findall(r"--\w+", shown))
    if command != "demo":
        variables = {"CRYPTOORDERS_URL", "CRYPTOORDERS_NAMESPACE", "CRYPTOORDERS_STREAMS"}
        assert variables <= set(re.findall(r"CRYPTOORDERS_\w+", shown))


def test_options_go_before_the_environment(run, server, system):
    system.place("order1", "alice", "BTC", 1, 2)
    elsewhere = {"CRYPTOORDERS_URL": "unix:///no/such/socket", "CRYPTOORDERS_NAMESPACE": "elsewhere"}
    options = ("--url", server.url, "--namespace", system._node.keys.namespace)
    assert run("count", *options, env=elsewhere).stdout == "1\n"


def test_the_version_is_printed(run):
    assert answered(run("--version"), 0, f"cryptoorders {__version__}\n")


@pytest.mark.parametrize("command", [(), *((command,) for command in (*COMMANDS, "demo"))])
def test_h_is_help_for_every_command(run, command):
    help_of = run(*command, "--help")
    assert "Usage: " in help_of.stdout
    assert answered(run(*command, "-h"), 0, help_of.stdout)


def test_a_shell_completes_commands_and_options(program):
    assert "--install-completion" in program.run("--help").stdout
    program.environment |= {"_CRYPTOORDERS_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    for typed, completed in (
        ("pla", {"place"}),
        ("can", {"cancel", "cancel-all"}),
        ("--vers", {"--version"}),
    ):
        program.environment["COMP_WORDS"] = f"cryptoorders {typed}"
        assert set(program.run().stdout.split()) == completed


def test_the_help_says_the_exit_codes(run):
    assert "Exit codes: 0 done" in run("--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unreachable_store_is_one_line_and_exit_code_2(run, command):
    result = run(command, *COMMANDS[command], env={"CRYPTOORDERS_URL": "unix:///no/such/socket"})
    assert answered(result, 2, "")
    assert re.fullmatch(r"cryptoorders: .*/no/such/socket.*\n", result.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_url_and_a_server_it_says_what_to_do(run, monkeypatch, command):
    monkeypatch.setattr("cryptoorders_redis.transport.endpoint.DEFAULT_URL", "redis://localhost:1/0")
    what_to_do = "start a Redis server, or use --url file:./orders for a private one"
    for nowhere in (None, ""):
        result = run(command, *COMMANDS[command], env={"CRYPTOORDERS_URL": nowhere})
        assert answered(result, 2, "")
        assert re.fullmatch(rf"cryptoorders: .*localhost:1.*; {what_to_do}\n", result.stderr)
    named = run(command, *COMMANDS[command], "--url", "redis://localhost:1/0")
    assert named.exit_code == 2
    assert "start a Redis server" not in named.stderr


@pytest.mark.parametrize("started_by", [MODULE, SCRIPT], ids=["module", "script"])
@pytest.mark.parametrize("url", ["unix:///no/such/socket", "redis://localhost:1/0"])
def test_an_unreachable_store_shows_no_traceback(namespace, started_by, url):
    result = Program(url, namespace).run("count", program=started_by)
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(r"cryptoorders: .+\n", result.stderr)


def test_what_goes_wrong_later_is_one_line_too(own_server, namespace):
    server = own_server("--maxmemory", "1")
    result = Program(server.url, namespace).run("place", "order1", "alice", "BTC", "1", "2")
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(r"cryptoorders: .*memory.*\n", result.stderr)


def without_module(name):
    code = f"import sys; sys.modules[{name!r}] = None; from cryptoorders_redis.__main__ import main; main()"
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_what_to_install(missing):
    result = without_module(missing)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "the command line is an extra: pip install 'cryptoorders-redis[cli]'\n"


def test_another_module_that_is_missing_is_not_mistaken_for_the_extra():
    result = without_module("cryptoorders_redis.cli.demo")
    assert result.returncode == 1
    assert "cryptoorders_redis.cli.demo" in result.stderr.splitlines()[-1]


def test_the_script_is_the_one_that_the_package_declares():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"cryptoorders": "cryptoorders_redis.__main__:main"}
    assert {"typer", "rich"} == {need.split(">")[0] for need in project["optional-dependencies"]["cli"]}


def test_on_a_terminal_live_is_a_table(program, system):
    assert program.on_a_terminal("live") == (0, "no live orders\r\n")
    system.place("order1", "alice", "BTC", "0.5", 60_000)
    system.place("order2", "bob", "ETH", "7.25", 2500)
    system.pause("order2")
    code, shown = program.on_a_terminal("live", "--user", "bob")
    assert code == 0
    header, row = (line for line in without_colours(shown).splitlines() if "order" in line)
    assert header.split() == ["order", "user", "currency", "amount", "price", "status", "placed", "(UTC)"]
    assert row.split()[:6] == ["order2", "bob", "ETH", "7.25", "2500", "PAUSED"]
    lines = program.run("live", "--user", "bob")
    assert (lines.stdout, lines.stderr) == ("order2(paused)\n", "")


def test_a_long_table_starts_again_with_its_header(program, system):
    for number in range(1001):
        system.place(f"order{number:04}", "alice", "BTC", 1, 2)
    _, shown = program.on_a_terminal("live")
    assert re.findall(r"order\d{4}", shown) == [f"order{number:04}" for number in range(1001)]
    assert without_colours(shown).count("placed (UTC)") == 2


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_id_stays_on_its_line_and_reaches_no_terminal(program, run, system, hostile):
    expected = re.sub(r"[^ -~🚀]", lambda bad: bad[0].encode("unicode_escape").decode(), hostile)
    system.place(hostile, hostile, hostile, 1, 2)
    _, shown = program.on_a_terminal("live")
    rows = without_colours(shown).splitlines()
    assert sum(row.count(expected) for row in rows) == 3, shown
    assert run("live").stdout == expected + "\n"
    assert run("live", "--user", hostile).stdout == expected + "\n"
    assert len(run("get", hostile).stdout.splitlines()) == 8
    assert json.loads(run("live", "--json").stdout)["order_id"] == hostile
    assert run("live", "--json").stdout.isascii()
    assert run("pause", hostile).stdout == f"paused {expected}\n"
    assert run("cancel-all", hostile).stdout == f"cancelled 1 of {expected}\n"
    assert expected in run("cancel", hostile).stdout
    assert run("get", hostile).stdout == f"{expected} is not live\n"


def test_letters_that_the_output_cannot_show_are_escaped(program, system):
    system.place("🚀", "alice", "BTC", 1, 2)
    program.environment["PYTHONIOENCODING"] = "ascii"
    assert program.run("live").stdout == "\\U0001f680\n"


def without_colours(shown):
    return re.sub(r"\x1b\[[\d;]*m", "", shown)


CREATING = {"place", "replay"}


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - CREATING))
@pytest.mark.parametrize("streams", [(), ("--streams", "3")], ids=["", "streams"])
def test_a_missing_namespace_is_named_and_not_created(run, server, namespace, command, streams):
    result = run(command, *COMMANDS[command], *streams)
    assert result.exit_code == 2
    assert result.stderr == (
        f"cryptoorders: there is no namespace '{namespace}' in this store; "
        "`cryptoorders place` and `replay` create one\n"
    )
    with server.client() as raw:
        assert keys_of(raw, namespace) == []


def test_drop_removes_the_namespace_and_says_how_much(run, system, server, namespace):
    system.place_many([(f"o{number}", "alice", "BTC", 1, 1) for number in range(3)])
    refused = run("drop")
    assert (refused.exit_code, system.count()) == (2, 3)
    assert "with 3 live orders, give --yes" in refused.stderr
    assert answered(run("drop", "--yes"), 0, f"dropped namespace {namespace} with 3 live orders\n")
    with server.client() as raw:
        assert keys_of(raw, namespace) == []
    system.place("o", "alice", "BTC", 1, 1)
    dropped = json.loads(run("drop", "--yes", "--json").stdout)
    assert dropped == {"op": "drop", "namespace": namespace, "live": 1}


def test_what_is_half_dropped_is_dropped_to_its_end(run, system, server, namespace):
    system.place("o", "alice", "BTC", 1, 1)
    with server.client() as raw:
        raw.hset(f"{{{namespace}}}:config", mapping={"dropping": "1", "epoch": "0"})
        said = f"cryptoorders: namespace '{namespace}' is being dropped: drop() finishes that\n"
        assert run("count").stderr == said
        assert run("drop", "--yes").exit_code == 0
        assert keys_of(raw, namespace) == []


@pytest.mark.parametrize(("typed", "left"), [("y\n", []), ("n\n", ["o"])])
def test_drop_asks_a_person(program, system, typed, left):
    system.place("o", "alice", "BTC", 1, 1)
    with program.terminal("drop") as terminal:
        terminal.read_until("[y/N]")
        terminal.type(typed)
        terminal.read_to_end()
    assert system.display_all_live_orders() == left
