"""What each command does and prints off a terminal."""

import json
from datetime import timedelta, timezone
from decimal import Decimal

import pytest

from cryptoorders_redis.operations import repair
from tests.support.consistency import keys_of
from tests.support.program import answered


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
    assert answered(run("verify"), 0, "all keys are consistent\n")
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


def test_repair_says_what_it_mended(run, system, server, namespace):
    system.place("order1", "alice", "BTC", 1, 2)
    assert answered(run("repair"), 0, "there was nothing to mend\n")
    with server.client() as raw:
        raw.hdel(f"{{{namespace}:directory:0}}", "order1")
    assert run("verify").exit_code == 1
    said = "order1 (stream 0): its id did not find it, and does again\n"
    assert answered(run("repair", "--dry-run"), 1, said)
    assert run("verify").exit_code == 1
    assert answered(run("repair"), 0, said)
    assert answered(run("verify"), 0, "all keys are consistent\n")
    assert answered(run("repair", "--dry-run"), 0, "there was nothing to mend\n")


def test_repair_prints_one_json_object_a_line(run, system, server, namespace):
    with server.client() as raw:
        raw.sadd(f"{{{namespace}:0}}:paused", "ghost\n")
    found = run("repair", "--json", "--dry-run")
    assert found.exit_code == 1
    mended = run("repair", "--json")
    assert mended.exit_code == 0
    assert found.stdout == mended.stdout
    problem = "there was no such order: what was left of it in paused was removed"
    assert json.loads(mended.stdout) == {"subject": "ghost\n", "stream": 0, "problem": problem}
    assert answered(run("repair", "--json"), 0, "")


def test_repair_restores_settings_that_cannot_be_read(run, system, server, namespace):
    system.place("order1", "alice", "BTC", 1, 2)
    config = f"{{{namespace}}}:config"
    with server.client() as raw:
        raw.hset(config, "num_streams", "many")
        assert run("verify").exit_code == 2
        assert "its field num_streams was b'many', and is 1" in run("repair").stdout
        raw.delete(config)
        assert run("repair", "--streams", "2").exit_code == 0
        assert raw.hget(config, "num_streams") == b"2"
    assert "order1" in run("live").stdout


def test_repair_says_what_it_could_not_mend(run, system, server, namespace, monkeypatch):
    def mend_nothing(_):
        yield from ()
        return []

    monkeypatch.setattr(repair, "_mend_all", mend_nothing)
    with server.client() as raw:
        raw.sadd(f"{{{namespace}:0}}:paused", "ghost")
    left = "ghost (stream 0): in paused, but there is no such order\n"
    assert answered(run("repair"), 1, "still inconsistent:\n" + left)


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
        "expires_at": None,
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
