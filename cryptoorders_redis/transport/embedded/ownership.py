"""Whether a folder, and the server that listens in it, are this user's alone."""

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
"""What Linux tells of the process behind a Unix socket: process, user and group id."""


def make_private_folder(folder: Path) -> None:
    """Make the folder, unless there is one.

    Raises:
        StoreUnavailable: another user owns the folder, may write in it, or decides where its path leads.
    """
    me = os.geteuid()
    with _access_to(folder):
        with contextlib.suppress(FileNotFoundError):
            folder.stat()  # fails if links lead in a circle
        foreign = next((link for link in _links_on(folder) if link.lstat().st_uid not in {0, me}), None)
    if foreign:
        raise errors.StoreUnavailable(
            f"the path of the folder {folder} leads through {foreign}, a symbolic link of another user, who "
            "could send your orders anywhere: use a path without it"
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


def _links_on(path: Path) -> Iterator[Path]:
    """Yield the symbolic links that the path leads through, each before those behind it."""
    for part in (*reversed(path.parents), path):
        if part.is_symlink():
            yield part
            yield from _links_on(part.parent / part.readlink())


def check_peer(peer: Any) -> None:
    """Refuse a server of another user. Where the platform does not tell the user, all servers pass.

    Args:
        peer: a connected Unix socket, or what asyncio gives for one.

    Raises:
        AccessDenied: another user runs the server behind the socket.
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


def checked(connection_class: Any) -> Any:
    """Return the class of redis-py's connections, changed so that `connect` runs `check_peer`."""

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
