"""How a command that runs without end is told to end."""

import signal
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager


@contextmanager
def ended_by_signal(stop: Callable[[], object]) -> Generator[None]:
    """Call `stop` at SIGTERM and at Ctrl-C, in place of what they do otherwise."""

    def on_signal(*_: object) -> None:
        stop()

    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, on_signal))
        yield
