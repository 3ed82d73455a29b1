"""The operations, free of I/O: generators that yield what to send and are sent the replies.

The executor drives them: it sends each step to the server, and hands the replies back in. A test can
drive several at once, step by step, in any interleaving, and leave one where a crash would.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, TypeVarTuple

from cryptoorders_redis.operations.words import Argument, Words

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

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
        changes: the ids that the call is to change; none for a read, and for what may run twice.
        wait_seconds: how long to wait before it is sent.
    """

    script: str
    slot: str
    keys: Words
    args: Words
    changes: Sequence[str] = ()
    wait_seconds: float = 0.0


class ReadTransaction(NamedTuple):
    """Plain read commands that the server runs as one transaction. The reply is the list of their replies.

    Attributes:
        slot: the hash tag of the keys, by which the node to send it to is found.
        commands: the commands, each a sequence of its words.
        node: the address of the node to read, where that is not found by the slot.
        wait_seconds: how long to wait before it is sent.
    """

    slot: str
    commands: Sequence[Sequence[Argument]]
    node: str = ""
    wait_seconds: float = 0.0

    @property
    def changes(self) -> tuple[()]:
        """None: it reads."""
        return ()


Step: TypeAlias = Call | ReadTransaction

Steps: TypeAlias = Generator[Sequence[Step], list[Any], T]
"""Yields steps that do not depend on each other, is sent the list of their replies, returns a T."""


class Operation(Generic[T]):
    """What one call of the API does.

    Attributes:
        name: the name of the call.
        kind: whether it changes something, or reads.
        ids: the order ids, or the user id or namespace, that it is about; none for all orders.
        is_long: whether its replies may be long, or take long to make: other calls should not wait for them.
        attempts: 1, and one more for each time that a request had to be sent again.
        holds_connection: whether the server may hold its replies back: no other call should wait behind them.
    """

    __slots__ = ("_steps", "attempts", "holds_connection", "ids", "is_long", "kind", "name")

    def __init__(
        self, name: str, kind: Kind, ids: Sequence[str], steps: Steps[T], *, is_long: bool = False
    ) -> None:
        self.name: str = name
        self.kind: Kind = kind
        self.ids: Sequence[str] = ids
        self.is_long: bool = is_long
        self.attempts: int = 1
        self.holds_connection: bool = False
        self._steps = steps

    def steps(self) -> Steps[T]:
        """Return what is to be sent, step by step. For one use."""
        return self._steps


class SingleChange(Operation[bool]):
    """A change that nearly always is one call, answered by b"y" for True or b"n" for False.

    Args:
        make_call: makes that call, by the settings that are known now.
        carry_out: carries the change out, whatever it takes, and replies with the answer.
        arguments: what both are given.
    """

    __slots__ = ("_arguments", "_carry_out", "_make_call")

    def __init__(
        self,
        name: str,
        ids: Sequence[str],
        make_call: Callable[[*Ts], Call],
        carry_out: Callable[[*Ts], Steps[bytes]],
        *arguments: *Ts,
    ) -> None:
        # Without the constructor of Operation, which would take a tenth of the time that all this takes.
        self.name: str = name
        self.kind: Kind = "change"
        self.ids: Sequence[str] = ids
        self.is_long: bool = False
        self.attempts: int = 1
        self.holds_connection: bool = False
        self._make_call = make_call
        self._carry_out = carry_out
        self._arguments = arguments

    def first_call(self) -> Call:
        """Return the call that is the first step."""
        return self._make_call(*self._arguments)

    def steps(self) -> Steps[bool]:
        return (yield from self._carry_out(*self._arguments)) == b"y"


def is_yes(steps: Steps[bytes]) -> Steps[bool]:
    """Reply with whether the reply of other steps is b"y"."""
    return (yield from steps) == b"y"
