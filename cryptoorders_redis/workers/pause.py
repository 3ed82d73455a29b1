"""Waiting that can be ended by another thread, or by a signal handler."""

import contextlib
import queue


class Pause:
    """Waits until its time is over, or until it is ended. Once ended it waits no more."""

    def __init__(self) -> None:
        self._is_ended = False
        # No threading.Event: a signal handler would wait for its lock, which the waiting thread may have.
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    @property
    def is_ended(self) -> bool:
        """Whether it was ended."""
        return self._is_ended

    def end(self) -> None:
        """End this wait and all that follow."""
        self._is_ended = True
        self._wakes.put(None)

    def wait(self, seconds: float) -> None:
        """Wait so many seconds, or until it is ended."""
        if not self._is_ended:
            with contextlib.suppress(queue.Empty):
                self._wakes.get(timeout=seconds)
