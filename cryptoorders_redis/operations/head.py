"""What each script that changes orders is told and given, whatever it does."""

from functools import lru_cache

from cryptoorders_redis.operations.words import Words, pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.keys import Keys


@lru_cache(maxsize=64)
def pack_head(settings: Settings, namespace: str) -> Words:
    """Return the words `epoch feed timed namespace`; `feed` and `timed` are empty where they are off."""
    return pack((settings.epoch, settings.feed or "", timed_streams(settings), namespace))


def pack_read_head(settings: Settings, namespace: str) -> Words:
    """Return the words `epoch timed namespace` of a script that reads."""
    return pack((settings.epoch, timed_streams(settings), namespace))


def timed_streams(settings: Settings, *, of_all: bool = False) -> str:
    """Return of how many streams a script looks at the deadlines; see lua/include/due_reply.lua.

    Args:
        settings: the settings.
        of_all: whether it acts on all streams. One that acts on one stream must look at all while orders
            move: a user may then have orders in two streams, and a switch in one of them.
    """
    if not settings.timed:
        return ""
    return str(len(settings.streams)) if of_all or settings.moving_from is not None else "1"


def optional_keys(keys: Keys, settings: Settings, stream: int) -> tuple[str, ...]:
    """Return the keys of a stream that a script on Redis Cluster must declare by these settings."""
    of_feed = keys.feed_of(stream) if settings.feed else ()
    return (*of_feed, *due_keys(keys, settings, stream))


def due_keys(keys: Keys, settings: Settings, stream: int) -> tuple[str, ...]:
    """Return the key of a stream's deadlines, where there may be any."""
    return (keys.due(stream),) if settings.timed else ()
