"""Runs operations one round trip at a time, in any interleaving that a test wants."""

from collections.abc import Callable
from typing import Any

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.operations import Operation
from cryptoorders_redis.operations.words import Words
from cryptoorders_redis.transport.link import Link


class Stepwise:
    """An operation that runs step by step, and shows what its next step sends."""

    def __init__(self, operation: Operation[Any], system: CryptoOrderSystem | Link) -> None:
        self._operation = operation.steps()
        self._run = system.run if isinstance(system, Link) else system._run
        self._steps: Any = None
        self.done = False
        self.result: Any = None
        self._go_on(lambda: next(self._operation))

    @property
    def about_to_send(self) -> list[str]:
        return [] if self.done else [getattr(step, "script", "snapshot") for step in self._steps]

    def step(self) -> None:
        """Send the next step, and give its replies to the operation."""
        assert not self.done

        def one_step():
            return (yield self._steps)

        replies = self._run(Operation("step", "change", (), one_step()))
        self._go_on(lambda: self._operation.send(replies))

    def _go_on(self, resume: Callable[[], Any]) -> None:
        try:
            self._steps = resume()
        except StopIteration as end:
            self.done, self.result = True, end.value


def texts_of(words: Words) -> list[str]:
    """Return packed words as texts."""
    data, texts = words.data, list[str]()
    while data:
        size, _, rest = data.removeprefix(b"$").partition(b"\r\n")
        texts.append(rest[: int(size)].decode())
        data = rest[int(size) + 2 :]
    assert len(texts) == words.number
    return texts
