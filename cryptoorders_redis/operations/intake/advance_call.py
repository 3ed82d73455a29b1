"""The call that applies the events of a stream, on a standalone server."""

from collections.abc import Iterable

from cryptoorders_redis.operations import Call
from cryptoorders_redis.operations.head import timed_streams
from cryptoorders_redis.operations.words import Argument, pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.keys import Keys


def advance_call(keys: Keys, settings: Settings, stream: int, limit: int) -> Call:
    """Return the call that applies the events of a stream that are due, on a standalone server."""
    intake = settings.intake
    names = (
        keys.config,
        keys.sequence_of(stream),
        keys.directory(0),
        keys.intake(stream),
        keys.events(stream),
        *keys.outcomes(stream),
        keys.dead(stream),
        keys.letters(stream),
        keys.waiting(stream),
    )
    # While orders move to other streams, a user's may be in any.
    streams: Iterable[int] = (stream,) if settings.moving_from is None else settings.streams
    # Of all streams: any may hold the id of an order to place, whose deadline has passed.
    timed = timed_streams(settings, of_all=True)
    head = (settings.epoch, settings.feed or "", timed, keys.namespace)
    words: tuple[Argument, ...] = (
        *head, stream, intake.window, intake.quiet, intake.remember, limit,
    )  # fmt: skip
    return Call("advance", keys.slot, pack(names), pack((*words, *streams)))
