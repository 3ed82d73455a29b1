"""Looks at folders of `file:` stores, and at their servers, from outside."""

import contextlib
import os
import shlex
import signal
from pathlib import Path
from typing import IO

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cryptoorders_redis.transport.embedded.file_locks import try_lock
from tests.support.waiting import wait_until


def client(folder: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(folder / "redis.sock"), protocol=2, retry=Retry(NoBackoff(), 0))


def server_pid(folder: Path) -> int:
    with client(folder) as looking:
        return looking.info("server")["process_id"]


def runs(folder: Path) -> bool:
    with contextlib.suppress(redis.ConnectionError), client(folder) as looking:
        return looking.ping()
    return False


def is_locked(folder: Path, name: str) -> bool:
    if not (folder / name).exists():
        return False
    lock = try_lock(folder / name)
    if lock:
        lock.close()
    return lock is None


def kill_server(folder: Path) -> None:
    """End it as a crash would."""
    pid = server_pid(folder)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not runs(folder))


def readline(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def write_script(path: Path, *lines: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


class SlowProgram:
    """A `redis-server` in a folder for PATH. It waits for `let_go_on`, and then becomes the real one."""

    def __init__(self, folder: Path, real: str) -> None:
        self.path = folder
        self._begun, self._may_go_on = folder / "begun", folder / "may-go-on"
        write_script(
            folder / "redis-server",
            f"echo $$ >> {shlex.quote(str(self._begun))}",
            f"while [ ! -e {shlex.quote(str(self._may_go_on))} ]; do /bin/sleep 0.01; done",
            f'exec {shlex.quote(real)} "$@"',
        )

    def num_begun(self) -> int:
        return len(self._begun.read_text().splitlines()) if self._begun.exists() else 0

    def let_go_on(self) -> None:
        self._may_go_on.touch()
