"""The commands `configure` and `follow`."""

import json
import re
import signal

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.program import Program


@pytest.fixture
def program(server, namespace):
    return Program(server.url, namespace)


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(2, url=server.url, namespace=namespace) as system:
        yield system


def test_a_feed_is_switched_on_and_off(program, namespace, system):
    done = program.run("configure", "--feed", "100")
    assert (done.returncode, done.stdout) == (0, f"namespace {namespace} keeps 100 changes a stream\n")
    assert system.position() == "0-0/0,0-0/0"
    done = program.run("configure", "--feed", "0", "--json")
    assert json.loads(done.stdout) == {"op": "configure", "namespace": namespace, "feed": 0}
    done = program.run("follow")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no change feed" in done.stderr


def test_changes_are_lines_for_people(program, system):
    system.configure(feed=100)
    system.place("o\n1", "alice", "BTC", "0.50", 60_000)
    system.pause("o\n1")
    system.cancel_all_by_user("alice")
    done = program.run("follow", "--from-start", "--no-wait")
    assert (done.returncode, done.stderr) == (0, "")
    assert [re.sub(r"^\d{4}-\d\d-\d\dT\S+ ", "", each) for each in done.stdout.splitlines()] == [
        "place o\\n1 alice 0.50 BTC 60000",
        "pause o\\n1 alice",
        "cancel_all alice",
    ]
    assert program.run("follow", "--from-start", "--no-wait", "--user", "bob").stdout == ""


def test_changes_are_json_lines_with_a_cursor(program, system):
    system.configure(feed=100)
    system.place("o1", "alice", "BTC", "0.50", 60_000)
    system.place("o2", "alice", "BTC", "0.50", 60_000)
    done = program.run("follow", "--from-start", "--no-wait", "--json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["order"] == system.get("o1").to_dict()
    assert program.run("follow", "--after", first["cursor"], "--no-wait", "--json").stdout.splitlines() == [
        json.dumps(second)
    ]


def test_two_places_to_begin_at_are_refused(program, system):
    system.configure(feed=100)
    done = program.run("follow", "--from-start", "--after", "0-0/0")
    assert done.returncode == 2
    assert "not both" in done.stderr


def test_it_is_stopped_and_continues_where_it_was(program, system):
    """Nothing is shown twice, and nothing is left out."""
    system.configure(feed=1000)
    shown, arguments = [], ["--from-start"]
    for number in range(3):
        system.place(f"o{number}", f"user{number}", "BTC", 1, 1)
        following = program.start("follow", *arguments, "--json")
        assert following.stdout
        shown.append(json.loads(following.stdout.readline())["order_id"])
        following.send_signal(signal.SIGINT)
        rest, said = following.communicate(timeout=20)
        assert (following.returncode, rest) == (0, b"")
        found = re.fullmatch(r"stopped; (--after \S+) continues\n", said.decode())
        assert found
        arguments = found[1].split()
    assert shown == ["o0", "o1", "o2"]
