"""The answer that brings the looks to one viewer, as server-sent events."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncGenerator

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from cryptoorders_redis.web.looks import Looks

LIFETIME_SECONDS = 60.0
"""After this time the answer ends, and the browser asks again: a login that ended is noticed then."""

RETRY_MILLISECONDS = 500
"""How long the browser waits before it asks again."""

HEARTBEAT_SECONDS = 5.0
"""After so long without a look a comment is sent, so that nothing in between takes the viewer for gone."""

SEND_SECONDS = 10.0
"""A viewer that takes nothing for so long is gone."""

POLL_SECONDS = 0.2
"""Between two checks whether the server is stopping."""


def is_server_stopping() -> bool:
    """Return whether the uvicorn of this process is stopping.

    It waits for all answers before it ends the lifespan, and tells nobody: an endless one would keep it. But
    what it gives signals to is a method of the server, which knows.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True


class LookResponse(StreamingResponse):
    """The looks for one viewer, until it goes away, the server stops, or the lifetime is over."""

    media_type = "text/event-stream"

    def __init__(self, looks: Looks) -> None:
        super().__init__(self._make_messages(), headers={"x-accel-buffering": "no"})
        self._looks = looks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the viewer."""
        try:
            with self._looks.viewer():
                await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not is_server_stopping():  # else uvicorn would print a traceback for a viewer that is stuck
                raise

    async def stream_response(self, send: Send) -> None:
        """Send the messages. A viewer that takes none of them any more is given up."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        with contextlib.suppress(TimeoutError):
            await super().stream_response(send_in_time)

    async def _make_messages(self) -> AsyncGenerator[bytes]:
        looks = self._looks
        seen = looks.number
        yield b"retry: %d\n\n%b%b" % (RETRY_MILLISECONDS, looks.past(), looks.newest())
        sent_at = time.monotonic()
        ends_at = time.monotonic() + LIFETIME_SECONDS
        while looks.is_running and time.monotonic() < ends_at and not is_server_stopping():
            if await looks.wait_for_next(seen, POLL_SECONDS):
                seen = looks.number
                yield looks.newest()
                sent_at = time.monotonic()
            elif time.monotonic() > sent_at + HEARTBEAT_SECONDS:
                yield b": still here\n\n"
                sent_at = time.monotonic()
