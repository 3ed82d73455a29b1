"""Which stream a user's orders are in, and which shard of the directory an order's entry."""

from functools import lru_cache
from hashlib import blake2b
from typing import Literal, TypeAlias

Placement: TypeAlias = Literal["modulo", "jump"]
"""How users are spread over streams: by the rest of a division, or by jump consistent hash."""

PLACEMENTS: tuple[Placement, ...] = ("modulo", "jump")


def stream_of_user(user_id: str, num_streams: int, placement: Placement = "modulo") -> int:
    """Return the number of the user's stream, 0 to `num_streams` - 1.

    The hash is part of the schema: it must be the same in every process and every release, which
    Python's own `hash()` is not.
    """
    text = user_id.encode()
    return _hash_of(text) % num_streams if placement == "modulo" else _jump(text, num_streams)


def shard_of_order(order_id: str | bytes, num_shards: int) -> int:
    """Return the number of the order's shard of the directory, 0 to `num_shards` - 1."""
    return _hash_of(order_id if isinstance(order_id, bytes) else order_id.encode()) % num_shards


@lru_cache(maxsize=4096)  # by bytes: a kind of str may call two texts equal that are not
def _hash_of(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


@lru_cache(maxsize=4096)
def _jump(text: bytes, num_streams: int) -> int:
    """Return the stream by jump consistent hash (Lamping and Veach 2014, https://arxiv.org/abs/1406.2294).

    With one stream more, only that stream's share of the users moves: each to the new stream.
    """
    key, stream, next_stream = _hash_of(text), 0, 0
    while next_stream < num_streams:
        stream = next_stream
        key = (key * 2862933555777941757 + 1) & 0xFFFFFFFFFFFFFFFF
        next_stream = int((stream + 1) * (1 << 31) / ((key >> 33) + 1))
    return stream
