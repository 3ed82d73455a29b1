"""The servers that are measured. They are private, in temporary folders, and end with the benchmark."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis

from benchmarks import cores
from tests.support.servers import RedisServer

IN_MEMORY = ("--appendonly", "no")
"""For benchmarks that do not depend on the append-only file, which would make it slow to fill a store."""


SETTLED_SECONDS = 0.001
"""After so long a server that has replied sleeps. Only then the kernel has added up its time."""


class MeasuredServer(RedisServer):
    """A redis-server on a Unix socket, kept to the server's core."""

    def launch(self) -> None:
        with cores.kept_to(cores.SERVER):
            super().launch()

    def keep_to(self, to: set[int]) -> None:
        """Keep it to these cores instead of the server's core."""
        assert self.process is not None
        cores.keep(self.process.pid, to)

    def processor_seconds(self) -> float:
        """Return the processor time of all its threads. Needs Linux.

        `INFO commandstats` would count also the time that other processes take away.
        """
        time.sleep(SETTLED_SECONDS)
        assert self.process is not None
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return 1e-9 * sum(int(thread.read_text().split()[0]) for thread in threads)

    def client(self, **options: Any) -> redis.Redis:
        return super().client(**{"socket_timeout": 600, **options})


@contextmanager
def redis_server(*options: str, program: str | None = None) -> Iterator[MeasuredServer]:
    with closing(MeasuredServer(*options, program=program)) as server:
        yield server


@contextmanager
def postgresql() -> Iterator[str | None]:
    """Yield how to connect to a PostgreSQL on a Unix socket; None if it is not installed."""
    initdb, postgres = postgresql_program("initdb"), postgresql_program("postgres")
    if not initdb or not postgres:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("nobody").pw_uid
            os.chown(folder, user, -1)
        subprocess.run(
            [initdb, "-D", folder / "data", "-A", "trust", "-U", "bench", "-E", "UTF8", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder,
        )  # fmt: skip
        settings = ("listen_addresses=", "synchronous_commit=off", "shared_buffers=256MB")
        with cores.kept_to(cores.ALL):
            process = subprocess.Popen(
                [
                    postgres, "-D", folder / "data", "-k", folder,
                    *(word for setting in settings for word in ("-c", setting)),
                ],
                stderr=subprocess.DEVNULL, user=user, cwd=folder,
            )  # fmt: skip
        where = f"host={folder} user=bench dbname=postgres"
        try:
            _wait_for_postgresql(where)
            yield where
        finally:
            process.send_signal(signal.SIGINT)  # does not wait for clients to leave, as SIGTERM does
            process.wait()


def postgresql_program(name: str) -> Path | None:
    """Return a program of PostgreSQL: the one on PATH, or where Debian keeps it."""
    if on_path := shutil.which(name):
        return Path(on_path)
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return debian[-1] if debian else None


def _wait_for_postgresql(where: str) -> None:
    import psycopg

    for _ in range(1000):
        try:
            psycopg.connect(where).close()
        except psycopg.OperationalError:
            time.sleep(0.01)
        else:
            return
    psycopg.connect(where).close()
