"""What the executor asks the connections for, and what comes of it."""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from cryptoorders_redis.transport.resp import Reply
from cryptoorders_redis.transport.topology import Address

T = TypeVar("T")


class Request(NamedTuple):
    """Bytes to send to one server as they are, and how many replies will come.

    Attributes:
        give_up_at: when to stop waiting for a free connection, by `time.monotonic()`.
        wait_seconds: how long to wait before it.
        is_long: whether the replies may be long, or take long to make.
        holds_connection: whether the server may hold the replies back.
    """

    data: bytes
    num_replies: int
    give_up_at: float
    wait_seconds: float = 0.0
    is_long: bool = False
    holds_connection: bool = False


class ClusterRequest(NamedTuple):
    """Requests to send to several nodes at one time.

    Attributes:
        parts: for each node its address and its request, whose own `wait_seconds` is not used.
        wait_seconds: how long to wait before all of them.
    """

    parts: Sequence[tuple[Address, Request]]
    wait_seconds: float


Outcome: TypeAlias = list[Reply] | Exception
"""The replies to a request, or what went wrong with it."""

Conversation: TypeAlias = Generator[Any, Any, T]
"""Yields requests of one kind, is told what came of each, returns a T.

For a `Request` it is sent the replies, or thrown what went wrong. For a `ClusterRequest` it is sent a list of
outcomes, one for each part.
"""
