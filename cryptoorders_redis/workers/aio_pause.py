"""Waiting that can be ended, in an event loop."""

import asyncio
import contextlib


class AsyncPause:
    """Waits until its time is over, or until it is ended. Once ended it waits no more."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def is_ended(self) -> bool:
        """Whether it was ended."""
        return self._event.is_set()

    def end(self) -> None:
        """End this wait and all that follow."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Wait so many seconds, or until it is ended."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
