"""A replay applies commands from a file, in batches or line by line, and sums up."""

import json
import re

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.replay.commands import (
    Op,
)
from cryptoorders_redis.replay.runner import Replay
from tests.support.command_lines import place_line
from tests.support.program import Program, write_input
from tests.support.waiting import wait_until


def test_a_replay_counts_what_was_applied_ignored_and_refused(system):
    lines = [
        place_line("order1"),
        place_line("order1"),
        b"\n",
        b"nonsense\n",
        b'{"op":"pause","order_id":"order1"}\n',
        b'{"op":"pause","order_id":"order1"}\n',
        b'{"op":"resume","order_id":"order1"}\n',
        b'{"op":"cancel","order_id":"order2"}\n',
        b'{"op":"cancel_all_by_user","user_id":"alice"}\n',
        b'{"op":"cancel_all_by_user","user_id":"alice"}\n',
        b'{"op":"cancel"}\n',
        place_line("order3"),
    ]
    replay = Replay(system)
    refusals = list(replay.run(lines))
    assert [(refusal.line, refusal.reason[:8]) for refusal in refusals] == [(4, "not JSON"), (11, "cancel n")]
    assert replay.applied == {Op.PLACE: 2, Op.PAUSE: 1, Op.RESUME: 1, Op.CANCEL_ALL_BY_USER: 1}
    assert replay.ignored == {Op.PLACE: 1, Op.PAUSE: 1, Op.CANCEL: 1, Op.CANCEL_ALL_BY_USER: 1}
    assert (replay.line, replay.refused) == (12, 2)
    assert system.display_all_live_orders() == ["order3"]


def test_a_file_is_replayed_and_summed_up(program, system, tmp_path):
    file = tmp_path / "orders.jsonl"
    file.write_bytes(
        b"\xef\xbb\xbf"
        + place_line("order1")
        + place_line("order1")
        + place_line("order2").replace(b"\n", b"\r\n")
    )
    done = program.run("replay", str(file), "--streams", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "applied 2 (place 2)\nignored 1 (place 1)\nrefused 0\n"
    assert system.display_all_live_orders() == ["order1", "order2"]


@pytest.mark.parametrize("strict", [False, True])
def test_a_bad_line_is_reported_and_skipped_or_stopped_at(program, system, strict):
    options = ("--strict",) if strict else ()
    lines = (
        place_line("order1") + b"\n\xff\n" + place_line("order2") + b'{"op":"pause","order_id":"\\u001b]0;"}x'
    )
    done = program.run("replay", "-", *options, stdin=lines)
    assert done.returncode == 1
    reports = done.stderr.splitlines()
    assert reports[0] == "line 3: not UTF-8: byte 0xff at 1"
    if strict:
        assert reports[1:] == ["stopped at this line (--strict); earlier lines stay applied"]
    else:
        assert [report[:24] for report in reports[1:]] == ["line 5: not JSON: Extra "]
    live = ["order1"] if strict else ["order1", "order2"]
    assert done.stdout == f"applied {len(live)} (place {len(live)})\nignored 0\nrefused {2 - strict}\n"
    assert system.display_all_live_orders() == live


def test_a_strict_replay_without_bad_lines_is_like_any_other(program):
    done = program.run("replay", "-", "--strict", stdin=place_line("order1"))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_report_is_one_short_line_whatever_was_wrong(program):
    name = "\\u001b[2J\\n" * 1000
    done = program.run("replay", "-", stdin=b'{"op":"pause","order_id":"a","%s":1}' % name.encode())
    assert done.returncode == 1
    assert len(done.stderr) < 600
    assert re.fullmatch(r"line 1: pause has no field '\\x1b\[2J\\n[ -~]*\n", done.stderr)


def test_the_summary_as_json(program):
    done = program.run("replay", "-", "--json", stdin=place_line("order1") + place_line("order1") + b"?\n")
    assert done.returncode == 1
    nothing = dict.fromkeys(Op, 0)
    assert json.loads(done.stdout) == {
        "finished": True,
        "lines": 3,
        "applied": nothing | {"place": 1},
        "ignored": nothing | {"place": 1},
        "refused": 1,
    }


def test_a_terminal_shows_progress_and_a_table_at_the_end(program, tmp_path):
    file = tmp_path / "orders.jsonl"
    file.write_bytes(b"".join(place_line(f"order{number}") for number in range(300)) + b"?\n")
    code, shown = program.on_a_terminal("replay", str(file))
    assert code == 1
    assert "line 301: not JSON" in shown
    assert re.search(r"100%.*301 lines", shown)
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown)
    assert re.search(r"place +300 +0", plain)
    assert re.search(r"in all +300 +0 +1", plain)


def test_a_line_takes_effect_before_the_next_is_there(program, system):
    with program.start("replay", "-") as process:
        write_input(process, place_line("order1"))
        wait_until(lambda: system.count() == 1)
        write_input(process, b'{"op":"cancel","order_id":"order1"}\n')
        wait_until(lambda: system.count() == 0)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (0, b"")
    assert stdout == b"applied 2 (place 1, cancel 1)\nignored 0\nrefused 0\n"


def test_a_file_at_bulk_speed_and_a_pipe_line_by_line_end_alike(server, namespace, tmp_path):
    file = tmp_path / "commands.jsonl"
    with file.open("wb") as lines:
        for number in range(6000):
            lines.write(place_line(f"order{number % 4000}"))
            lines.write(
                b'{"op":"%s","order_id":"order%d"}\n' % ((b"pause", b"cancel")[number % 2], number // 2)
            )
        lines.write(b"no command\n")
    ends = []
    for name, source in ((namespace, str(file)), (namespace + "2", "-")):
        done = Program(server.url, name).run("replay", source, "--json", stdin=file.read_bytes())
        with CryptoOrderSystem(url=server.url, namespace=name) as system:
            ends.append((done.returncode, done.stdout, done.stderr, system.display_all_live_orders()))
    assert ends[0] == ends[1]
    assert ends[0][0] == 1
    assert len(ends[0][3]) > 1000
