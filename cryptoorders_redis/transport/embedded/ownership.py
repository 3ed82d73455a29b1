"""Checks that a folder, and the server that listens in it, belong to this user only."""

import contextlib
import inspect
import os
import socket
import stat
import struct
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from cryptoorders_redis import errors

_CREDENTIALS = "iII"
"""The format of Linux' credentials of the process behind a Unix socket: process, user and group id."""


def make_private_folder(folder: Path) -> None:
    """Create the folder unless it exists.

    Raises:
        StoreUnavailable: Another user owns the folder, may write in it, or controls a link in its path.
    """
    me = os.geteuid()
    with _access_to(folder):
        with contextlib.suppress(FileNotFoundError):
            folder.stat()  # fails if links form a loop
        foreign = next((link for link in _symlinks_on(folder) if link.lstat().st_uid not in {0, me}), None)
    if foreign:
        raise errors.StoreUnavailable(
            f"the path of the folder {folder} contains {foreign}, a symbolic link of another user, who could "
            "redirect your orders: use a path without this link"
        )
    with _access_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    if found.st_uid != me:
        raise errors.StoreUnavailable(
            f"the folder {folder} belongs to another user (uid {found.st_uid}): use one of your own, "
            "or share a Redis server"
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise errors.StoreUnavailable(
            f"other users may write in the folder {folder} (mode {stat.S_IMODE(found.st_mode):04o}): "
            f"use another folder, or run: chmod go-w {folder}"
        )


@contextlib.contextmanager
def _access_to(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise errors.StoreUnavailable(f"the folder {folder} cannot be used: {error}") from error


def _symlinks_on(path: Path) -> Iterator[Path]:
    """Yield the symbolic links in the path, each before the links that it leads to."""
    for part in (*reversed(path.parents), path):
        if part.is_symlink():
            yield part
            yield from _symlinks_on(part.parent / part.readlink())


def check_peer(peer: Any) -> None:
    """Refuse a server of another user. If the platform cannot tell the user, every server is accepted.

    Args:
        peer: A connected Unix socket, or the object that asyncio gives for one.

    Raises:
        AccessDenied: Another user runs the server behind the socket.
    """
    if not hasattr(socket, "SO_PEERCRED"):  # as on macOS
        return
    size = struct.calcsize(_CREDENTIALS)
    _, owner, _ = struct.unpack(_CREDENTIALS, peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    if owner != os.geteuid():
        raise errors.AccessDenied(
            f"the server at {peer.getpeername()} belongs to another user (uid {owner}): nothing was sent "
            "to it; use another folder"
        )


def with_peer_check(connection_class: Any) -> Any:
    """Return a subclass of a connection class of redis-py whose `connect` also runs `check_peer`."""

    class Checked(connection_class):
        def connect(self) -> None:
            connection_class.connect(self)
            try:
                check_peer(self._sock)
            except errors.AccessDenied:
                self.disconnect()
                raise

    class AsyncChecked(connection_class):
        async def connect(self) -> None:
            await connection_class.connect(self)
            try:
                check_peer(self._writer.get_extra_info("socket"))
            except errors.AccessDenied:
                await self.disconnect(nowait=True)
                raise

    return AsyncChecked if inspect.iscoroutinefunction(connection_class.connect) else Checked
