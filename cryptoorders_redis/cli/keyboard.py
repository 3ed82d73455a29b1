"""Single keys from the terminal, without Enter."""

import contextlib
import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Generator
from types import FrameType


class Keyboard:
    """The keys that are pressed while a program waits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def pressed(self, key: bytes, seconds: float) -> bool:
        """Return whether the key is pressed within the time. A terminal that is gone counts as it."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._descriptor], [], [], left)[0]:
                return False
            try:
                typed = os.read(self._descriptor, 1024)
            except OSError:
                return True
            if not typed or key in typed:
                return True
        return False


@contextlib.contextmanager
def keyboard() -> Generator[Keyboard | None]:
    """Give the keys as they are pressed; None without a terminal, or in its background.

    The terminal's settings are restored however it ends, by SIGTERM and SIGHUP too.
    """
    if not _is_ours():
        yield None
        return
    descriptor = sys.stdin.fileno()
    settings = termios.tcgetattr(descriptor)
    handlers = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        yield Keyboard(descriptor)
    finally:
        with contextlib.suppress(termios.error):  # it is gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _is_ours() -> bool:
    try:
        # A change of its settings from the background would stop the program.
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (AttributeError, OSError, ValueError):  # closed, or the terminal of another session
        return False


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
