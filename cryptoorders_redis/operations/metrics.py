"""The numbers that a monitoring system asks for, read without a scan."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptoorders_redis.event import IntakeStats
from cryptoorders_redis.operations import Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.count import sizes
from cryptoorders_redis.operations.gate import clock_in, gate_commands
from cryptoorders_redis.operations.intake.state import (
    lag_of,
    living_in,
    read_state,
    state_commands,
    worker_commands,
)
from cryptoorders_redis.operations.store import Commands, Store
from cryptoorders_redis.operations.summary import feeds_of
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.events import to_moment


@dataclass(frozen=True, slots=True)
class StreamMetrics:
    """The numbers of one stream. Ages are by the clock of its server, in seconds, and never negative.

    Attributes:
        stream: The number of the stream, from 0.
        active: How many of its orders are ACTIVE.
        paused: How many of its orders are PAUSED.
        changes: How many changes the change feed has numbered. None if there is no feed.
        waiting: How many events wait.
        oldest_seconds: How long ago the first event that waits happened. 0 if none waits.
        lag_seconds: For how long the first event that waits has been due, by event time: the newest event
            of all streams less the window less its time. 0 if none is due.
        applied: How many events were applied, refused ones among them.
        late: How many events were accepted when their time was over.
        refused: How many events became dead letters.
        deadlines: How many deadlines are set, of orders and of users.
        overdue_seconds: How long ago the first deadline passed that was not carried out. 0 if none passed.
    """

    stream: int
    active: int
    paused: int
    changes: int | None
    waiting: int
    oldest_seconds: float
    lag_seconds: float
    applied: int
    late: int
    refused: int
    deadlines: int
    overdue_seconds: float

    @property
    def live(self) -> int:
        """How many orders are live: active or paused."""
        return self.active + self.paused


@dataclass(frozen=True, slots=True)
class StoreMetrics:
    """The numbers of a namespace.

    Attributes:
        streams: All streams, by number. While a resize is under way the old and the new ones.
        placed_at: When the last order was placed, in UTC, to whatever became of it. None if none was.
        dead_letters: How many dead letters are kept.
        workers: How many workers live.
        moving_from: The number of streams before, while a resize is under way; None if none is.
        changes: How many changes the change feed has numbered, in all streams and in those that a resize
            has emptied. None if there is no feed.
    """

    streams: tuple[StreamMetrics, ...]
    placed_at: datetime | None
    dead_letters: int
    workers: int
    moving_from: int | None
    changes: int | None

    @property
    def active(self) -> int:
        """How many orders are active in all streams."""
        return sum(stream.active for stream in self.streams)

    @property
    def paused(self) -> int:
        """How many orders are paused in all streams."""
        return sum(stream.paused for stream in self.streams)

    @property
    def live(self) -> int:
        """How many orders are live in all streams: active or paused."""
        return self.active + self.paused

    @property
    def waiting(self) -> int:
        """How many events wait in all streams."""
        return sum(stream.waiting for stream in self.streams)


def metrics(store: Store) -> Operation[StoreMetrics]:
    """Reply with the numbers of the namespace. No deadline is carried out before."""
    return Operation("metrics", "read", (), _metrics(store), is_long=True)


def _metrics(store: Store) -> Steps[StoreMetrics]:
    keys = store.keys

    def make_commands(settings: Settings) -> Commands:
        yield from state_commands(store, settings)
        yield from sizes(store, settings)
        for stream in settings.streams:
            yield stream, ("ZCARD", keys.due(stream))
            for command in gate_commands(keys, [stream]):
                yield stream, command
        for stream in feeds_of(settings):
            yield stream, ("GET", keys.feed_of(stream)[1])
        yield from store.last_numbers(settings)
        if store.is_standalone:
            for command in worker_commands(keys):
                yield 0, command

    while True:
        settings = store.settings
        # As if it had no deadlines, none is carried out: a reader may not, and none would be overdue.
        replies = yield from store.read_together(settings._replace(timed=False), make_commands(settings))
        if replies is not None:
            break
        yield from store.read_settings()
    if store.is_standalone:
        of_workers, replies[-2:] = replies[-2:], []
    else:
        (of_workers,) = yield [ReadTransaction(keys.slot, worker_commands(keys))]
    unread = iter(replies)
    intake = read_state(store, settings, unread, living_in(of_workers))
    return _read_metrics(settings, intake, unread)


def _read_metrics(settings: Settings, intake: IntakeStats, unread: Iterator[Any]) -> StoreMetrics:
    """Return the metrics, from the replies behind those that say the state of the intake."""
    counts = [(next(unread), next(unread)) for _ in settings.streams]
    deadlines = [(next(unread), (next(unread), next(unread))) for _ in settings.streams]
    changes = [int(next(unread) or 0) for _ in feeds_of(settings)]
    last = max(int(number or 0) for number in unread)
    streams: list[StreamMetrics] = []
    for row, (live, paused), (num_deadlines, gate) in zip(intake.streams, counts, deadlines, strict=True):
        now = clock_in(gate)
        first = gate[1]
        age = (to_moment(now) - row.oldest).total_seconds() if row.oldest else 0.0
        streams.append(
            StreamMetrics(
                stream=row.stream,
                active=live - paused,
                paused=paused,
                changes=changes[row.stream] if changes else None,
                waiting=row.waiting,
                oldest_seconds=max(0.0, age),
                lag_seconds=lag_of([row], intake.newest, settings.intake.window),
                applied=row.applied,
                late=row.late,
                refused=row.refused,
                deadlines=num_deadlines,
                overdue_seconds=max(0.0, (now - int(first[1])) / 1_000_000) if first else 0.0,
            )
        )
    return StoreMetrics(
        streams=tuple(streams),
        placed_at=to_moment(last) if last else None,
        dead_letters=intake.dead_letters,
        workers=len(intake.workers),
        moving_from=settings.moving_from,
        changes=sum(changes) if settings.feed else None,
    )
