"""The worker of the command line, and what it says of workers."""

import json
import re
import signal

import pytest

from cryptoorders_redis import CryptoOrderSystem, Event, Worker
from tests.support.program import answered
from tests.support.waiting import wait_until


def place(number, event_time=1_000):
    return Event("place", f"user{number}", event_time, f"order{number}", "BTC", 1, 1)


@pytest.fixture
def three_streams(server, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        yield system


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_applies_events_until_it_is_stopped(program, system, sent):
    system.intake.configure(quiet=0.1)
    with program.start("worker") as process:
        system.submit(place(1))
        wait_until(lambda: system.count() == 1)
        process.send_signal(sent)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr) == (0, b"applied 1 events\n", b"")
    assert system.intake.stats().workers == ()


def test_a_worker_ends_when_no_event_waits(run, system):
    system.intake.configure(quiet=0.05)
    system.submit_many([place(1), place(2)])
    assert answered(run("worker", "--until-empty"), 0, "applied 2 events\n")
    done = json.loads(run("worker", "--until-empty", "--json").stdout)
    assert (done["op"], done["applied"]) == ("worker", 0)


def test_a_worker_may_take_some_streams_only(run, three_streams):
    system = three_streams
    system.submit_many([place(number) for number in range(30)])
    system.intake.flush()
    waiting = [stream.waiting for stream in system.intake.stats().streams]
    applied = waiting[0] + waiting[2]
    assert answered(run("worker", "--until-empty", "--streams", "0,2"), 0, f"applied {applied} events\n")
    assert [stream.waiting for stream in system.intake.stats().streams] == [0, waiting[1], 0]


def test_the_status_needs_a_living_worker(run, system):
    assert answered(run("worker", "--status"), 1, "0 living workers, 0 events wait, lag 0.000 s\n")
    system.intake.beat("somebody")
    assert answered(run("worker", "--status"), 0, "1 living workers, 0 events wait, lag 0.000 s\n")
    status = {"workers": ["somebody"], "waiting": 0, "lag_seconds": 0.0}
    assert json.loads(run("worker", "--status", "--json").stdout) == status


def test_the_status_needs_a_lag_that_is_small_enough(run, system):
    system.submit_many([place(1, 1_000), place(2, 9_500)])
    system.intake.beat("somebody")
    said = "1 living workers, 2 events wait, lag 3.500 s\n"
    assert answered(run("worker", "--status"), 0, said)
    assert answered(run("worker", "--status", "--max-lag", "3.5"), 0, said)
    assert answered(run("worker", "--status", "--max-lag", "3.4"), 1, said)


def test_each_setting_of_the_intake_can_be_changed(run, system):
    said = run("intake", "configure", "--window", "2", "--quiet", "never", "--late", "reject")
    assert re.fullmatch(r"intake of namespace \S+: window 2.0, quiet never, late reject\n", said.stdout)
    more = ("--ahead", "10", "--limit", "3", "--remember", "60", "--json")
    said = json.loads(run("intake", "configure", *more).stdout)
    assert (said["ahead"], said["limit"]) == (10, 3)
    system.submit(place(1))  # after which it knows the settings
    assert system._store.settings.intake._asdict() == {
        "window": 2_000_000, "quiet": "", "late": "reject", "ahead": 10_000_000, "limit": 3,
        "remember": 60_000_000,
    }  # fmt: skip


def test_a_quiet_time_is_a_number_of_seconds(run, system):
    assert json.loads(run("intake", "configure", "--quiet", "1.5", "--json").stdout)["quiet"] == "1.5"
    assert run("intake", "configure", "--window", "3").exit_code == 0  # and nothing else
    system.submit(place(1))
    assert system._store.settings.intake.quiet == 1_500_000


def test_a_flush_makes_all_due(run, system):
    system.intake.configure(quiet=None)
    system.submit(place(1))
    assert run("worker", "--until-empty").stdout == "applied 0 events\n"
    assert answered(run("intake", "flush"), 0, "every event that waits is due\n")
    assert json.loads(run("intake", "flush", "--json").stdout)["op"] == "intake flush"
    assert run("worker", "--until-empty").stdout == "applied 1 events\n"


def test_dead_letters_are_listed_and_taken_back(run, system):
    assert answered(run("intake", "dead"), 0, "no dead letters\n")
    system.intake.configure(late="reject")
    late = Event("place", "alice", 1_000, "order1", "BTC", "0.10", 1, "late\n1")
    system.submit_many([place(1, 10_000), late, place(2, 2_000)])
    newest = run("intake", "dead", "--limit", "1").stdout
    assert re.fullmatch(r"\S+: late: place order2 of user2, which happened at 1970-\S+00:02.000\S+\n", newest)
    assert run("intake", "dead").stdout.splitlines()[1].startswith(r"late\n1: late: place order1 of alice")
    letter = json.loads(run("intake", "dead", "--json").stdout.splitlines()[1])
    assert (letter["event_id"], letter["reason"], letter["event"]["amount"]) == ("late\n1", "late", "0.10")
    back = run("intake", "resubmit", "late\n1", "other")
    assert back.exit_code == 1
    assert back.stdout.splitlines() == [
        r"resubmitted late\n1",
        "not resubmitted: other: it is no dead letter, or cannot be applied",
    ]
    (done,) = map(json.loads, run("intake", "resubmit", "--all", "--json").stdout.splitlines())
    assert (done["op"], done["done"]) == ("intake resubmit", True)
    assert answered(run("intake", "resubmit", "--all"), 0, "no dead letters to resubmit\n")
    system.intake.flush()
    assert Worker(system).run_until_empty() == 3
    assert system.display_all_live_orders()[:1] == ["order1"]


def test_a_letter_that_cannot_be_read_is_shown_as_it_is(run, system, server, namespace):
    system.submit(place(1))
    with server.client() as raw:
        (event_id,) = raw.hkeys(f"{{{namespace}}}:events")
        raw.hset(f"{{{namespace}}}:events", event_id, "no\nJSON")
    system.intake.flush()
    Worker(system).run_until_empty()
    assert r": unreadable: no\nJSON, which happened at" in run("intake", "dead").stdout
    assert json.loads(run("intake", "dead", "--json").stdout)["event"] is None
    assert answered(run("intake", "resubmit", "--all"), 0, "no dead letters to resubmit\n")


def test_the_stats_are_lines_json_or_a_table(run, program, three_streams):
    three_streams.submit_many([place(number) for number in range(30)])
    lines = run("intake", "stats").stdout.splitlines()
    assert re.fullmatch(r"stream 0: \d+ waiting, 0 applied, 0 late, 0 refused", lines[0])
    assert lines[3:] == [
        "newest event 1970-01-01T00:00:01.000+00:00, watermark none",
        "0 dead letters",
        "0 living workers, 30 events wait, lag 0.000 s",
    ]
    found = json.loads(run("intake", "stats", "--json").stdout)
    assert (found["waiting"], len(found["streams"]), found["watermark"]) == (30, 3, None)
    code, shown = program.on_a_terminal("intake", "stats")
    assert code == 0
    assert re.search(r"in all +30 +0 +0 +0", re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown))
