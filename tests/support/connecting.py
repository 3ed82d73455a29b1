"""Uses the connections of the async API by themselves, without a system."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import redis.asyncio

from cryptoorders_redis.transport.aio_connections import AsyncConnections
from cryptoorders_redis.transport.endpoint import make_endpoint
from cryptoorders_redis.transport.request import Request
from cryptoorders_redis.transport.resp import encode_command


@contextlib.asynccontextmanager
async def connected(url: str, **options: object) -> AsyncIterator[AsyncConnections]:
    """Give the connections to a server, with options of the URL. They are made when they are needed."""
    connections = AsyncConnections(make_endpoint(f"{url}?{urlencode(options)}", None, redis.asyncio), "test")
    try:
        yield connections
    finally:
        await connections.close()


async def ask(connections: AsyncConnections, *words: Any, is_long: bool = False, seconds: float = 30) -> Any:
    """Return the reply to a command that waits for room so long."""
    give_up_at = time.monotonic() + seconds
    (reply,) = await connections.fetch(Request(encode_command(words), 1, give_up_at, is_long=is_long))
    return reply


def send(connections: AsyncConnections, request: bytes) -> asyncio.Future[Any]:
    """Send a request on the connection that is there, at once."""
    future = connections.submit(request)
    assert future is not None
    return future
