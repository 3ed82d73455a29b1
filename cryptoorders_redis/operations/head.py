"""What each script that changes orders is told first, behind its session."""

from functools import lru_cache

from cryptoorders_redis.operations.words import Words, pack
from cryptoorders_redis.schema.config import Settings


@lru_cache(maxsize=64)
def pack_head(settings: Settings, namespace: str) -> Words:
    """Return the words `epoch feed timed namespace`; `feed` and `timed` are empty where they are off."""
    return pack((settings.epoch, settings.feed or "", "1" if settings.timed else "", namespace))
