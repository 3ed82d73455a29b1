"""Which stream a user's orders are in."""

from functools import lru_cache
from hashlib import blake2b


def stream_of_user(user_id: str, num_streams: int) -> int:
    """Return the number of the user's stream, 0 to `num_streams` - 1.

    The hash is part of the schema: it must be the same in every process and every release, which
    Python's own `hash()` is not.
    """
    return _hash_of(user_id.encode()) % num_streams


@lru_cache(maxsize=4096)  # by bytes: a kind of str may call two texts equal that are not
def _hash_of(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
