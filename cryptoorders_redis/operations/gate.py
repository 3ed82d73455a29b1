"""What keeps a call from being answered: a deadline that has passed and is not carried out."""

from collections.abc import Iterable, Sequence
from typing import Any

from cryptoorders_redis.operations.words import Argument
from cryptoorders_redis.schema.keys import Keys

_DUE = b"DUE "

READ_TIME: Sequence[Argument] = ("TIME",)
"""The command by which a snapshot reads the server's clock."""


def gate_commands(keys: Keys, streams: Iterable[int]) -> list[Sequence[Argument]]:
    """Return the commands that read the clock and the first deadline of each stream."""
    return [READ_TIME, *(("ZRANGE", keys.due(stream), 0, 0, "WITHSCORES") for stream in streams)]


def clock_in(replies: Sequence[Any]) -> int:
    """Return the server's clock in microseconds since 1970, from the replies to `gate_commands`."""
    seconds, microseconds = replies[0]
    return 1_000_000 * int(seconds) + int(microseconds)


def due_in(streams: Sequence[int], replies: Sequence[Any]) -> list[int]:
    """Return the streams with a deadline that has passed, by the replies to `gate_commands`."""
    now = clock_in(replies)
    return [stream for stream, run in zip(streams, replies[1:], strict=True) if run and int(run[1]) <= now]


def is_due_reply(reply: object) -> bool:
    """Return whether a script answers that a deadline is to be carried out before."""
    return type(reply) is bytes and reply.startswith(_DUE)


def stream_that_is_due(reply: bytes) -> int:
    """Return the stream whose deadline that is."""
    return int(reply.removeprefix(_DUE))
