"""The state of the intake, its workers, and making everything due that waits."""

from collections.abc import Sequence
from datetime import datetime

from cryptoorders_redis.event import IntakeStats, StreamIntake
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.store import Commands, Store
from cryptoorders_redis.operations.words import NO_WORDS, pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.events import to_moment
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
    keys = store.keys
    intakes: Sequence[int] = ()
    streams = range(0)

    def make_commands(settings: Settings) -> Commands:
        nonlocal intakes, streams
        intakes, streams = intakes_of(store, settings), settings.streams
        for stream in intakes:
            yield stream, ("HMGET", keys.intake(stream), "latest", "released")
            yield stream, ("ZCARD", keys.dead(stream))
        for stream in streams:
            yield stream, ("ZCARD", keys.waiting(stream))
            yield stream, ("ZRANGE", keys.waiting(stream), 0, 0, "WITHSCORES")
            yield stream, ("HMGET", keys.intake_counts(stream), "applied", "late", "refused")

    replies = yield from store.snapshot(make_commands)
    commands = (("TIME",), ("ZRANGE", keys.workers, 0, -1, "WITHSCORES"))
    (((seconds, microseconds), workers),) = yield [ReadTransaction(keys.slot, commands)]
    dead_since = int(seconds) * 1_000_000 + int(microseconds) - DEAD_AFTER
    living = (
        name.decode()
        for name, beat in zip(workers[0::2], workers[1::2], strict=True)
        if float(beat) > dead_since
    )
    of_intakes, of_streams = replies[: 2 * len(intakes)], iter(replies[2 * len(intakes) :])
    newest = max((int(latest) for latest, _ in of_intakes[0::2] if latest), default=None)
    released = [int(watermark) if watermark else None for _, watermark in of_intakes[0::2]]
    known = [watermark for watermark in released if watermark is not None]
    rows = [
        _stream_intake(stream, next(of_streams), next(of_streams), next(of_streams)) for stream in streams
    ]
    return IntakeStats(
        streams=tuple(rows),
        newest=None if newest is None else to_moment(newest),
        watermark=to_moment(min(known)) if known else None,
        lag_seconds=_lag(rows, newest, store.settings.intake.window),
        dead_letters=sum(of_intakes[1::2]),
        workers=tuple(sorted(living)),
    )


def _stream_intake(
    stream: int, waiting: int, first: Sequence[bytes], counts: Sequence[bytes | None]
) -> StreamIntake:
    oldest: datetime | None = to_moment(int(float(first[1]))) if first else None
    return StreamIntake(stream, waiting, oldest, *(int(count or 0) for count in counts))


def _lag(streams: Sequence[StreamIntake], newest: int | None, window: int) -> float:
    """Return for how long the first event that waits has been due, in seconds of event time."""
    oldest = min((stream.oldest for stream in streams if stream.oldest), default=None)
    if oldest is None or newest is None:
        return 0.0
    return max(0.0, (to_moment(newest - window) - oldest).total_seconds())
