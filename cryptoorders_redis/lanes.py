"""Request numbers, by which the server knows a change that is sent to it again (lua/include/lane.lua)."""

import os
import secrets
from collections.abc import Callable


class Lane:
    """A name that one call at a time uses, and the number of the last request made under it."""

    __slots__ = ("key", "request")

    def __init__(self, key: str) -> None:
        self.key = key
        self.request = 0


class Lanes:
    """The lanes of one system that no call is using: as many as there were calls at one time.

    Serves any number of threads, since a list's pop and append are atomic. A child process after a
    fork has lanes of its own: its parent may be using the ones that it knows.
    """

    def __init__(self, key_of: Callable[[str], str]) -> None:
        self._key_of = key_of
        self._idle: list[Lane] = []
        self._pid = os.getpid()

    def take(self) -> Lane:
        """Return a lane for one request, numbered."""
        if self._pid != os.getpid():
            self._idle = []
            self._pid = os.getpid()  # last: by it other threads know that this is done
        try:
            lane = self._idle.pop()
        except IndexError:
            lane = Lane(self._key_of(secrets.token_hex(8)))
        lane.request += 1
        return lane

    def give_back(self, lane: Lane) -> None:
        """Take a lane back whose call has its answer.

        One whose outcome is open is not given back: its request may yet arrive, and it expires.
        """
        self._idle.append(lane)
