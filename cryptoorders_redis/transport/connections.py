"""The synchronous way of sending a request: once, and never again by itself."""

import contextlib
import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue

import redis

from cryptoorders_redis import errors
from cryptoorders_redis.transport.endpoint import Endpoint
from cryptoorders_redis.transport.error_mapping import (
    as_cause,
    is_read_only,
    no_master,
    refusal,
    reply_lost,
)
from cryptoorders_redis.transport.introduction import encode_introduction
from cryptoorders_redis.transport.request import Request
from cryptoorders_redis.transport.resp import Reply
from cryptoorders_redis.transport.wires import Connection, MemoryWire, SocketWire, Wire

_log = logging.getLogger("cryptoorders_redis")

LOOK_SECONDS = 0.5
"""A call that waits for a connection looks so often whether the place of one was lost."""


class Connections:
    """The connections of one system, for any number of threads, and for a child after a fork.

    An exception of a signal handler may come between any two lines here. So no counter says how many
    connections are in use: a link that is not idle is in use for as long as somebody refers to it, and
    the place of one that nobody refers to is filled again.
    """

    def __init__(self, source: Endpoint, client_name: str) -> None:
        self._source = source
        self._client_name = client_name
        self._closed = False
        self._begin()
        if source.server:
            # At the latest when the process ends, also if nobody calls close().
            self._leave_server = weakref.finalize(self, source.server.leave)

    def fetch(self, request: Request) -> list[Reply]:
        """Send the request and return its replies; one that is an error stands among them.

        Raises:
            StoreUnavailable, AccessDenied: certainly nothing was done.
            StoreClosed: after `close`.
            ReplyLost: it may have been done.
        """
        link = self._take(request.give_up_at)
        try:
            if not link.is_up(self._era):
                self._connect(link)
            return link.exchange(request.data, request.num_replies)
        finally:
            self._give_back(link)

    @contextlib.contextmanager
    def sending(self, request: Request) -> Generator[Callable[[], list[Reply]]]:
        """Send the request, and give what returns its replies, to be called once at most.

        Raises:
            StoreUnavailable, AccessDenied: certainly nothing was done.
            StoreClosed: after `close`.
            ReplyLost: it may have been done. Also what is given may raise it.
        """
        link = self._take(request.give_up_at)
        try:
            if not link.is_up(self._era):
                self._connect(link)
            with link.sending(request.data, request.num_replies) as receive:
                yield receive
        finally:
            self._give_back(link)

    def close(self) -> None:
        """Refuse further requests, close the connections, and leave a server that we joined."""
        self._be_of_this_process()
        self._closed = True
        while link := self._idle_one():
            link.disconnect()
        for _ in list(self._waiting):
            self._wake_ups.put(None)
        if self._source.server:
            self._leave_server()

    def _be_of_this_process(self) -> None:
        if self._pid != os.getpid():
            self._begin()  # after a fork: what we know is the parent's

    def _begin(self) -> None:
        self._idle = [self._new_link() for _ in range(self._source.max_connections)]
        self._links = [weakref.ref(link) for link in self._idle]
        self._filling = threading.Lock()
        self._era = 0
        """Rises when the server turns out to be a replica: another may be its master's address by now."""
        self._master: object = None
        """Where the last connection led to, if sentinels name the master."""
        self._waiting: list[None] = []
        """As long as there are calls that wait for a connection, or longer where one was interrupted."""
        self._wake_ups: SimpleQueue[None] = SimpleQueue()
        self._pid = os.getpid()  # last: by it other threads of a child know that this is done

    def _new_link(self) -> "_Link":
        return _Link(self._source.make, self._client_name, self._leave_master)

    def _leave_master(self, error: Exception) -> Exception:
        if self._source.follows_master:
            self._era += 1
            return no_master(error)
        if is_read_only(error):
            self._era += 1
        return error

    def _take(self, give_up_at: float) -> "_Link":
        self._be_of_this_process()
        self._refuse_if_closed()
        return self._idle_one() or self._next_given_back(give_up_at)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise errors.StoreClosed("this system is closed")

    def _idle_one(self) -> "_Link | None":
        try:
            return self._idle.pop()  # the one used last, so that no more are opened than are needed at a time
        except IndexError:
            return None

    def _next_given_back(self, give_up_at: float) -> "_Link":
        self._waiting.append(None)  # before the first look: a call that gives one back after it wakes us
        try:
            while not (link := self._idle_one() or self._lost_one()):
                seconds = give_up_at - time.monotonic()
                if seconds <= 0:
                    raise errors.StoreUnavailable(
                        f"all {self._source.max_connections} connections are busy with other calls"
                    )
                with contextlib.suppress(Empty):
                    self._wake_ups.get(timeout=min(seconds, LOOK_SECONDS))
                self._refuse_if_closed()
            return link
        finally:
            self._waiting.pop()

    def _lost_one(self) -> "_Link | None":
        """Return a link in the place of one that an interrupted call has lost, if there is one."""
        with self._filling:
            for place, link in enumerate(self._links):
                if link() is None:
                    found = self._new_link()
                    self._links[place] = weakref.ref(found)
                    return found
        return None

    def _give_back(self, link: "_Link") -> None:
        self._idle.append(link)
        if self._waiting and self._wake_ups.qsize() < len(self._waiting):
            self._wake_ups.put(None)
        if self._closed:
            self.close()

    def _connect(self, link: "_Link") -> None:
        server = self._source.server
        self._refuse_if_closed()  # a server that we left must not start again
        try:
            if server:
                server.join()
            try:
                address = link.connect(self._era)
            except (redis.ConnectionError, OSError):
                if not server:
                    raise
                server.revive()
                _log.warning("the private server of %s was gone, and is up again", server.folder)
                address = link.connect(self._era)
        except errors.CryptoOrdersError:
            raise  # the private server's, which says it already
        except (redis.RedisError, OSError) as error:
            raise refusal(error) from as_cause(error)
        if self._source.follows_master and address != self._master:
            self._master = address
            self._era += 1  # the other connections lead to a former master
            link.era = self._era


class _Link:
    """A place for one connection, which is made when it is needed."""

    __slots__ = ("__weakref__", "_client_name", "_leave_master", "_make", "_wire", "era")

    def __init__(
        self,
        make: Callable[[], Connection],
        client_name: str,
        leave_master: Callable[[Exception], Exception],
    ) -> None:
        self._make = make
        self._client_name = client_name
        self._leave_master = leave_master
        self._wire: Wire | None = None

    def is_up(self, era: int) -> bool:
        """Return whether there is a connection of this era, which the server has not closed."""
        if self._wire is None or self.era != era:
            return False
        try:
            return not self._wire.has_news()
        except (redis.RedisError, OSError):
            return False

    def connect(self, era: int) -> object:
        """Connect, and close the connection that there was. Return the address."""
        self.disconnect()
        connection = self._make()
        connection.connect()
        introduction = encode_introduction(self._client_name, connection)
        connection.send_packed_command(introduction)
        for _ in introduction:
            with contextlib.suppress(redis.ResponseError):
                connection.read_response(disable_decoding=True)
        _log.debug("connected")
        where = getattr(connection, "_sock", None)
        if isinstance(where, socket.socket):
            self._wire = SocketWire(connection, where, self._leave_master)
        else:
            self._wire = MemoryWire(connection)
        self.era = era
        return getattr(connection, "host", None), getattr(connection, "port", None)

    def exchange(self, request: bytes, num_replies: int) -> list[Reply]:
        """Send the request and return its replies.

        Raises:
            ReplyLost: not all of them came.
        """
        # Out of here until all replies are read: the next call must not read a reply to this request.
        wire, self._wire = self._wire, None
        assert wire
        try:
            wire.send(request)
            replies = wire.receive(num_replies)
        except BaseException as error:  # also when interrupted
            wire.disconnect()
            if isinstance(error, redis.RedisError | OSError):
                raise reply_lost(error) from error
            raise
        self._keep_usable(wire)
        return replies

    @contextlib.contextmanager
    def sending(self, request: bytes, num_replies: int) -> Generator[Callable[[], list[Reply]]]:
        """Send the request, and give what returns its replies, to be called once at most.

        Raises:
            ReplyLost: it may not have been sent as a whole. Also what is given may raise it.
        """
        wire, self._wire = self._wire, None
        assert wire

        def receive() -> list[Reply]:
            with _reply_lost_by_errors():
                replies = wire.receive(num_replies)
            self._keep_usable(wire)
            return replies

        try:
            with _reply_lost_by_errors():
                wire.send(request)
            yield receive
        finally:  # also when interrupted
            self._disconnect_unless_kept(wire)

    def _keep_usable(self, wire: Wire) -> None:
        if wire.is_usable():
            self._wire = wire
        else:
            wire.disconnect()

    def _disconnect_unless_kept(self, wire: Wire) -> None:
        if wire is not self._wire:
            wire.disconnect()

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        wire, self._wire = self._wire, None
        if wire:
            wire.disconnect()


@contextlib.contextmanager
def _reply_lost_by_errors() -> Generator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise reply_lost(error) from error
