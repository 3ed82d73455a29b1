"""The asynchronous way of sending a request: once, and never again by itself."""

import asyncio
import contextlib
import logging
import time
import weakref
from typing import Any, Protocol

import redis

from cryptoorders_redis import errors
from cryptoorders_redis.transport.endpoint import Endpoint
from cryptoorders_redis.transport.error_mapping import (
    as_cause,
    ends_connection,
    is_read_only,
    refusal,
    without_reply,
)
from cryptoorders_redis.transport.introduction import encode_introduction
from cryptoorders_redis.transport.resp import Reply

_log = logging.getLogger("cryptoorders_redis")


class AsyncConnection(Protocol):
    """What is used of a redis-py connection."""

    @property
    def is_connected(self) -> bool: ...
    async def connect(self) -> None: ...
    async def send_packed_command(self, command: list[bytes]) -> None: ...
    async def read_response(self, disable_decoding: bool) -> Reply: ...
    async def disconnect(self, nowait: bool = False) -> None: ...


class AsyncConnections:
    """The connections of one system, for any number of tasks of one event loop.

    Nothing that gives a connection back waits for anything, so that no cancellation can come in between.
    """

    def __init__(self, source: Endpoint, client_name: str) -> None:
        self._source = source
        self._client_name = client_name
        self._idle: list[AsyncConnection] = []
        self._free = asyncio.Semaphore(source.max_connections)
        self._num_waiting = 0
        self._closed = False
        if source.server:
            # At the latest when the process ends, also if nobody calls close().
            self._leave_server = weakref.finalize(self, source.server.leave)

    async def exchange(self, request: bytes, num_replies: int, give_up_at: float) -> list[Reply]:
        """Send the request and return its replies; one that is an error stands among them.

        Args:
            give_up_at: when to stop waiting for a free connection, by `time.monotonic()`.

        Raises:
            StoreUnavailable, AccessDenied: certainly nothing was done.
            StoreClosed: after `close`.
            ReplyLost: it may have been done.
        """
        connection = await self._take(give_up_at)
        try:
            self._refuse_if_closed()  # also a call that waited for a connection meanwhile
            await self._make_ready(connection)
            try:
                await connection.send_packed_command([request])
                replies = [await _read(connection) for _ in range(num_replies)]
            except (redis.RedisError, OSError) as error:
                raise without_reply(error, num_replies) from error
        except BaseException:
            # Also when cancelled: the next call must not read the reply to this request.
            await connection.disconnect(nowait=True)
            raise
        else:
            if any(map(is_read_only, replies)):
                # A replica: its master may be at the same address by now.
                for old in (connection, *self._idle):
                    await old.disconnect(nowait=True)
            return replies
        finally:
            if self._closed:
                await connection.disconnect(nowait=True)
            self._idle.append(connection)
            self._free.release()

    async def close(self) -> None:
        """Refuse further requests, close the connections, and leave a server that we joined."""
        self._closed = True
        for _ in range(self._num_waiting):
            self._free.release()  # a call that waits for a connection learns that there will be none
        while self._idle:
            await self._idle.pop().disconnect()
        if self._source.server:
            await asyncio.to_thread(self._leave_server)

    async def _take(self, give_up_at: float) -> AsyncConnection:
        self._refuse_if_closed()
        self._num_waiting += 1
        try:
            async with asyncio.timeout(give_up_at - time.monotonic() if self._free.locked() else None):
                await self._free.acquire()
        except TimeoutError:
            raise errors.StoreUnavailable(
                f"all {self._source.max_connections} connections are busy with other calls"
            ) from None
        finally:
            self._num_waiting -= 1
        return self._idle.pop() if self._idle else self._source.make()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise errors.StoreClosed("this system is closed")

    async def _make_ready(self, connection: AsyncConnection) -> None:
        server = self._source.server
        try:
            if server and not server.joined:
                await asyncio.to_thread(server.join)
            try:
                await self._connect(connection)
            except (redis.ConnectionError, OSError):
                if not server:
                    raise
                await asyncio.to_thread(server.revive)
                _log.warning("the private server of %s was gone, and is up again", server.folder)
                await self._connect(connection)
        except errors.CryptoOrdersError:
            raise  # the private server's, which says it already
        except (redis.RedisError, OSError) as error:
            raise refusal(error) from as_cause(error)

    async def _connect(self, connection: AsyncConnection) -> None:
        """Connect, also where the server has closed an idle connection: nothing is sent into that."""
        if connection.is_connected:
            if not await _is_stale(connection):
                return
            await connection.disconnect(nowait=True)
        await connection.connect()
        introduction = encode_introduction(self._client_name, connection)
        await connection.send_packed_command(introduction)
        for _ in introduction:
            with contextlib.suppress(redis.ResponseError):
                await connection.read_response(disable_decoding=True)
        _log.debug("connected")


async def _is_stale(connection: Any) -> bool:
    look = getattr(connection, "can_read", None) or connection.can_read_destructive  # before redis-py 8
    try:
        return await look()
    except (redis.RedisError, OSError):
        return True


async def _read(connection: AsyncConnection) -> Reply:
    try:
        return await connection.read_response(disable_decoding=True)
    except redis.ResponseError as error:
        if ends_connection(error):
            await connection.disconnect(nowait=True)
        return error
