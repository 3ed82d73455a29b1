"""Looks at a store: one task looks once a second, and all viewers get what it saw."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Generator
from datetime import UTC, datetime

from cryptoorders_redis import errors
from cryptoorders_redis.aio import AsyncCryptoOrderSystem
from cryptoorders_redis.operations.rates import compute_rates
from cryptoorders_redis.operations.summary import Summary
from cryptoorders_redis.web import payload

INTERVAL_SECONDS = 1.0
"""Between the beginnings of two looks."""

MAX_NEWEST = 20
"""How many of the newest orders are shown."""

KEPT_SECONDS = 300
"""How far the plot goes back."""

FRESH_SECONDS = 5.0
"""A look that is older is not shown to a new viewer, and no rate is computed from it."""


class Looks:
    """The looks at one store. The task runs only while there are viewers.

    A viewer is given the newest look, and not the ones that it was too slow for.

    Attributes:
        number: How many looks there were. It says whether a viewer has seen the newest one.
    """

    def __init__(self, system: AsyncCryptoOrderSystem) -> None:
        self.number: int = 0
        self._system = system
        self._namespace = system._store.keys.namespace  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._viewers = 0
        self._nobody = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._message = b""
        self._looked_at = float("-inf")
        self._news = asyncio.Event()
        self._last: Summary | None = None
        self._last_at = 0.0
        self._points: deque[payload.Point] = deque(maxlen=round(KEPT_SECONDS / INTERVAL_SECONDS))

    @contextlib.contextmanager
    def viewer(self) -> Generator[None]:
        """Let the task run as long as there is a viewer."""
        self._viewers += 1
        self._nobody.clear()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="cryptoorders_redis looks")
        try:
            yield
        finally:
            self._viewers -= 1
            if not self._viewers:
                self._nobody.set()

    @property
    def is_running(self) -> bool:
        """Whether the task runs. With a viewer it does not only if it has failed, which asyncio logs."""
        return self._task is not None

    def past(self) -> bytes:
        """Return the message of the last minutes."""
        oldest = time.time() - KEPT_SECONDS
        return payload.encode_past(point for point in self._points if point.at >= oldest)

    def newest(self) -> bytes:
        """Return the message of the newest look. It is empty if the look is too old to be shown."""
        return self._message if time.monotonic() - self._looked_at < FRESH_SECONDS else b""

    async def wait_for_next(self, after: int, seconds: float) -> bool:
        """Wait, not longer than some time, and return whether there is a look after the one with a number."""
        if self.number == after:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        return self.number != after

    async def _run(self) -> None:
        try:
            while self._viewers:
                began = time.monotonic()
                self._publish(await self._look())
                left = began + INTERVAL_SECONDS - time.monotonic()
                pause = max(left, INTERVAL_SECONDS / 2)  # a rate over a few milliseconds would say nothing
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._nobody.wait()  # a call is never cancelled: others may use the system
        finally:
            self._task = None

    def _publish(self, message: bytes) -> None:
        self._message, self._looked_at = message, time.monotonic()
        self.number += 1
        self._news.set()
        self._news = asyncio.Event()

    async def _look(self) -> bytes:
        last = self._last if time.monotonic() - self._last_at < FRESH_SECONDS else None
        now = datetime.now(UTC)
        try:
            summary = await self._system.summary(newest=MAX_NEWEST, after=last.sequence if last else 0)
            at = time.monotonic()
            metrics = await self._system.metrics()
        except errors.CryptoOrdersError as error:
            return payload.encode_failure(self._namespace, now, error)
        rates = compute_rates(last, summary, at - self._last_at) if last else None
        self._last, self._last_at = summary, at
        point = payload.make_point(now, summary, rates)
        self._points.append(point)
        return payload.encode_look(self._namespace, now, summary, metrics, point)
