"""The private server of a folder, for `file:DIR`."""

import contextlib
import logging
import os
import socket
import time
from pathlib import Path

from cryptoorders_redis import errors
from cryptoorders_redis.transport.embedded.file_locks import (
    POLL_SECONDS,
    FileLock,
    fork_guard,
    try_lock,
    wait_for_lock,
)
from cryptoorders_redis.transport.embedded.ownership import check_peer, make_private_folder
from cryptoorders_redis.transport.embedded.server_process import (
    LOG,
    PID,
    SOCKET,
    make_end_error,
    start_server,
)

LONGEST_SOCKET_PATH = 103
"""The maximum length of a Unix socket's path on macOS, in bytes. Linux allows 4 more."""

START_SECONDS = 10
"""How long a server may take to answer after its start. It also answers while it loads its file."""

ANSWER_SECONDS = 5
"""How long a running server may take to answer."""

STOP_SECONDS = 5
"""How long a server may take to stop. After that it is left running."""

LOCK_SECONDS = 15
"""How long to wait for start.lock: longer than a start or a stop may take."""

_log = logging.getLogger("cryptoorders_redis")


class FolderServer:
    """The private server of one folder. All processes of this user that open the folder share it.

    The first process that opens the folder starts the server. The last process that closes it stops the
    server. After a crash of the server the next call of any process starts it again. A process that is killed
    leaves the server running, and the next process uses it. Three file locks prevent races:

    - `server.lock` is held by the server itself. While it is held, no second server is started.
    - `users.lock` is shared by all processes that have the folder open.
    - `start.lock` is held by a process while it starts, stops or joins the server.
    """

    def __init__(self, folder: str) -> None:
        if not folder or (folder.startswith("//") and not folder.startswith("///")):
            raise ValueError(f"file:{folder} names no folder: write file:DIR or file:///DIR")
        self.folder: Path = Path(folder).absolute()
        self.socket: Path = self.folder / SOCKET
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET_PATH:
            raise ValueError(
                f"{self.socket} is longer than the {LONGEST_SOCKET_PATH} bytes that a socket's path "
                "can have: use a folder with a shorter path, or a symbolic link to this one"
            )
        self._users: FileLock | None = None
        self._left = False

    @property
    def joined(self) -> bool:
        """Whether this process is a user of the server."""
        return self._users is not None

    def join(self) -> None:
        """Create the folder, become a user of its server, and start the server unless it runs.

        Raises:
            StoreClosed: `leave` was called.
            StoreUnavailable: The folder is not safe to use, or its server does not answer.
            ServerNotStarted: No server program was found, or the server could not be started.
            AccessDenied: The server belongs to another user.
        """
        self._refuse_if_left()
        if self.joined:
            return
        make_private_folder(self.folder)
        with wait_for_lock(self.folder / "start.lock", LOCK_SECONDS):
            if not self.joined:  # another thread may have joined meanwhile
                self._begin_use()
        self._wait_until_up()

    def revive(self) -> None:
        """Start the server again if it does not run. Raises the errors of `join`."""
        self._wait_until_up()

    def leave(self) -> None:
        """Stop the server unless another process uses it. Then `join` and `revive` raise StoreClosed."""
        with fork_guard:
            self._left = True
            users, self._users = self._users, None
        if users is None:
            return
        give_up_at = time.monotonic() + STOP_SECONDS
        try:
            with wait_for_lock(self.folder / "start.lock", STOP_SECONDS):
                users.close()
                # After a fork, the child or the parent may still hold the lock that was just closed.
                if nobody_else := try_lock(self.folder / "users.lock"):
                    with nobody_else:
                        self._stop(give_up_at)
        except errors.StoreUnavailable as error:
            _log.warning("the server of %s was left running: %s", self.folder, error)
        finally:
            users.close()

    def _refuse_if_left(self) -> None:
        if self._left:
            raise errors.StoreClosed("this system is closed")

    def _begin_use(self) -> None:
        users = wait_for_lock(self.folder / "users.lock", LOCK_SECONDS, shared=True)
        with fork_guard:
            if self._left:
                users.close()
                self._refuse_if_left()
            users.for_children = True
            self._users = users

    def _wait_until_up(self) -> None:
        """Start the server if it does not run, at most once. Return when it is up and has loaded its file."""
        log_start: int | None = None
        give_up_at = time.monotonic() + START_SECONDS
        while not (answer := self._ping()) or answer.startswith(b"-LOADING"):
            self._refuse_if_left()
            started = None if answer else self._start_if_gone(log_start)
            if started is not None:
                log_start = started
            if answer or started is not None:
                give_up_at = time.monotonic() + START_SECONDS
            elif time.monotonic() > give_up_at:
                raise errors.StoreUnavailable(
                    f"server.lock in the folder {self.folder} is held, but no server has answered for "
                    f"{START_SECONDS:g} s; {self.folder / LOG} may say why"
                )
            time.sleep(POLL_SECONDS)
        self._refuse_if_left()

    def _start_if_gone(self, log_start: int | None) -> int | None:
        """Start a server unless one runs. Return where its log begins, or None if one runs.

        Args:
            log_start: Where the log begins of the server that this process started, or None.

        Raises:
            ServerNotStarted: The server that this process started has ended, or none could be started.
        """
        with wait_for_lock(self.folder / "start.lock", LOCK_SECONDS):
            self._refuse_if_left()  # leave() holds start.lock too, and stops a server that was started before
            server_lock = try_lock(self.folder / "server.lock")
            if not server_lock:
                # It loads its file, or is about to end, or was killed and a child that it forked still runs.
                return None
            with server_lock:
                if log_start is not None:
                    raise make_end_error(self.folder, log_start)
                return start_server(self.folder, server_lock)

    def _stop(self, give_up_at: float) -> None:
        while not (server_lock := try_lock(self.folder / "server.lock")):
            seconds = give_up_at - time.monotonic()
            if seconds <= 0:
                raise errors.StoreUnavailable(
                    f"it did not stop within {STOP_SECONDS:g} s; to stop it, use the process id in "
                    f"{self.folder / PID}"
                )
            with contextlib.suppress(OSError, errors.AccessDenied):
                self._ask(b"SHUTDOWN NOSAVE", seconds)  # the append-only file is flushed anyway
            time.sleep(POLL_SECONDS)
        server_lock.close()

    def _ping(self) -> bytes:
        """Return the server's answer, or no bytes if no server listens.

        Raises:
            StoreUnavailable: A server listens, but does not answer.
        """
        try:
            return self._ask(b"PING", ANSWER_SECONDS)
        except TimeoutError:
            raise errors.StoreUnavailable(
                f"the server at {self.socket} hangs: no answer within {ANSWER_SECONDS:g} s"
            ) from None
        except OSError:
            return b""

    def _ask(self, command: bytes, seconds: float) -> bytes:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(seconds)
            peer.connect(str(self.socket))
            check_peer(peer)
            peer.sendall(command + b"\r\n")
            return peer.recv(1000)
