"""Operations carried out one round trip at a time, in whatever interleaving a test wants."""

from typing import Any

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.operations import Operation


class Stepwise:
    """An operation that goes on when it is told to, and the names of what it is about to send."""

    def __init__(self, operation: Operation[Any], system: CryptoOrderSystem) -> None:
        self._operation = operation.steps
        self._system = system
        self._steps: Any = None
        self.done = False
        self.result: Any = None
        self._go_on(None)

    @property
    def about_to_send(self) -> list[str]:
        return [] if self.done else [getattr(step, "script", "snapshot") for step in self._steps]

    def step(self) -> None:
        """Send what is to be sent, and hand the replies in."""
        assert not self.done

        def one_step():
            return (yield self._steps)

        self._go_on(self._system._run(Operation("step", "change", (), one_step())))

    def _go_on(self, replies: list[Any] | None) -> None:
        try:
            self._steps = self._operation.send(replies)
        except StopIteration as end:
            self.done, self.result = True, end.value
