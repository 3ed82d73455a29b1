"""What a person sees on a terminal."""

import json
import re

import pytest

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
