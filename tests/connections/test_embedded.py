"""file:DIR: a private server that processes share, that is there again after a crash, and ends with them."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem, errors
from cryptoorders_redis.transport.embedded import file_locks, folder_server
from cryptoorders_redis.transport.embedded.file_locks import FileLock, try_lock
from cryptoorders_redis.transport.embedded.folder_server import LONGEST_SOCKET_PATH, FolderServer
from tests.support.folder_stores import (
    SlowProgram,
    client,
    is_locked,
    kill_server,
    readline,
    runs,
    server_pid,
)
from tests.support.processes import Worker, ready
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("program")

OPEN_FROM_A_THREAD_AND_FORK = """
import os, sys, threading
from cryptoorders_redis.transport.embedded.folder_server import FolderServer
threading.Thread(target=FolderServer(sys.argv[1]).join).start()
sys.stdin.readline()
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.readline()
    os._exit(0)
os._exit(0)
"""


def worker(folder: Path) -> Worker:
    """A process that has the store open, and ends without closing it."""
    return Worker(CryptoOrderSystem, url=f"file:{folder}")


def place(worker: Worker, order_id: str) -> bool:
    return worker.call("place", order_id, "alice", "BTC", 1, 2)


@pytest.fixture
def slow_program(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlowProgram:
    slow = SlowProgram(tmp_path / "slow", program)
    monkeypatch.setenv("PATH", str(slow.path))
    return slow


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


def test_processes_that_open_it_at_once_share_one_server(folder: Path) -> None:
    with ready([worker(folder) for _ in range(6)]) as workers:
        assert [place(worker, f"order{n}") for n, worker in enumerate(workers)] == [True] * 6
        with CryptoOrderSystem(url=f"file:{folder}") as system:
            assert system.count() == 6
            assert (folder / "redis.log").read_text().count("Server initialized") == 1
            assert [place(worker, f"later{n}") for n, worker in enumerate(workers)] == [True] * 6
            assert system.count() == 12


def test_a_killed_starter_does_not_lead_to_two_servers(folder: Path, slow_program: SlowProgram) -> None:
    starter = worker(folder)
    wait_until(slow_program.num_begun)
    starter.kill()
    second = worker(folder)
    wait_until(lambda: is_locked(folder, "users.lock"))
    time.sleep(0.2)  # in which a second server would begin
    slow_program.let_go_on()
    assert place(second, "order1")
    assert slow_program.num_begun() == 1
    second.close()
    assert not runs(folder)


def test_the_last_to_close_stops_the_server(folder: Path) -> None:
    first = CryptoOrderSystem(url=f"file:{folder}")
    second = CryptoOrderSystem(url=f"file:{folder}")
    first.close()
    assert runs(folder)
    assert second.place("order1", "alice", "BTC", 1, 2)
    second.close()
    assert not runs(folder)


def test_after_leave_a_server_is_not_started_again(folder: Path) -> None:
    server = FolderServer(str(folder))
    server.join()
    server.leave()
    with pytest.raises(errors.StoreClosed):
        server.join()
    with pytest.raises(errors.StoreClosed):
        server.revive()
    assert not server.joined
    assert not runs(folder)


def test_leave_before_join_makes_no_folder(folder: Path) -> None:
    server = FolderServer(str(folder))
    server.leave()
    with pytest.raises(errors.StoreClosed):
        server.join()
    assert not folder.exists()


def test_leave_stops_a_server_that_is_being_started(folder: Path, slow_program: SlowProgram) -> None:
    server = FolderServer(str(folder))
    with ThreadPoolExecutor() as pool:
        joining = pool.submit(server.join)
        wait_until(slow_program.num_begun)
        leaving = pool.submit(server.leave)
        wait_until(lambda: not server.joined)
        slow_program.let_go_on()
        leaving.result()
        assert isinstance(joining.exception(), errors.StoreClosed)
    assert not is_locked(folder, "server.lock")
    assert slow_program.num_begun() == 1


def test_leave_overtakes_a_join_that_waits_for_its_turn(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    server = FolderServer(str(folder))
    with ThreadPoolExecutor() as pool:
        start_lock = try_lock(folder / "start.lock")
        assert start_lock
        with start_lock:
            joining = pool.submit(server.join)
            time.sleep(0.1)
            server.leave()
        assert isinstance(joining.exception(), errors.StoreClosed)
    assert not is_locked(folder, "users.lock")
    assert not runs(folder)


def test_a_call_that_waits_for_a_start_starts_none_after_close(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It found the server gone, and is then overtaken by all of close()."""
    system = CryptoOrderSystem(url=f"file:{folder}")
    kill_server(folder)
    waits, may_go_on = threading.Event(), threading.Event()

    def wait_for_lock(*arguments: Any, **options: Any) -> FileLock:
        if threading.current_thread() is not threading.main_thread():
            waits.set()
            assert may_go_on.wait(20)
        return file_locks.wait_for_lock(*arguments, **options)

    monkeypatch.setattr(folder_server, "wait_for_lock", wait_for_lock)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(system.count)
        assert waits.wait(20)
        system.close()
        may_go_on.set()
        with pytest.raises(errors.StoreClosed):
            call.result()
    assert not is_locked(folder, "server.lock"), "which a server holds from its first moment on"


def test_close_with_calls_in_flight_stops_the_server(folder: Path) -> None:
    for n in range(10):
        system = CryptoOrderSystem(url=f"file:{folder}")
        with ThreadPoolExecutor(20) as pool:
            calls = [pool.submit(system.place, f"{n}-{i}", "alice", "BTC", 1, 2) for i in range(60)]
            calls[n].exception()
            system.close()
            for call in calls:
                assert isinstance(call.exception(), errors.CryptoOrdersError | None)
        assert not is_locked(folder, "server.lock")


def test_async_close_with_calls_in_flight_stops_the_server(folder: Path) -> None:
    async def close_amid_calls() -> None:
        system = AsyncCryptoOrderSystem(url=f"file:{folder}")
        calls = [asyncio.ensure_future(system.place(f"order{i}", "alice", "BTC", 1, 2)) for i in range(60)]
        await asyncio.sleep(0)
        await system.close()
        for done in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(done, bool | errors.CryptoOrdersError)

    for _ in range(3):
        asyncio.run(close_amid_calls())
        assert not is_locked(folder, "server.lock")


def test_a_process_that_ends_without_close_stops_the_server(folder: Path) -> None:
    alone = worker(folder)
    assert place(alone, "order1")
    alone.close()
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


def test_a_forked_child_can_start_the_server_again(folder: Path) -> None:
    system = CryptoOrderSystem(url=f"file:{folder}")
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read_end, 1)
        placed = system.place("order1", "alice", "BTC", 1, 2)
        system.close()
        os._exit(0 if placed else 1)
    system.close()
    kill_server(folder)
    os.write(write_end, b"x")
    assert os.waitpid(child, 0)[1] == 0
    assert not runs(folder)
    os.close(read_end)
    os.close(write_end)


def test_a_fork_while_a_thread_opens_it_locks_nobody_out(folder: Path, slow_program: SlowProgram) -> None:
    forking = subprocess.Popen(
        [sys.executable, "-c", OPEN_FROM_A_THREAD_AND_FORK, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(slow_program.num_begun)
    assert forking.stdin
    forking.stdin.write("fork\n")
    forking.stdin.flush()
    assert readline(forking.stdout) == "forked\n"
    forking.wait()  # the child lives on
    slow_program.let_go_on()
    with ThreadPoolExecutor() as pool:
        opening = pool.submit(CryptoOrderSystem, url=f"file:{folder}")
        try:
            system = opening.result(timeout=5)
        finally:
            forking.communicate("end\n")
    assert system.place("order1", "alice", "BTC", 1, 2)
    system.close()


def test_a_killed_server_is_started_again_by_any_process(folder: Path) -> None:
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        with ready([worker(folder)]) as (other,):
            assert place(other, "order1")
            os.kill(server_pid(folder), signal.SIGKILL)
            assert place(other, "order2")
        assert system.display_all_live_orders() == ["order1", "order2"]
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


@pytest.mark.skipif(sys.platform != "linux", reason="finds the server's children in /proc")
def test_a_child_that_outlives_a_killed_server_is_waited_for(folder: Path) -> None:
    with CryptoOrderSystem(url=f"file:{folder}") as system, ThreadPoolExecutor() as pool:
        system.place("order1", "alice", "BTC", 1, 2)
        server = server_pid(folder)
        with client(folder) as looking:
            looking.config_set("rdb-key-save-delay", 10_000_000)  # the file's rewriting takes minutes
            looking.bgrewriteaof()
        (child,) = map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())
        os.kill(server, signal.SIGKILL)
        placing = pool.submit(system.place, "order2", "alice", "BTC", 1, 2)
        try:
            with pytest.raises(TimeoutError):
                placing.result(timeout=0.3)
            assert is_locked(folder, "server.lock")
        finally:
            os.kill(child, signal.SIGKILL)
        assert placing.result()
        assert system.count() == 2


def test_a_child_that_outlives_it_is_not_waited_for_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_server, "START_SECONDS", 0.2)
    folder.mkdir(mode=0o700)
    held = try_lock(folder / "server.lock")
    assert held
    with held, pytest.raises(errors.StoreUnavailable, match=r"server\.lock in the folder .* is held, but no"):
        FolderServer(str(folder)).join()


def test_a_killed_process_leaves_the_server_to_the_next_one(folder: Path) -> None:
    killed = worker(folder)
    assert place(killed, "order1")
    killed.kill()
    assert runs(folder)
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        assert system.display_all_live_orders() == ["order1"]
    assert not runs(folder)


def test_a_server_that_hangs_does_not_hold_close(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert folder_server.STOP_SECONDS <= 5
    monkeypatch.setattr(folder_server, "STOP_SECONDS", 0.3)
    system = CryptoOrderSystem(url=f"file:{folder}")
    pid = server_pid(folder)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        system.close()
        assert time.monotonic() - began < 2
    finally:
        os.kill(pid, signal.SIGCONT)
    (warning,) = (record for record in caplog.records if record.name == "cryptoorders_redis")
    assert warning.levelno == logging.WARNING
    assert f"the server of {folder} was left running: it did not stop within 0.3 s" in warning.getMessage()
    assert str(folder / "redis.pid") in warning.getMessage()


def test_a_server_that_hangs_is_said_to_hang(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_server, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(folder_server, "STOP_SECONDS", 0.3)
    with CryptoOrderSystem(url=f"file:{folder}"):
        pid = server_pid(folder)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(errors.StoreUnavailable, match=r"hangs: no answer within 0\.3 s"):
                FolderServer(str(folder)).join()
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_path_too_long_for_a_socket_says_so_and_what_to_do() -> None:
    long = "/tmp/" + "x" * LONGEST_SOCKET_PATH
    with pytest.raises(ValueError, match="use a folder with a shorter path, or a symbolic link"):
        CryptoOrderSystem(url=f"file:{long}")


@pytest.mark.parametrize("url", ["file:", "file://orders"])
def test_a_url_without_a_folder_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="names no folder: write file:DIR"):
        CryptoOrderSystem(url=url)
