"""file:DIR is private: no other user can read it, write in it, or put a server of theirs in its place."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.transport.embedded import folder_server
from tests.support.blocking import BlockingSystem
from tests.support.folder_stores import client, server_pid
from tests.support.servers import server_program
from tests.support.waiting import wait_until

OTHER_USER = 65534
"""Whom the name nobody stands for, nearly everywhere."""

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make links and servers of another user"
)


@pytest.fixture
def foreign_server() -> Iterator[Path]:
    """The folder of a server that another user runs, whose socket is open for everybody."""
    folder = Path(tempfile.mkdtemp(prefix="cor-"))
    os.chown(folder, OTHER_USER, OTHER_USER)
    process = subprocess.Popen(
        [
            server_program(),
            "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "777",
            "--dir", str(folder), "--save", "", "--logfile", str(folder / "log"),
        ],
        user=OTHER_USER,
        group=OTHER_USER,
        extra_groups=[],
    )  # fmt: skip
    wait_until((folder / "redis.sock").exists)
    yield folder
    process.kill()
    process.wait()
    shutil.rmtree(folder)


def test_only_its_user_can_read_it(folder: Path, program: str) -> None:
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        system.place("order1", "alice", "BTC", 1, 2)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(list(folder.iterdir())) >= 6
        for path in folder.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path


@needs_root
def test_a_folder_of_another_user_is_refused(folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, OTHER_USER, OTHER_USER)
    with pytest.raises(errors.StoreUnavailable, match=f"belongs to another user .uid {OTHER_USER}."):
        CryptoOrderSystem(url=f"file:{folder}")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_in_is_refused(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(
        errors.StoreUnavailable, match=rf"may write in .* \(mode {mode:04o}\): .*chmod go-w {folder}"
    ):
        CryptoOrderSystem(url=f"file:{folder}")
    assert list(folder.iterdir()) == []


def test_a_folder_that_others_may_only_read_is_used(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        assert system.place("order1", "alice", "BTC", 1, 2)


def test_a_file_in_the_folders_place_is_refused(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(errors.StoreUnavailable, match="cannot be used"):
        CryptoOrderSystem(url=f"file:{folder}")


def test_a_link_of_ones_own_is_followed(folder: Path) -> None:
    folder.symlink_to(folder.parent / "elsewhere")
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    with CryptoOrderSystem(url=f"file:{folder}") as system:
        assert system.place("order1", "alice", "BTC", 1, 2)


def test_links_in_a_circle_are_refused(folder: Path) -> None:
    folder.symlink_to(folder.parent / "back")
    (folder.parent / "back").symlink_to(folder)
    with pytest.raises(errors.StoreUnavailable, match=r"cannot be used: .*symbolic links"):
        CryptoOrderSystem(url=f"file:{folder}")


@needs_root
@pytest.mark.parametrize("path", ["theirs", "theirs/below", "ours", "ours/below/deeper"])
def test_a_link_of_another_user_is_refused(folder: Path, path: str) -> None:
    (folder.parent / "target").mkdir(mode=0o700)
    (folder.parent / "theirs").symlink_to("target")
    os.lchown(folder.parent / "theirs", OTHER_USER, OTHER_USER)
    (folder.parent / "ours").symlink_to("theirs")  # a link of ours that leads over theirs
    with pytest.raises(errors.StoreUnavailable, match="theirs, a symbolic link of another user"):
        CryptoOrderSystem(url=f"file:{folder.parent / path}")
    assert list((folder.parent / "target").iterdir()) == []


@pytest.mark.parametrize("name", ["start.lock", "users.lock", "server.lock"])
def test_a_lock_file_that_is_a_link_is_refused(folder: Path, name: str) -> None:
    folder.mkdir(mode=0o700)
    (folder / name).symlink_to(folder.parent / "elsewhere")
    with pytest.raises(errors.StoreUnavailable, match=f"{name} cannot be used: it is a symbolic link"):
        CryptoOrderSystem(url=f"file:{folder}")
    assert not (folder.parent / "elsewhere").exists()


@needs_root
def test_a_server_of_another_user_is_refused(folder: Path, foreign_server: Path) -> None:
    folder.mkdir(mode=0o700)
    (foreign_server / "redis.sock").rename(folder / "redis.sock")
    with pytest.raises(errors.AccessDenied, match=f"redis.sock belongs to another user .uid {OTHER_USER}."):
        CryptoOrderSystem(url=f"file:{folder}")
    with client(folder) as looking:
        assert "cmdstat_ping" not in looking.info("commandstats")


@needs_root
@pytest.mark.parametrize("api", [CryptoOrderSystem, BlockingSystem], ids=["sync", "async"])
def test_a_reconnect_to_another_users_server_is_refused(
    folder: Path, foreign_server: Path, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_server, "STOP_SECONDS", 0.2)
    system = api(num_streams=3, url=f"file:{folder}")
    own = server_pid(folder)
    try:
        with client(folder) as looking:
            looking.ping()
            (foreign_server / "redis.sock").rename(folder / "redis.sock")
            looking.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for _ in range(3):
            with pytest.raises(errors.AccessDenied, match="belongs to another user"):
                system.place("order1", "alice", "BTC", 1, 2)
        with client(folder) as looking:
            assert looking.dbsize() == 0
    finally:
        with contextlib.suppress(redis.ConnectionError):
            system.close()
        os.kill(own, signal.SIGKILL)
