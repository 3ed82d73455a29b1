"""One asynchronous connection for all calls: requests go out together, and replies come back in order."""

import asyncio
import contextlib
import logging
import select
import time
from collections import deque
from collections.abc import Callable
from itertools import repeat
from typing import Any

import redis

from cryptoorders_redis import errors
from cryptoorders_redis.transport.error_mapping import ReplyLost, ends_connection, may_be_former_master
from cryptoorders_redis.transport.introduction import encode_introduction
from cryptoorders_redis.transport.resp import Reply
from cryptoorders_redis.transport.resp_reader import make_read, parse_error

_log = logging.getLogger("cryptoorders_redis")

MOST_UNDER_WAY = 4096
"""So many replies are awaited at one time at most: a server makes them in about 40 ms."""

WRITE_BUFFER_BYTES = 1 << 20
"""With more bytes that the network does not take, no further requests go out."""


async def open_connection(
    connection: Any, client_name: str, leave_master: Callable[[Exception], Exception]
) -> "MultiplexedConnection":
    """Connect and introduce a connection of redis-py, and take its transport over."""
    try:
        await connection.connect()
        introduction = encode_introduction(client_name, connection)
        await connection.send_packed_command(introduction)
        for _ in introduction:
            with contextlib.suppress(redis.ResponseError):
                await connection.read_response(disable_decoding=True)
        writer = _take_writer(connection)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    _log.debug("connected")
    return MultiplexedConnection(writer, connection.socket_timeout, leave_master)


def _take_writer(connection: Any) -> asyncio.StreamWriter:
    """Take the stream away from a connection of redis-py, which then has none to close.

    Only this function uses private attributes of redis-py. They are the same from 6.0 to 8.1.
    """
    reader, writer = connection._reader, connection._writer  # noqa: SLF001
    if reader._buffer or reader.at_eof():  # noqa: SLF001
        raise redis.ConnectionError("the server closed the connection, or sent what was not asked for")
    connection._reader = connection._writer = None  # noqa: SLF001
    return writer


class MultiplexedConnection(asyncio.Protocol):
    """A connection on which any number of requests are under way. The server answers in their order.

    Each awaited reply has an entry in one queue. A call that is cancelled leaves its entry there: its reply
    is read and dropped, so no other call can receive it. When the connection is lost, each entry ends with
    `ReplyLost`, also those whose request was not yet written.

    No call has a timer. The server answers in order, so a connection on which nothing at all arrived for
    the time-out, while a reply is awaited, is dead for all calls.

    Args:
        writer: the stream that the transport came from. It must live as long as the transport.
        timeout_seconds: how long a server may be silent while a reply is awaited.
        leave_master: is called with the error of a server that may not be the master any more. It returns the
            error to answer with.
    """

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        timeout_seconds: float,
        leave_master: Callable[[Exception], Exception],
    ) -> None:
        self._writer = writer
        self._transport = writer.transport
        self._timeout_seconds = timeout_seconds
        self._leave_master = leave_master
        self._loop = asyncio.get_running_loop()
        self._create_future = self._loop.create_future
        self._awaited: deque[asyncio.Future[Reply] | _Collector] = deque()
        self._unsent: list[bytes] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        """Calls that wait for room, in the order of their arrival."""
        self._num_admitted = 0
        """Calls that have room, and send when their task runs next."""
        self._is_paused = False
        self._capacity = MOST_UNDER_WAY
        """How many replies may be awaited now: none when no new request may go out."""
        self._quiet_since: float | None = None
        """When the server last sent something, or was asked after a silence. None: it owes nothing."""
        self._watch: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()
        self.is_open: bool = True
        """Whether it may still be used for new requests."""
        self._read = make_read(self._make_error)
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        self._look = poll.poll
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._transport.set_protocol(self)

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed.is_set()

    def submit(self, request: bytes) -> "asyncio.Future[Reply] | None":
        """Send a request that has one reply; None where there is no room, or the connection has ended."""
        awaited = self._awaited
        if len(awaited) >= self._capacity:
            return None
        if not awaited and not self.is_alive():
            return None
        future = self._create_future()
        awaited.append(future)
        unsent = self._unsent
        if not unsent:
            self._loop.call_soon(self._flush)
        unsent.append(request)
        return future

    def send(self, request: bytes, num_replies: int) -> "asyncio.Future[list[Reply]]":
        """Send a request, whether there is room or not."""
        collector = _Collector(self._create_future(), num_replies)
        self._awaited.extend(repeat(collector, num_replies))
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(request)
        return collector.future

    def is_alive(self) -> bool:
        """Return whether it may be used. Into one that the server has closed while idle nothing is sent."""
        if self.is_open and not self._awaited and self._look(0):
            self._abort("the server closed the connection")
        return self.is_open

    def has_room(self) -> bool:
        """Return whether another request may go out now."""
        return len(self._awaited) < self._capacity

    async def send_in_turn(
        self, request: bytes, num_replies: int, give_up_at: float
    ) -> "asyncio.Future[list[Reply]] | None":
        """Wait for room, and send a request. None: nothing was sent, and the connection is not used any more.

        Raises:
            StoreUnavailable: there was no room until `give_up_at`, by `time.monotonic()`.
        """
        if not self.is_open:
            return None
        turn = self._create_future()
        self._waiting.append(turn)  # who is before it, or a reply, will admit it
        try:
            async with asyncio.timeout(give_up_at - time.monotonic()):
                await turn
            return self.send(request, num_replies) if self.is_open else None
        except TimeoutError:
            raise errors.StoreUnavailable(
                f"the server is behind: {len(self._awaited)} replies are awaited, and no more may be"
            ) from None
        finally:
            if not turn.cancelled():
                self._num_admitted -= 1
            self._admit()

    def leave(self) -> None:
        """Take no new requests. The connection closes when the replies under way have come."""
        self.is_open = False
        self._admit()
        if not self._awaited and not self.is_closed:
            self._close_transport()

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        await self._closed.wait()

    def data_received(self, data: bytes) -> None:
        """Deal the replies out."""
        awaited = self._awaited
        try:
            for reply in self._read(data):
                waiter = awaited.popleft()
                if not waiter.done():
                    waiter.set_result(reply)
        except (redis.RedisError, IndexError) as error:
            self._abort(f"the server sent what is no reply: {error}")
            return
        if awaited:
            self._quiet_since = self._loop.time()
        else:
            self._quiet_since = None
            if not self.is_open:
                self._close_transport()
        if self._waiting:
            self._admit()

    def pause_writing(self) -> None:
        """Send no more: the network does not take it."""
        self._is_paused = True
        self._admit()

    def resume_writing(self) -> None:
        """Send again."""
        self._is_paused = False
        self._admit()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all calls that are under way."""
        self._end_calls("the server closed the connection" if exc is None else f"{type(exc).__name__}: {exc}")
        if self._watch:
            self._watch.cancel()
        del self._read  # it refers to this object
        self._closed.set()

    def _flush(self) -> None:
        """Send the requests of one turn of the loop."""
        if not self._unsent:
            return  # the connection was lost
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        self._start_watch()

    def _start_watch(self) -> None:
        if self._quiet_since is None:
            self._quiet_since = self._loop.time()
        if not self._watch:
            self._watch = self._loop.call_later(self._timeout_seconds, self._check_silence)

    def _check_silence(self) -> None:
        self._watch = None
        if self._quiet_since is None:
            return
        seconds_left = self._quiet_since + self._timeout_seconds - self._loop.time()
        if seconds_left > 0:
            self._watch = self._loop.call_later(seconds_left, self._check_silence)
        else:
            self._abort(f"the server was silent for {self._timeout_seconds} s")

    def _admit(self) -> None:
        """Give their turns to calls that wait for room, in the order of their arrival."""
        waiting = self._waiting
        most = 0 if self._is_paused else MOST_UNDER_WAY - len(self._awaited)
        while waiting and (self._num_admitted < most or not self.is_open):
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._num_admitted += 1
        must_wait = self._is_paused or waiting or self._num_admitted
        self._capacity = MOST_UNDER_WAY if self.is_open and not must_wait else 0

    def _make_error(self, text: str) -> Exception:
        error = parse_error(text)
        if may_be_former_master(error):
            return self._leave_master(error)
        if ends_connection(error):
            self.leave()
        return error

    def _close_transport(self) -> None:
        self._transport.close()
        self._start_watch()  # to say goodbye by TLS takes an answer, too

    def _abort(self, why: str) -> None:
        self._end_calls(why)  # now: what may arrive until the transport has ended is no call's reply
        self._transport.abort()

    def _end_calls(self, why: str) -> None:
        self.is_open = False
        self._unsent.clear()
        for waiter in self._awaited:
            if not waiter.done():
                waiter.set_exception(ReplyLost(why))
        self._awaited.clear()
        self._admit()


class _Collector:
    """Collects the replies to one request. It stands in the queue once for each of them."""

    __slots__ = ("_num_replies", "_replies", "future")

    def __init__(self, future: "asyncio.Future[list[Reply]]", num_replies: int) -> None:
        self.future = future
        self._num_replies = num_replies
        self._replies: list[Reply] = []

    def done(self) -> bool:
        return self.future.done()

    def set_result(self, reply: Reply) -> None:
        self._replies.append(reply)
        if len(self._replies) == self._num_replies:
            self.future.set_result(self._replies)

    def set_exception(self, error: Exception) -> None:
        self.future.set_exception(error)
