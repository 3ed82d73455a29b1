"""What an observer of calls is told."""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class CallInfo:
    """One call that has ended.

    Attributes:
        name: the name of the call, such as `"place"`. `"live_orders"` is told for each page, and
            `"open"` for joining or creating the namespace.
        kind: whether the call changes something.
        answer: what the call returned; None after an error.
        error: what the call raised; None where it returned. `GeneratorExit` where the call was cancelled
            or interrupted.
        seconds: from the beginning of the call to its end, waiting included.
        attempts: 1, and one more for each time that a request had to be sent again.
    """

    name: str
    kind: Literal["change", "read"]
    answer: object
    error: BaseException | None
    seconds: float
    attempts: int


class Observer(Protocol):
    """Is told of each call once, after its end, in the thread or task of the call."""

    def call(self, info: CallInfo, /) -> object:
        """Take note of a call. What this raises is logged, and does not change the call."""
        ...
