"""The operations, free of I/O: generators that yield what to send and are sent the replies.

The executor drives them: it sends each step to the server in the way that it does I/O, and
hands the replies back in. A test can drive several at once, step by step, in any interleaving, and
leave one where a crash would.
"""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from cryptoorders_redis.transport.resp import Argument

T = TypeVar("T")


class Call(NamedTuple):
    """One run of a Lua script. Atomic.

    Attributes:
        script: the name of its file in `lua/`.
        keys, args: what the script's header names; for a change without the session's key, the session
            and the request number at their heads, which delivery puts there.
        changes: the ids that the call is to change; none for a read.
    """

    script: str
    keys: Sequence[Argument]
    args: Sequence[Argument]
    changes: tuple[str, ...] = ()


class Snapshot(NamedTuple):
    """Plain read commands that the server runs as one transaction. The reply is the list of theirs."""

    commands: Sequence[Sequence[Argument]]
    changes: tuple[()] = ()


Step: TypeAlias = Call | Snapshot

Operation: TypeAlias = Generator[Sequence[Step], list[Any], T]
"""Yields steps that do not depend on each other, is sent the list of their replies, returns a T."""
