"""The asynchronous way of sending a request: once, and never again by itself."""

import asyncio
import copy
import logging
import weakref

import redis

from cryptoorders_redis import errors
from cryptoorders_redis.transport.aio_memory import MemoryConnections
from cryptoorders_redis.transport.aio_multiplexed import MultiplexedConnection, open_connection
from cryptoorders_redis.transport.endpoint import Endpoint
from cryptoorders_redis.transport.error_mapping import as_cause, is_read_only, no_master, refusal
from cryptoorders_redis.transport.request import Request
from cryptoorders_redis.transport.resp import Reply

_log = logging.getLogger("cryptoorders_redis")


class AsyncConnections:
    """The connections of one system to one node, for any number of tasks of one event loop.

    Each is made when it is first needed. All calls with short replies share one. Those with long replies
    share another, so that no short reply waits behind a long one. A request whose reply the server holds back
    has one of its own.
    """

    def __init__(self, source: Endpoint, client_name: str) -> None:
        self._source = source
        self._client_name = client_name
        self._memory = MemoryConnections(source.make) if source.in_memory else None
        self._short = _Link()
        self._long = _Link() if source.max_connections > 1 else self._short
        self._alone: list[_Link] = []
        """Links for requests whose replies the server may hold back: those that no call uses."""
        self._living: list[MultiplexedConnection] = []
        """All connections that have not ended; some only wait for their last replies."""
        self._attempt: asyncio.Future[errors.CryptoOrdersError | None] | None = None
        """The attempt to connect that is under way. Its result is why it failed, or None."""
        self._master: object = None
        """Where the last connection led to, if sentinels name the master."""
        self._closed = False
        if source.server:
            # At the latest when the process ends, also if nobody calls close().
            self._leave_server = weakref.finalize(self, source.server.leave)

    def submit(self, request: bytes) -> "asyncio.Future[Reply] | None":
        """Send a request that has one short reply, if that is possible at once.

        Returns:
            A future of the reply. An error that the server answered with is its result, and not raised. It
                raises ReplyLost where the request may have been carried out. None: nothing was sent, and
                `fetch` is to be called.
        """
        connection = self._short.connection
        return connection.submit(request) if connection else None

    async def fetch(self, request: Request) -> list[Reply]:
        """Send the request and return its replies; one that is an error stands among them.

        Raises:
            StoreUnavailable, AccessDenied: certainly nothing was done.
            StoreClosed: after `close`.
            ReplyLost: it may have been done.
        """
        self._refuse_if_closed()
        data, num_replies, give_up_at, _, is_long, holds_connection = request
        if self._memory:
            return await self._memory.exchange(data, num_replies)
        if holds_connection:
            return await self._fetch_alone(data, num_replies)
        link = self._long if is_long else self._short
        while True:
            connection = link.connection
            if not connection or not connection.is_alive():
                connection = await self._connect(link)
            if connection.has_room():
                return await connection.send(data, num_replies)
            if replies := await connection.send_in_turn(data, num_replies, give_up_at):
                return await replies
            self._refuse_if_closed()

    async def close(self) -> None:
        """Refuse further requests, wait for replies under way, close, and leave a server that we joined."""
        self._closed = True
        for connection in self._living:
            connection.leave()
        if self._attempt:
            await asyncio.wait([self._attempt])
        for connection in self._living:
            await connection.wait_closed()
        if self._memory:
            await self._memory.close()
        if self._source.server:
            await asyncio.to_thread(self._leave_server)

    async def _fetch_alone(self, data: bytes, num_replies: int) -> list[Reply]:
        """Send a request on a connection that no other call uses meanwhile."""
        link = self._alone.pop() if self._alone else _Link()
        connection = link.connection
        if not connection or not connection.is_alive():
            connection = await self._connect(link)
        try:
            replies = await connection.send(data, num_replies)
        except asyncio.CancelledError:
            connection.leave()  # it closes as soon as the reply has come that nobody waits for
            raise
        self._alone.append(link)
        return replies

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise errors.StoreClosed("this system is closed")

    async def _connect(self, link: "_Link") -> MultiplexedConnection:
        """Connect, one call at a time. Those who wait for it share its failure."""
        while self._attempt:
            if failure := await asyncio.shield(self._attempt):
                raise copy.copy(failure)
            self._refuse_if_closed()
            if link.connection and link.connection.is_open:
                return link.connection
        self._attempt = attempt = asyncio.get_running_loop().create_future()
        failure = None
        try:
            link.connection = connection = await self._open()
            self._living = [*(old for old in self._living if not old.is_closed), connection]
            if self._closed:
                connection.leave()
            self._refuse_if_closed()
        except errors.CryptoOrdersError as error:
            failure = error
            raise
        finally:
            self._attempt = None
            attempt.set_result(failure)
        return connection

    async def _open(self) -> MultiplexedConnection:
        server = self._source.server
        try:
            if server and not server.joined:
                await asyncio.to_thread(server.join)
            try:
                return await self._open_once()
            except (redis.ConnectionError, OSError):
                if not server:
                    raise
                await asyncio.to_thread(server.revive)
                _log.warning("the private server of %s was gone, and is up again", server.folder)
                return await self._open_once()
        except errors.CryptoOrdersError:
            raise  # the private server's, which says it already
        except (redis.RedisError, OSError) as error:
            raise refusal(error) from as_cause(error)

    async def _open_once(self) -> MultiplexedConnection:
        connection = self._source.make()
        opened = await open_connection(connection, self._client_name, self._leave_master)
        if self._source.follows_master and self._master != (address := (connection.host, connection.port)):
            self._master = address
            self._leave_all()  # they lead to a former master
        return opened

    def _leave_master(self, error: Exception) -> Exception:
        """Use no connection any more to what is a replica: its master may be at the same address by now."""
        if self._source.follows_master:
            self._leave_all()
            return no_master(error)
        if is_read_only(error):
            self._leave_all()
        return error

    def _leave_all(self) -> None:
        for connection in self._living:
            connection.leave()


class _Link:
    """A place for one connection, which is made when it is needed."""

    __slots__ = ("connection",)

    def __init__(self) -> None:
        self.connection: MultiplexedConnection | None = None
