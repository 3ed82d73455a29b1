# Generated from intake.py by tools/generate_sync.py: edit that, then run `make generate`.
"""The intake of the sync API."""

from __future__ import annotations

from collections.abc import Iterable
from types import EllipsisType
from typing import TYPE_CHECKING

from cryptoorders_redis.event import DeadLetter, IntakeStats
from cryptoorders_redis.operations.intake.advance import LIMIT, Progress, advance
from cryptoorders_redis.operations.intake.dead_letters import dead_letters, resubmit
from cryptoorders_redis.operations.intake.settings import LatePolicy, Seconds, configure_intake
from cryptoorders_redis.operations.intake.state import flush, heartbeat, intake_stats

if TYPE_CHECKING:
    from cryptoorders_redis.system import CryptoOrderSystem


class Intake:
    """How events are taken and applied: its settings, its state and its dead letters.

    `CryptoOrderSystem.submit` submits events, and an `Worker` applies them.
    """

    def __init__(self, system: CryptoOrderSystem) -> None:
        """Use `CryptoOrderSystem.intake` instead.

        Args:
            system: The system that holds the orders.
        """
        self._system = system
        self._store = system._store  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._run = system._run  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    def __repr__(self) -> str:
        return f"{self._system!r}.intake"

    def configure(
        self,
        *,
        window: Seconds | None = None,
        quiet: Seconds | EllipsisType | None = ...,
        late: LatePolicy | None = None,
        ahead: Seconds | None = None,
        limit: int | None = None,
        remember: Seconds | None = None,
    ) -> None:
        """Change how events are taken, for all clients at once. What is not given stays as it is.

        No event is late that is delayed by no more than `window`, if `quiet` is not shorter than that.
        Atomic. O(1), on Redis Cluster O(num_streams).

        Args:
            window: An event is applied when a newer one by so much was submitted. 5 seconds by default.
            quiet: All that waits is applied when no newer event was submitted for so long, by the server's
                clock. None: never; then only `flush` ends the wait, as is right for files. 5 seconds by
                default.
            late: What becomes of an event that comes after a later one was applied. With `"apply"`, the
                default, it is applied at once. With `"reject"` it is refused.
            ahead: An event that is so much in the future, by the server's clock, is refused. 60 seconds by
                default.
            limit: How many events may wait in the queue of one stream. 100,000 by default.
            remember: For how long, by event time, the outcomes of events are kept. Older events are always
                refused, so that none can take effect twice. One hour by default.

        Raises:
            NoSuchNamespace: The namespace does not exist.
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal. Nothing was sent.
        """
        self._run(
            configure_intake(
                self._store,
                window=window,
                quiet=quiet,
                late=late,
                ahead=ahead,
                limit=limit,
                remember=remember,
            )
        )

    def flush(self) -> None:
        """Make every event due that waits: the end of a file, or of the day.

        Workers apply them with their next round. Events that are older than these, and come later, are late.
        O(1), on Redis Cluster O(num_streams).
        """
        self._run(flush(self._store))

    def advance(
        self, streams: Iterable[int] | None = None, *, share: tuple[int, int] = (0, 1), limit: int = LIMIT
    ) -> Progress:
        """Do one round of what a worker does: apply the events that are due.

        For each stream it is one script, which is atomic, and which takes about 10 µs an event. Any number of
        clients may do it at the same time: each event takes effect once.

        Args:
            streams: The numbers of the streams. None is all.
            share: Which of how many workers this is, counted from 0. Worker 1 of 3 takes the streams 1, 4, 7
                and so on of these. By default one takes all.
            limit: How many events to apply in each stream at most, 1 to 1000.

        Returns:
            How many events were applied, whether more may be due, and how long until more are.

        Raises:
            TypeError: An argument has a wrong type. Nothing was sent.
            ValueError: An argument is not legal. Nothing was sent.
        """
        return self._run(advance(self._store, streams, share, limit))

    def stats(self) -> IntakeStats:
        """Read how many events wait, were applied and were refused, and which workers live.

        O(num_streams). On Redis Cluster each stream is read at a moment of its own.

        Returns:
            The state of the intake.
        """
        return self._run(intake_stats(self._store))

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Read the newest dead letters. 10,000 are kept, on Redis Cluster of each stream.

        Args:
            limit: How many to read at most, 1 to 100000.

        Returns:
            The dead letters, the newest first.

        Raises:
            TypeError: The limit is not an `int`. Nothing was sent.
            ValueError: The limit is not legal. Nothing was sent.
        """
        return self._run(dead_letters(self._store, limit))

    def resubmit(self, event_ids: Iterable[str]) -> list[bool]:
        """Put dead letters back into the queues, however late they are. They are no dead letters then.

        An event that is late is applied next. One that was `too_old` may have been applied before its outcome
        was forgotten: look at its order first. Batches and atomicity are those of `submit_many`.

        Args:
            event_ids: The ids of the events.

        Returns:
            For each id, in the order given, whether its event waits again. False means that it was no dead
                letter, that it cannot be read, that its time is too far in the future, or that an event of
                this id waits or was applied.

        Raises:
            TypeError: `event_ids` is one `str`, or cannot be iterated over. Nothing was sent.
            ValueError: An id is not legal. The message names the index of the first one. Nothing was sent.
            BulkInterrupted: An error stopped the call, for example `IntakeFull`. It says which are done.
        """
        return self._run(resubmit(self._store, event_ids))

    def beat(self, worker: str, *, is_ending: bool = False) -> list[str]:
        """Say that a worker lives, which counts for three seconds, or that it ends.

        Args:
            worker: The name of the worker: 1 to 256 bytes of UTF-8.
            is_ending: Whether it ends.

        Returns:
            The names of the living workers, sorted.

        Raises:
            TypeError: The name is not a `str`. Nothing was sent.
            ValueError: The name is not legal. Nothing was sent.
        """
        return self._run(heartbeat(self._store, worker, is_ending=is_ending))
