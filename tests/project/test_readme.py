"""The README's examples do what they show, and so do the docstrings'."""

import doctest
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cryptoorders_redis import CryptoOrderSystem, aio, order, system
from tests.support.servers import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def store(own_server, monkeypatch):
    """A server of the test's own, which $CRYPTOORDERS_URL names."""
    server = own_server()
    monkeypatch.setenv("CRYPTOORDERS_URL", server.url)
    return server


def doctests(text_or_module):
    runner = doctest.DocTestRunner()
    if isinstance(text_or_module, str):
        tests = [doctest.DocTestParser().get_doctest(text_or_module, {}, "README", "README.md", 0)]
    else:
        tests = doctest.DocTestFinder().find(text_or_module)
    for test in tests:
        runner.run(test)
    return runner.summarize()


@pytest.fixture
def folder(monkeypatch):
    """A working directory whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="cor-") as folder:
        monkeypatch.chdir(folder)
        yield


def test_the_python_sessions(folder):
    failed, attempted = doctests("".join(blocks("pycon")))
    assert (failed, attempted) == (0, README.count("\n>>> "))


@pytest.mark.parametrize("module", [system, aio, order])
def test_the_docstrings_sessions(module):
    failed, attempted = doctests(module)
    assert failed == 0
    assert attempted > 0


def test_the_program_that_awaits(folder):
    (program,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "1000 placed, 143 of user3 cancelled\n143 paused\n"


def same_at_any_time(text):
    """The text with times, and the numbers made of them, all alike."""
    text = re.sub(r"\b\d{16}\b", "NUMBER", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "TIME", text)


def place_what_the_readme_placed():
    with CryptoOrderSystem(3) as orders:
        orders.place("order1", "alice", "BTC", "0.5", 60_000)
        orders.place("order2", "alice", "ETH", "12", "2480.5")
        orders.place("order3", "bob", "BTC", 0.1, "59990.00")
        orders.pause("order2")


@pytest.mark.parametrize("block", blocks("console"))
def test_the_commands_and_what_they_print(store, tmp_path, block):
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    (tmp_path / "orders.jsonl").write_text(
        '{"op":"pause","order_id":"order1"}\n{"op":"pause"}\n{"op":"cancel","order_id":"order1"}\n'
    )
    if "redis-cli" in block or "orders.jsonl" in block:
        place_what_the_readme_placed()
    redis_cli = shutil.which("redis-cli") or Path(store.program).with_name("redis-cli")
    for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        done = subprocess.run(
            ["bash", "-c", f'redis-cli() {{ "{redis_cli}" -s "{store.socket}" "$@"; }}; {command}'],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
        assert same_at_any_time(done.stdout) == same_at_any_time(shown), command


def test_every_file_that_the_readme_links_to_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (REPOSITORY / target).exists(), target
