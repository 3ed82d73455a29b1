"""The state of the intake, its workers, and making everything due that waits."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptoorders_redis.event import IntakeStats, StreamIntake
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.gate import READ_TIME, clock_in
from cryptoorders_redis.operations.store import Commands, Store
from cryptoorders_redis.operations.words import NO_WORDS, Argument, pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.events import to_moment
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.validation import validate_text

DEAD_AFTER = 3_000_000
"""Microseconds after its last heartbeat at which a worker counts as dead."""


def intakes_of(store: Store, settings: Settings) -> Sequence[int]:
    """Return a stream of each intake: standalone one, on Redis Cluster all streams."""
    by_slot = {store.keys.intake_slot(stream): stream for stream in reversed(settings.streams)}
    return sorted(by_slot.values())


def flush(store: Store) -> Operation[None]:
    """Make every event due that waits."""
    return Operation("flush", "change", (store.keys.namespace,), _flush(store))


def _flush(store: Store) -> Steps[None]:
    keys = store.keys
    yield [
        Call("flush", keys.intake_slot(stream), pack((keys.intake(stream),)), NO_WORDS)
        for stream in intakes_of(store, store.settings)
    ]


def heartbeat(store: Store, worker: str, *, is_ending: bool = False) -> Operation[list[str]]:
    """Say that a worker is alive, or ends. The answer names the living workers, sorted."""
    validate_text(worker, "worker")
    return Operation("heartbeat", "change", (worker,), _heartbeat(store, worker, is_ending=is_ending))


def _heartbeat(store: Store, worker: str, *, is_ending: bool) -> Steps[list[str]]:
    keys = store.keys
    names = pack((keys.workers, keys.newest_event))
    args = pack((worker, DEAD_AFTER, "1" if is_ending else "", store.newest_event))
    ((newest, living),) = yield [Call("heartbeat", keys.slot, names, args)]
    store.newest_event = max(store.newest_event, int(newest))
    return [name.decode() for name in living]


def intake_stats(store: Store) -> Operation[IntakeStats]:
    """Read how many events wait, were applied and were refused, and which workers live."""
    return Operation("intake_stats", "read", (), _read_stats(store))


def _read_stats(store: Store) -> Steps[IntakeStats]:
    settings = store.settings

    def make_commands(current: Settings) -> Commands:
        nonlocal settings
        settings = current
        return state_commands(store, current)

    replies = yield from store.snapshot(make_commands)
    (of_workers,) = yield [ReadTransaction(store.keys.slot, worker_commands(store.keys))]
    return read_state(store, settings, replies, living_in(of_workers))


def state_commands(store: Store, settings: Settings) -> Commands:
    """Yield the commands that read the state of the intake, without its workers."""
    keys = store.keys
    for stream in intakes_of(store, settings):
        yield stream, ("HMGET", keys.intake(stream), "latest", "released")
        yield stream, ("ZCARD", keys.dead(stream))
    for stream in settings.streams:
        yield stream, ("ZCARD", keys.waiting(stream))
        yield stream, ("ZRANGE", keys.waiting(stream), 0, 0, "WITHSCORES")
        yield stream, ("HMGET", keys.intake_counts(stream), "applied", "late", "refused")


def worker_commands(keys: Keys) -> Sequence[Sequence[Argument]]:
    """Return the commands that read the clock and the workers, those among them that have died too."""
    return (READ_TIME, ("ZRANGE", keys.workers, 0, -1, "WITHSCORES"))


def living_in(replies: Sequence[Any]) -> Sequence[str]:
    """Return the names of the living workers, sorted, from the replies to `worker_commands`."""
    dead_since = clock_in(replies) - DEAD_AFTER
    names, beats = replies[1][0::2], replies[1][1::2]
    return sorted(name.decode() for name, beat in zip(names, beats, strict=True) if float(beat) > dead_since)


def read_state(
    store: Store, settings: Settings, replies: Iterable[Any], living: Sequence[str]
) -> IntakeStats:
    """Return the state of the intake, from the replies to `state_commands`. Takes no more than these."""
    unread = iter(replies)
    of_intakes = [(next(unread), next(unread)) for _ in intakes_of(store, settings)]
    rows = [_stream_intake(stream, next(unread), next(unread), next(unread)) for stream in settings.streams]
    newest = max((int(latest) for (latest, _), _ in of_intakes if latest), default=None)
    known = [int(watermark) for (_, watermark), _ in of_intakes if watermark]
    newest_time = None if newest is None else to_moment(newest)
    return IntakeStats(
        streams=tuple(rows),
        newest=newest_time,
        watermark=to_moment(min(known)) if known else None,
        lag_seconds=lag_of(rows, newest_time, settings.intake.window),
        dead_letters=sum(dead for _, dead in of_intakes),
        workers=tuple(living),
    )


def _stream_intake(
    stream: int, waiting: int, first: Sequence[bytes], counts: Sequence[bytes | None]
) -> StreamIntake:
    oldest: datetime | None = to_moment(int(float(first[1]))) if first else None
    return StreamIntake(stream, waiting, oldest, *(int(count or 0) for count in counts))


def lag_of(streams: Sequence[StreamIntake], newest: datetime | None, window: int) -> float:
    """Return for how long the first event of streams has been due, in seconds of event time."""
    oldest = min((stream.oldest for stream in streams if stream.oldest), default=None)
    if oldest is None or newest is None:
        return 0.0
    return max(0.0, (newest - timedelta(microseconds=window) - oldest).total_seconds())
