"""Reads single keys from the terminal, without Enter."""

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
    """The keys that are pressed on a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def is_pressed_within(self, key: bytes, seconds: float) -> bool:
        """Wait until the key is pressed, and return whether it was. A closed terminal counts as the key."""
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
def open_keyboard() -> Generator[Keyboard | None]:
    """Yield the keyboard, or None without a terminal or in the background of one.

    The terminal's settings are restored at the end, also after SIGTERM and SIGHUP.
    """
    if not _is_foreground_terminal():
        yield None
        return
    descriptor = sys.stdin.fileno()
    settings = termios.tcgetattr(descriptor)
    handlers = {number: signal.signal(number, _exit_on_signal) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        yield Keyboard(descriptor)
    finally:
        with contextlib.suppress(termios.error):  # the terminal is closed
            termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _is_foreground_terminal() -> bool:
    try:
        # A program in the background is stopped when it changes the terminal's settings.
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (AttributeError, OSError, ValueError):  # closed, or the terminal belongs to another session
        return False


def _exit_on_signal(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
