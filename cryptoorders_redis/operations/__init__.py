"""The operations, free of I/O: generators that yield what to send and are sent the replies.

The executor drives them: it sends each step to the server, and hands the replies back in. A test can
drive several at once, step by step, in any interleaving, and leave one where a crash would.
"""

from collections.abc import Generator, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from cryptoorders_redis.operations.words import Argument, Words

T = TypeVar("T")

Kind: TypeAlias = Literal["change", "read"]


class Call(NamedTuple):
    """One run of a Lua script. Atomic.

    Attributes:
        script: the name of its file in `lua/`.
        slot: the hash tag of the keys, by which the node to send it to is found.
        keys: the keys that the script's header names; for a change without the session's key, which the
            executor puts first.
        args: the arguments that the script's header names; for a change without the session and the
            request number, which the executor puts first.
        changes: the ids that the call is to change; none for a read.
    """

    script: str
    slot: str
    keys: Words
    args: Words
    changes: Sequence[str] = ()


class ReadTransaction(NamedTuple):
    """Plain read commands that the server runs as one transaction. The reply is the list of their replies."""

    slot: str
    commands: Sequence[Sequence[Argument]]
    changes: tuple[()] = ()


Step: TypeAlias = Call | ReadTransaction

Steps: TypeAlias = Generator[Sequence[Step], list[Any], T]
"""Yields steps that do not depend on each other, is sent the list of their replies, returns a T."""


class Operation(Generic[T]):
    """What one call of the API does.

    Attributes:
        name: the name of the call.
        kind: whether it changes something, or reads.
        ids: the order ids, or the user id or namespace, that it is about; none for all orders.
        attempts: 1, and one more for each time that a request had to be sent again.
    """

    __slots__ = ("_steps", "attempts", "ids", "kind", "name")

    def __init__(self, name: str, kind: Kind, ids: Sequence[str], steps: Steps[T]) -> None:
        self.name: str = name
        self.kind: Kind = kind
        self.ids: Sequence[str] = ids
        self.attempts: int = 1
        self._steps = steps

    def steps(self) -> Steps[T]:
        """Return what is to be sent, step by step. For one use."""
        return self._steps


class SingleChange(Operation[bool]):
    """A change that nearly always is one call, answered by b"y" for True or b"n" for False."""

    __slots__ = ()

    def first_call(self) -> Call:
        """Return that call: the first step, as the settings that are known now make it."""
        raise NotImplementedError
