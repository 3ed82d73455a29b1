"""Locks on files. The operating system releases a lock when the process that holds it ends."""

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
"""While a thread holds it, no fork happens. So a child process sees either all or none of a guarded change.

Only for steps that do not wait. In a child process it is free, unlike other thread locks.
"""

_held: set["FileLock"] = set()


class FileLock:
    """A lock that this process holds until `close`.

    After a fork the child closes its copy: the thread that would close it does not exist in the child.

    Attributes:
        file: The file descriptor, or None after `close`. A program that inherits it holds the lock too.
        for_children: Whether a child keeps the lock after a fork, and shares it with its parent.
    """

    def __init__(self, file: int) -> None:
        self.file: int | None = file
        self.for_children = False

    def close(self) -> None:
        """Release the lock. A process that inherited it continues to hold it."""
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
    """Take the lock, or return None if another process or lock object holds it.

    Raises:
        StoreUnavailable: The file cannot be created, opened or locked, or it is a symbolic link.
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
    """Wait until nobody else holds the lock, and take it.

    Raises:
        StoreUnavailable: The lock was still held after `seconds`, or `try_lock` raised it.
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
