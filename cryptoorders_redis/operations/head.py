"""What each script that changes orders is told and given, whatever it does."""

from functools import lru_cache

from cryptoorders_redis.operations.words import Words, pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.keys import Keys


@lru_cache(maxsize=64)
def pack_head(settings: Settings, namespace: str) -> Words:
    """Return the words `epoch feed timed namespace`; `feed` and `timed` are empty where they are off."""
    return pack((settings.epoch, settings.feed or "", "1" if settings.timed else "", namespace))


def feed_keys(keys: Keys, settings: Settings, stream: int) -> tuple[str, ...]:
    """Return the keys of a stream that a script on Redis Cluster must declare to write to the change feed."""
    return keys.feed_of(stream) if settings.feed else ()
