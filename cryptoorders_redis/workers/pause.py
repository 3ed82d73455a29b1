"""Waiting that can be ended by another thread, or by a signal handler."""

import threading


class Pause:
    """Waits until its time is over, or until it is ended. Once ended it waits no more."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def is_ended(self) -> bool:
        """Whether it was ended."""
        return self._event.is_set()

    def end(self) -> None:
        """End this wait and all that follow."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait so many seconds, or until it is ended."""
        self._event.wait(seconds)
