"""A replay that is interrupted says what it did, and what is in doubt."""

import json
import re
import signal
import time

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.cli.app import app
from cryptoorders_redis.cli.replay import format_line_numbers
from cryptoorders_redis.transport.driver import Driver
from tests.support.command_lines import place_line
from tests.support.program import Program, write_input
from tests.support.waiting import wait_until


def test_an_interrupt_ends_it_with_the_summary_so_far(program, system):
    with program.start("replay", "-") as process:
        write_input(process, place_line("order1"))
        wait_until(lambda: system.count() == 1)
        time.sleep(0.1)  # until it has the reply, and waits for the next line
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr == b"interrupted; line 1 was the last one read\n"
    assert stdout == b"applied 1 (place 1)\nignored 0\nrefused 0\n"


def interrupted(monkeypatch, capsys, tmp_path, lines, *, calls):
    """Replay lines; Ctrl-C comes after so many calls, when a call's work is done and its answer not read."""
    file = tmp_path / "orders.jsonl"
    file.write_bytes(b"".join(lines))
    calls_left = calls + 1  # one more for the call that opens the store
    run = Driver.run

    def run_or_interrupt(driver, operation):
        nonlocal calls_left
        answer = run(driver, operation)
        calls_left -= 1
        if calls_left < 0:
            raise KeyboardInterrupt
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Driver, "run", run_or_interrupt)
        with pytest.raises(SystemExit) as ended:
            app(["replay", str(file), "--url", "memory://"], prog_name="cryptoorders")
    shown = capsys.readouterr()
    assert ended.value.code == 130
    return shown.out, shown.err.splitlines()


def test_an_interrupt_counts_every_batch_that_was_answered(monkeypatch, capsys, tmp_path):
    lines = [place_line(f"order{number}") for number in range(4500)]
    out, err = interrupted(monkeypatch, capsys, tmp_path, lines, calls=2)
    assert out == "applied 2000 (place 2000)\nignored 0\nrefused 0\n"
    assert err[-3:] == [
        "interrupted; line 4500 was the last one read",
        "lines 2001 to 3000 may be applied or not",
        "lines 3001 to 4500 were read, and not applied",
    ]


def test_an_interrupt_names_the_lines_that_are_in_doubt(monkeypatch, capsys, tmp_path):
    lines = [
        place_line("order1"),
        b"\n",
        place_line("order2"),
        place_line("order3"),
        b'{"op":"pause","order_id":"x"}\n',
    ]
    out, err = interrupted(monkeypatch, capsys, tmp_path, lines, calls=0)
    assert out == "applied 0\nignored 0\nrefused 0\n"
    assert err[-2:] == ["lines 1, 3 to 4 may be applied or not", "line 5 was read, and not applied"]
    out, err = interrupted(monkeypatch, capsys, tmp_path, lines, calls=1)
    assert out == "applied 3 (place 3)\nignored 0\nrefused 0\n"
    assert err[-1] == "line 5 may be applied or not"


def test_reductions_that_did_not_run_are_named(monkeypatch, capsys, tmp_path):
    """They run one by one, and must not be replayed twice: so each line must be told."""
    lines = [place_line("order1"), *(b'{"op":"reduce","order_id":"order1","by":"0.1"}\n' for _ in range(3))]
    out, err = interrupted(monkeypatch, capsys, tmp_path, lines, calls=2)
    assert out == "applied 2 (place 1, reduce 1)\nignored 0\nrefused 0\n"
    assert err[-2:] == ["line 3 may be applied or not", "line 4 was read, and not applied"]


def test_many_lines_in_doubt_are_named_by_their_ends():
    assert format_line_numbers([1, 2, 3, 7, 9, 10]) == "lines 1 to 3, 7, 9 to 10"
    assert format_line_numbers(range(1, 2000, 2)) == "1000 of the lines 1 to 1999"


def test_a_lost_store_ends_it_with_the_line_and_the_summary(own_server, namespace):
    server = own_server()
    with (
        CryptoOrderSystem(url=server.url, namespace=namespace) as system,
        Program(server.url, namespace).start("replay", "-", "--json") as process,
    ):
        write_input(process, b"\n" + place_line("order1"))
        wait_until(lambda: system.count() == 1)
        server.kill()
        write_input(process, place_line("order2"))
        stdout, stderr = process.communicate(place_line("order3"), timeout=60)
    assert process.returncode == 2
    report = stderr.decode()
    stopped, waiting = report.splitlines()
    assert re.fullmatch(r"line 3: .*; stopped, earlier lines stay applied", stopped), report
    assert waiting == "line 3 was read, and not applied"
    summary = json.loads(stdout)
    assert (summary["finished"], summary["lines"], summary["applied"]["place"]) == (False, 3, 1)


def test_a_file_that_cannot_be_read_on_ends_it(program):
    # Reads of it fail at the start, where nothing is mapped; opening it does not.
    done = program.run("replay", "/proc/self/mem")
    assert done.returncode == 2
    assert re.fullmatch(r"cannot read the file after line 0: .*\n", done.stderr)
    assert done.stdout == "applied 0\nignored 0\nrefused 0\n"
