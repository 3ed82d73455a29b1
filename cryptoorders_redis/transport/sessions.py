"""Client sessions, by which the server knows a change that is sent to it again (lua/include/session.lua)."""

import os
import secrets
import time
from itertools import count

from cryptoorders_redis.operations import Call
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.keys import Keys

KEPT_SECONDS = 3600
"""For so long after it was begun or renewed the server keeps a client's sessions."""

RENEWAL_SECONDS = 1200
"""After so long a client renews its sessions, before its next change."""

MAX_SESSIONS = 10_000
"""Of one client. Each takes a field of the client's key, also one that is not used again."""


class Session:
    """A name that one call at a time uses, and the number of the last request made under it."""

    __slots__ = ("_begun", "packed_name", "request_number")

    def __init__(self, begun: "_Begun", name: str) -> None:
        self._begun = begun
        self.packed_name: bytes = pack((name,)).data
        self.request_number: int = 0

    @property
    def packed_key(self) -> bytes:
        """The key in which the server keeps the last answer, as a word of a command."""
        return self._begun.packed_key

    def give_back(self) -> None:
        """Let the next call use it. Only for a session whose call has its answer: else a copy of the
        request may yet arrive.
        """
        self._begun.idle.append(self)

    def forget(self) -> None:
        """Begin the sessions again before the next change: the server does not know this one any more."""
        self._begun.renew_at = 0.0


class Sessions:
    """The sessions of one system that no call is using: in each slot as many as there were calls at one time.

    Serves any number of threads, since a list's pop and append are atomic. A child process after a
    fork has sessions of its own: its parent may be using the ones that it knows.

    No name is given out twice, however the threads come and go: not for one moment under one key, which
    several of them may begin at the same time, nor for a moment whose reply comes late.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._numbers = count(1)
        self._start_over()

    def take(self, slot: str) -> Session | None:
        """Return a session for one request, numbered; None where `begin_call` must be carried out first."""
        if self._pid != os.getpid():
            self._start_over()
        begun = self._begun.get(slot)
        if not begun or time.monotonic() >= begun.renew_at:
            return None
        try:
            session = begun.idle.pop()
        except IndexError:
            if next(begun.given) > MAX_SESSIONS:
                self._start_over()
                return None
            session = Session(begun, f"{begun.moment}.{next(self._numbers)}")
        session.request_number += 1
        return session

    def begin_call(self, slot: str) -> tuple[str, Call]:
        """Return the key of this client's sessions in a slot, and the call that begins or renews them."""
        key = self._keys.sessions(slot, self._client)
        keys = pack((key, key + ":probe", *self._keys.written_in(slot)))
        return key, Call("begin_sessions", slot, keys, pack((KEPT_SECONDS,)))

    def begin(self, slot: str, key: str, moment: str) -> None:
        """Use the sessions that a call has begun, or renewed, at the moment that it replied with."""
        begun = self._begun.get(slot)
        if not begun or (begun.key, begun.moment) != (key, moment):
            begun = _Begun(key, moment)
        begun.renew_at = time.monotonic() + RENEWAL_SECONDS
        self._begun[slot] = begun

    def _start_over(self) -> None:
        self._client = secrets.token_hex(8)
        self._begun: dict[str, _Begun] = {}
        """By slot."""
        self._pid = os.getpid()  # last: by it other threads know that this is done


class _Begun:
    """What a client has begun in one slot at one moment."""

    def __init__(self, key: str, moment: str) -> None:
        self.key = key
        self.packed_key: bytes = pack((key,)).data
        self.moment = moment
        self.renew_at: float = 0.0
        self.given: count[int] = count(1)
        """Counts the sessions."""
        self.idle: list[Session] = []
