"""A file of events is submitted, each event once, and what was not taken is told."""

import json
import re
import signal

import pytest

from cryptoorders_redis import CryptoOrderSystem, Submission, Worker, errors
from cryptoorders_redis.replay.submitter import Submitter
from tests.support.command_lines import event_line
from tests.support.program import write_input
from tests.support.waiting import wait_until

FAR = 4_000_000_000_000
"""A time in the year 2096."""


def places(first, last):
    """Return lines that place orders of these numbers, each later than the one before."""
    return b"".join(event_line("place", f"order{n}", 1_000 + n) for n in range(first, last))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "events.jsonl"


def test_a_file_is_applied_in_the_order_of_its_times(program, system, file):
    file.write_bytes(
        event_line("pause", "order1", 3_000)
        + event_line("cancel", "order2", 2_000, event_id="own")
        + b"\r\n"
        + event_line("place", "order2", 1_000)
        + event_line("place", "order1", 1_000)
    )
    done = program.run("submit", str(file), "--streams", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "accepted 4\nknown 0\nrefused 0\n"
    done = program.run("submit", str(file), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    nothing = {"accepted": 0, "late": 0, "early": 0, "malformed": 0}
    assert json.loads(done.stdout) == {"finished": True, "lines": 5, "known": 4, **nothing}
    system.intake.flush()
    assert Worker(system).run_until_empty() == 4
    assert system.display_all_live_orders() == ["order1(paused)"]
    assert system.outcome("own", "alice").answer is True
    assert system.outcome("000000000005", "alice").answer is True


def test_each_refused_line_is_told_and_the_rest_is_taken(program, system, file):
    system.intake.configure(late="reject")
    system.submit_many([])
    file.write_bytes(
        event_line("place", "order1", 10_000_000)
        + event_line("place", "order2", 1_000)
        + b"nonsense\n"
        + event_line("place", "order3", FAR)
        + event_line("place", "order4", 9_999_000)
    )
    done = program.run("submit", str(file))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "line 2: refused: it came too late, and is a dead letter",
        "line 3: not JSON: Expecting value at column 1",
        "line 4: refused: its time is too far in the future, and it is a dead letter",
    ]
    assert done.stdout == "accepted 2\nknown 0\nrefused 3 (no event 1, late 1, early 1)\n"
    assert [letter.reason for letter in system.intake.dead_letters()] == ["early", "late"]


def test_files_with_prefixes_do_not_share_ids(program, system):
    for prefix, said in (("a-", "accepted 1"), ("b-", "accepted 1"), ("a-", "accepted 0")):
        done = program.run("submit", "-", "--id-prefix", prefix, stdin=places(0, 1))
        assert done.stdout.splitlines()[0] == said
    assert system.outcome("a-000000000001", "alice").state == "WAITING"


def test_a_line_of_a_pipe_is_taken_before_the_next_is_there(program, system):
    with program.start("submit", "-") as process:
        write_input(process, places(0, 1))
        wait_until(lambda: system.intake.stats().waiting == 1)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    again = "submit all again: each event is taken once"
    assert stderr.decode() == f"interrupted; the lines before 2 are done; {again}\n"
    assert stdout == b"accepted 1\nknown 0\nrefused 0\n"


def test_a_full_queue_ends_it_and_says_where(program, system, file):
    system.intake.configure(limit=1500)
    file.write_bytes(b"no event\n" + places(0, 1600) + b"no event either\n" + places(1600, 2000))
    done = program.run("submit", str(file))
    assert done.returncode == 2
    refused, stopped = done.stderr.splitlines()
    assert refused == "line 1: not JSON: Expecting value at column 1"
    assert re.fullmatch(
        r"line 1502: event '000000001502' was not taken: 1500 events wait in the queue of stream 0; .*; "
        r"stopped; the lines before 1502 are done; submit all again: each event is taken once",
        stopped,
    )
    assert done.stdout == "accepted 1500\nknown 0\nrefused 1 (no event 1)\n"
    assert system.intake.stats().waiting == 1500


def test_an_interrupt_names_the_lines_that_are_in_doubt(system):
    class Interrupted(list):
        def __iter__(self):
            yield from super().__iter__()
            raise KeyboardInterrupt

    run = Submitter(system, 1000)
    lines = [event_line("place", f"order{n}", n) for n in range(1500)]
    with pytest.raises(KeyboardInterrupt):
        list(run.run(Interrupted(lines)))
    assert (run.since, run.line, run.unanswered) == (1001, 1500, [])
    sent = system.submit_many

    def send_and_interrupt(events):
        sent(events)
        raise KeyboardInterrupt

    system.submit_many = send_and_interrupt
    run = Submitter(system, 1000)
    with pytest.raises(KeyboardInterrupt):
        list(run.run(lines))
    assert (run.since, run.unanswered) == (1, list(range(1, 1001)))


def test_a_lost_store_ends_it_with_the_line(own_server, namespace):
    server = own_server()
    with CryptoOrderSystem(url=server.url, namespace=namespace, deadline_seconds=0.1) as system:
        run = Submitter(system, 2)

        def lines():
            yield from places(0, 2).splitlines()
            server.kill()
            yield from places(2, 4).splitlines()

        with pytest.raises(errors.BulkInterrupted, match="0 are done"):
            list(run.run(lines()))
    assert (run.since, run.line, run.unanswered) == (3, 4, [])
    assert run.counts == {Submission.ACCEPTED: 2}


def test_a_terminal_shows_progress(program, system, file):
    file.write_bytes(places(0, 300) + b"?\n")
    code, shown = program.on_a_terminal("submit", str(file))
    assert code == 1
    assert re.search(r"100%.*301 lines", shown)
    assert "accepted 300" in shown


def test_a_file_that_cannot_be_read_on_ends_it(program):
    done = program.run("submit", "/proc/self/mem")
    assert done.returncode == 2
    assert re.fullmatch(r"cannot read the file after line 0: .*; no line is done; submit .*\n", done.stderr)
