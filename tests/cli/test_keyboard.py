"""Leaving `watch` by a key: the terminal is given back as it was, however it ends."""

import signal
import time

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.program import MODULE, Program, Terminal


@pytest.fixture
def program(server, namespace):
    CryptoOrderSystem(2, url=server.url, namespace=namespace).close()
    return Program(server.url, namespace)


def leave_by(key):
    return lambda terminal: terminal.type(key)


def end_by(number):
    return lambda terminal: terminal.process.send_signal(number)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (leave_by("q"), 0),
        (leave_by("xyz q"), 0),
        (leave_by("\x03"), 0),
        (end_by(signal.SIGTERM), 143),
        (end_by(signal.SIGHUP), 129),
    ],
    ids=["q", "q behind others", "Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_watch_gives_the_terminal_back_however_it_ends(program, end, code):
    with program.terminal("watch", "--interval", "60") as terminal:
        before = terminal.settings()
        shown = terminal.read_until("Ctrl-C to quit")
        assert "press q or Ctrl-C to quit" in shown
        assert terminal.settings() != before
        end(terminal)
        rest = terminal.read_to_end()
        assert (terminal.process.returncode, terminal.settings()) == (code, before)
    assert "\x1b[?1049l" in rest
    assert "Traceback" not in rest


def test_other_keys_are_no_reason_to_look_again(program):
    with program.terminal("watch", "--interval", "1", "--count", "2") as terminal:
        terminal.read_until("Ctrl-C to quit")
        began = time.monotonic()
        terminal.type("xyz")
        terminal.read_until("Ctrl-C to quit")
        assert time.monotonic() - began > 0.7
        terminal.read_to_end()
        assert terminal.process.returncode == 0


def test_q_is_not_read_where_stdin_is_no_terminal(program):
    command = ["sh", "-c", '"$@" </dev/null', "sh", *MODULE, "watch", "--interval", "0.1"]
    with Terminal(command, program.environment, 50) as terminal:
        before = terminal.settings()
        assert "q or" not in terminal.read_until("Ctrl-C to quit")
        assert terminal.settings() == before
        terminal.type("q")
        for _ in range(3):
            terminal.read_until("Ctrl-C to quit")
        terminal.type("\x03")
        terminal.read_to_end()
