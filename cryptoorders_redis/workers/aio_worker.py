"""The worker of the async API. `make generate` writes worker.py from this file."""

import contextlib
import logging
import time
from collections.abc import Iterable

from cryptoorders_redis import errors
from cryptoorders_redis.aio import AsyncCryptoOrderSystem
from cryptoorders_redis.operations.intake.advance import Progress
from cryptoorders_redis.workers.aio_pause import AsyncPause
from cryptoorders_redis.workers.shares import new_worker_name, share_of

BEAT_SECONDS = 1.0
"""Between two heartbeats. A worker counts as dead three seconds after its last one."""

POLL_SECONDS = 0.2
"""The longest wait between two rounds: an event that is due is applied so much later at most."""

RETRY_SECONDS = 1.0
"""Between two rounds while the store does not serve."""

_AWAY = (errors.StoreUnavailable, errors.StoreReadOnly, errors.StoreFull, errors.OutcomeUnknown)

_log = logging.getLogger("cryptoorders_redis")


class AsyncWorker:
    """Applies events when they are due, each once, in the order of their times.

    Any number of workers may run, in any number of processes. They share the streams: each takes a part of
    them, and takes over those of a worker that is dead. A worker may be killed, paused or started twice at
    any moment: each round is one script for each stream, which takes what is due off the queue, applies it
    and keeps the outcomes. So there is nothing to lock. A worker waits for a store that does not serve.

    On one server more workers are not faster, because the server does the work.

    Attributes:
        name: The name of this worker, by which the others know it.
        applied: How many events it has applied or refused.

    Examples:
        >>> import asyncio
        >>> from cryptoorders_redis import AsyncCryptoOrderSystem, Event
        >>> async def main():
        ...     async with AsyncCryptoOrderSystem(url="memory://") as system:
        ...         await system.submit(Event("pause", "alice", 2_000, "order1"))
        ...         await system.submit(Event("place", "alice", 1_000, "order1", "BTC", "0.5", 60_000))
        ...         await system.intake.flush()
        ...         await AsyncWorker(system).run_until_empty()
        ...         return await system.display_all_live_orders()
        >>> asyncio.run(main())
        ['order1(paused)']
    """

    def __init__(self, system: AsyncCryptoOrderSystem, streams: Iterable[int] | None = None) -> None:
        """Make a worker, which does nothing yet.

        Args:
            system: The system whose events it applies. It is not closed by the worker.
            streams: The numbers of the streams that it takes, whatever others take. None shares all
                streams with the other workers.
        """
        self.name: str = new_worker_name()
        self.applied: int = 0
        self._system = system
        self._streams = None if streams is None else list(streams)
        self._pause = AsyncPause()
        self._living: list[str] = []
        self._beats_at = 0.0
        self._is_away = False
        self._takes_all = False

    async def run(self) -> None:
        """Apply events until `stop` is called.

        Raises:
            CryptoOrdersError: The store refuses for good: the user has not the rights, or the namespace is
                gone.
        """
        await self._run(until_empty=False)

    async def run_until_empty(self) -> int:
        """Apply events until none waits that becomes due by time alone, or until `stop` is called.

        Events whose quiet time is not over are waited for. If the quiet time is None, they stay unless
        `flush` was called.

        Returns:
            How many events this worker has applied or refused.

        Raises:
            CryptoOrdersError: The store refuses for good: the user has not the rights, or the namespace is
                gone.
        """
        await self._run(until_empty=True)
        return self.applied

    def stop(self) -> None:
        """End `run` after its present round. It may be called from a signal handler."""
        self._pause.end()

    async def _run(self, *, until_empty: bool) -> None:
        self._takes_all = self._streams is not None
        try:
            while not self._pause.is_ended:
                progress = await self._advance()
                if progress is None:
                    await self._pause.wait(RETRY_SECONDS)
                    continue
                self.applied += progress.applied
                wait_seconds = progress.wait_seconds
                if progress.has_more:
                    continue
                if until_empty and wait_seconds is None:
                    if self._takes_all:
                        break
                    self._takes_all = True  # the others may be dead
                    continue
                await self._pause.wait(
                    min(POLL_SECONDS, POLL_SECONDS if wait_seconds is None else wait_seconds)
                )
        finally:
            self._beats_at = 0.0
            with contextlib.suppress(errors.CryptoOrdersError):  # it counts as dead in three seconds
                await self._system.intake.beat(self.name, is_ending=True)

    async def _advance(self) -> Progress | None:
        """Do one round; None: the store does not serve now."""
        try:
            if time.monotonic() >= self._beats_at:
                self._living = await self._system.intake.beat(self.name)
                self._beats_at = time.monotonic() + BEAT_SECONDS
            share = (0, 1) if self._takes_all else share_of(self.name, self._living)
            progress = await self._system.intake.advance(self._streams, share=share)
        except _AWAY as error:
            if not self._is_away:
                _log.warning("worker %s waits for the store: %s", self.name, error)
            self._is_away = True
            return None
        if self._is_away:
            _log.warning("worker %s has its store again", self.name)
        self._is_away = False
        return progress
