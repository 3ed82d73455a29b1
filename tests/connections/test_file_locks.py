"""Locks on files: they end with their holder, a fork does not copy them, and nobody waits for ever."""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.transport.embedded import folder_server
from cryptoorders_redis.transport.embedded.file_locks import FileLock, fork_guard, try_lock, wait_for_lock
from tests.support.folder_stores import readline, runs

HOLD = """
import sys
from pathlib import Path
from cryptoorders_redis.transport.embedded.file_locks import try_lock
lock = try_lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""


def locked(path: Path, *, shared: bool = False) -> FileLock:
    lock = try_lock(path, shared=shared)
    assert lock
    return lock


@contextlib.contextmanager
def forked(check: Callable[[], object]) -> Iterator[None]:
    """A child that makes the check, and lives until the end of the block."""
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 where other threads run
        child = os.fork()
    if child == 0:
        os.close(write_end)
        check()
        os.read(read_end, 1)
        os._exit(0)
    os.close(read_end)
    try:
        yield
    finally:
        os.close(write_end)
        status = os.waitpid(child, 0)[1]
    assert status == 0


def test_one_holds_it_until_the_lock_is_closed(tmp_path: Path) -> None:
    first = locked(tmp_path / "lock")
    assert try_lock(tmp_path / "lock") is None
    assert try_lock(tmp_path / "lock", shared=True) is None
    first.close()
    first.close()
    locked(tmp_path / "lock").close()


def test_a_shared_lock_is_for_many_but_keeps_others_out(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", shared=True), locked(tmp_path / "lock", shared=True):
        assert try_lock(tmp_path / "lock") is None
    locked(tmp_path / "lock").close()


def test_it_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert readline(holder.stdout) == "held\n"
    assert try_lock(tmp_path / "lock") is None
    holder.kill()
    holder.communicate()
    locked(tmp_path / "lock").close()


@pytest.mark.parametrize("for_children", [False, True])
def test_a_forked_child_holds_it_only_if_it_is_to(tmp_path: Path, for_children: bool) -> None:
    lock = locked(tmp_path / "lock")
    lock.for_children = for_children
    with forked(lambda: None if (lock.file is not None) == for_children else os._exit(1)):
        lock.close()
        if for_children:
            time.sleep(0.1)
            assert try_lock(tmp_path / "lock") is None
        else:
            wait_for_lock(tmp_path / "lock", 10).close()
    locked(tmp_path / "lock").close()


def test_a_fork_amid_a_short_step_waits_for_its_end(tmp_path: Path) -> None:
    events: list[str] = []

    def hold() -> None:
        with fork_guard:
            begun.set()
            time.sleep(0.2)
            events.append("step")

    begun = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    with forked(lambda: None if events == ["step"] and fork_guard.acquire(blocking=False) else os._exit(1)):
        assert events == ["step"]
    thread.join()


def test_a_child_that_ends_does_not_free_its_parents_lock(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        with forked(lambda: None):
            pass
        assert try_lock(tmp_path / "lock") is None


def test_who_waits_too_long_is_told_for_what(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        locked(tmp_path / "lock"),
        pytest.raises(
            errors.StoreUnavailable,
            match=rf"lock in the folder {tmp_path} is still held by another process after 0\.1 s",
        ),
    ):
        wait_for_lock(tmp_path / "lock", 0.1)
    assert 0.1 <= time.monotonic() - began < 2


@pytest.mark.parametrize("name", ["start.lock", "users.lock"])
def test_opening_a_store_does_not_wait_for_ever(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_server, "LOCK_SECONDS", 0.1)
    folder.mkdir(mode=0o700)
    with (
        locked(folder / name),
        pytest.raises(errors.StoreUnavailable, match=rf"{name} in the folder .* after 0\.1 s"),
    ):
        CryptoOrderSystem(url=f"file:{folder}")


def test_closing_a_store_does_not_wait_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(folder_server, "STOP_SECONDS", 0.1)
    system = CryptoOrderSystem(url=f"file:{folder}")
    with locked(folder / "start.lock"):
        system.close()
    (warning,) = (record for record in caplog.records if record.name == "cryptoorders_redis")
    assert warning.levelno == logging.WARNING
    assert "was left running: start.lock in the folder" in warning.getMessage()
    assert runs(folder)
    CryptoOrderSystem(url=f"file:{folder}").close()  # does not count the one that gave up
    assert not runs(folder)
