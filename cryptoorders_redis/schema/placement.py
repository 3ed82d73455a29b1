"""Which stream a user's orders are in, and which shard of the directory an order's entry."""

from functools import lru_cache
from hashlib import blake2b


def stream_of_user(user_id: str, num_streams: int) -> int:
    """Return the number of the user's stream, 0 to `num_streams` - 1.

    The hash is part of the schema: it must be the same in every process and every release, which
    Python's own `hash()` is not.
    """
    return _hash_of(user_id.encode()) % num_streams


def shard_of_order(order_id: str | bytes, num_shards: int) -> int:
    """Return the number of the order's shard of the directory, 0 to `num_shards` - 1."""
    return _hash_of(order_id if isinstance(order_id, bytes) else order_id.encode()) % num_shards


@lru_cache(maxsize=4096)  # by bytes: a kind of str may call two texts equal that are not
def _hash_of(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
