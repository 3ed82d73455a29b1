"""Locks on files, which the operating system frees when the process that holds them ends."""

import errno
import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptoorders_redis import errors

POLL_SECONDS = 0.01

fork_guard: threading.RLock = threading.RLock()
"""No fork happens while a thread holds it: what is done under it, a child has either all or nothing of.

Only for steps that wait for nothing. In a child it is free, unlike other locks of threads."""

_held: set["FileLock"] = set()


class FileLock:
    """A lock that this process holds until `close`.

    A child after a fork gives its copy up, because the thread that would do it does not exist there.

    Attributes:
        file: the descriptor, or None after `close`. A program that inherits it holds the lock too.
        for_children: whether a child after a fork keeps the lock, and holds it together with us.
    """

    def __init__(self, file: int) -> None:
        self.file: int | None = file
        self.for_children = False

    def close(self) -> None:
        """Give the lock up. Another process that inherited it holds it on."""
        with fork_guard:
            file, self.file = self.file, None
            _held.discard(self)
            if file is not None:
                os.close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def try_lock(path: Path, *, shared: bool = False) -> FileLock | None:
    """Return the lock, or None if another one holds it.

    Raises:
        StoreUnavailable: the file cannot be made or opened, or is a symbolic link.
    """
    with fork_guard:
        file = _open(path)
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        except OSError as error:
            os.close(file)
            raise errors.StoreUnavailable(f"the file {path} cannot be locked: {error}") from error
        lock = FileLock(file)
        _held.add(lock)
        return lock


def wait_for_lock(path: Path, seconds: float, *, shared: bool = False) -> FileLock:
    """Return the lock, as soon as nobody else holds it.

    Raises:
        StoreUnavailable: that took longer than `seconds`; or as `try_lock` says.
    """
    give_up_at = time.monotonic() + seconds
    while not (lock := try_lock(path, shared=shared)):
        if time.monotonic() > give_up_at:
            raise errors.StoreUnavailable(
                f"{path.name} in the folder {path.parent} is still held by another process after "
                f"{seconds:g} s: end that process, then try again"
            )
        time.sleep(POLL_SECONDS)
    return lock


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else error
        raise errors.StoreUnavailable(f"the lock file {path} cannot be used: {reason}") from error


def _after_fork_in_child() -> None:
    for lock in [lock for lock in _held if not lock.for_children]:
        lock.close()
    fork_guard.release()


os.register_at_fork(
    before=fork_guard.acquire, after_in_parent=fork_guard.release, after_in_child=_after_fork_in_child
)
