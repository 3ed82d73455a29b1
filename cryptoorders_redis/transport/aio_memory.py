"""The asynchronous way to a `memory://` store, which has no transport."""

from collections.abc import Callable
from typing import Any

import redis

from cryptoorders_redis.transport.error_mapping import refusal, reply_lost
from cryptoorders_redis.transport.resp import Reply


class MemoryConnections:
    """Connections to a store in this process. A call takes one that no other call uses, or makes one.

    Nothing that gives a connection back waits for anything, so that no cancellation can come in between.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._idle: list[Any] = []

    async def exchange(self, request: bytes, num_replies: int) -> list[Reply]:
        """Send the request and return its replies; one that is an error stands among them.

        Raises:
            StoreUnavailable: certainly nothing was done.
            ReplyLost: it may have been done.
        """
        connection = self._idle.pop() if self._idle else self._make()
        try:
            await self._connect(connection)
            try:
                await connection.send_packed_command([request])
                replies = [await _read(connection) for _ in range(num_replies)]
            except (redis.RedisError, OSError) as error:
                raise reply_lost(error) from error
        except BaseException:
            # Also when cancelled: the next call must not read the reply to this request.
            await connection.disconnect(nowait=True)
            raise
        self._idle.append(connection)
        return replies

    async def close(self) -> None:
        """Close the connections that no call uses."""
        while self._idle:
            await self._idle.pop().disconnect()

    async def _connect(self, connection: Any) -> None:
        try:
            await connection.connect()
        except (redis.RedisError, OSError) as error:
            raise refusal(error) from error


async def _read(connection: Any) -> Reply:
    try:
        return await connection.read_response(disable_decoding=True)
    except redis.ResponseError as error:
        return error
