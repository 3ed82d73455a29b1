"""Standard output that is closed or full: exit code 2 and one line. Standard error: no difference."""

import os
import subprocess
from pathlib import Path

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.every_command import COMMANDS, example_of
from tests.support.program import MODULE, Program

CALLS = [
    *(example_of(command) for command in COMMANDS if command != "import"),
    ["import", "-", "--url", "memory://"],  # there is a namespace already in the other store
    ["live", "--json"],
    ["demo", "--url", "memory://"],
    ["--help"],
    ["place", "--help"],
]
FULL = "cryptoorders: cannot write to standard output: No space left on device\n"
CLOSED = "cryptoorders: cannot write to standard output: Broken pipe\n"


@pytest.fixture
def program(server, namespace):
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        system.configure(feed=100)  # so that `follow` has something to show
        system.place("order1", "alice", "BTC", 1, 2)
    return Program(server.url, namespace)


def ended(program, arguments, stdout):
    done = subprocess.run(
        [*MODULE, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=program.environment,
        check=False,
        timeout=60,
    )
    note = b"a memory:// store exists only in this process, and its orders are lost when the process ends\n"
    return done.returncode, done.stderr.removeprefix(note).decode()


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_a_full_output_is_one_line_and_exit_code_2(program, arguments):
    with Path("/dev/full").open("wb") as full:
        assert ended(program, arguments, full) == (2, FULL)


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_a_closed_pipe_is_one_line_and_exit_code_2(program, arguments):
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        assert ended(program, arguments, theirs) == (2, CLOSED)
    finally:
        os.close(theirs)


@pytest.mark.parametrize("arguments", [["count"], ["live"], ["place", "order2", "alice", "BTC", "1", "2"]])
def test_no_standard_output_at_all_ends_it_before_it_begins(program, arguments):
    done = program.run("-c", '"$@" >&-', "sh", *MODULE, *arguments, program=("sh",))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "cryptoorders: cannot write to standard output: Bad file descriptor\n"
    assert program.run("count").stdout == "1\n"


@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("count",), 0, "1\n"),
        (("cancel", "order1"), 0, "cancelled order1\n"),
        (("count", "--url", "unix:///nowhere"), 2, ""),
        (("count", "--no-such-option"), 2, ""),
        (("place", "order2", "alice", "BTC", "none", "2"), 2, ""),
    ],
)
def test_a_standard_error_that_cannot_be_written_changes_nothing(program, where, arguments, code, said):
    done = program.run("-c", f'"$@" 2{where}', "sh", *MODULE, *arguments, program=("sh",))
    assert (done.returncode, done.stdout) == (code, said)


def test_a_reader_that_leaves_early_ends_a_long_listing(program, server, namespace):
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        system.place_many(
            [(f"a long name, number {number}", "alice", "BTC", 1, 2) for number in range(20_000)]
        )
    for options in ((), ("--user", "alice"), ("--json",)):
        with program.start("live", *options) as process:
            assert b"order1" in process.stdout.readline()
            process.stdout.close()
            assert process.wait(timeout=20) == 2
            assert process.stderr.read().decode() == CLOSED


def test_a_watch_whose_reader_leaves_ends(program):
    with program.start("watch", "--interval", "0.1") as process:
        assert b"1 live" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=20) == 2
        assert process.stderr.read().decode() == CLOSED
