"""Drives operations for the async API: sends what the executor asks for, and awaits the replies."""

import asyncio
import copy
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Operation
from cryptoorders_redis.transport.executor import Executor, FirstTry
from cryptoorders_redis.transport.request import Conversation
from cryptoorders_redis.transport.resp import Reply

T = TypeVar("T")


class AsyncConnected(Protocol):
    """The connections to a server or to a cluster."""

    def submit(self, request: bytes) -> "asyncio.Future[Reply] | None":
        """Send a request of one short reply, if that is possible at once. None: nothing was sent."""
        ...

    async def fetch(self, request: Any) -> Any:
        """Send a request of the executor's, and return its replies or its outcomes."""
        ...

    async def close(self) -> None:
        """Refuse further requests, and close the connections."""
        ...


class AsyncDriver:
    """Runs the operations of one system, in one event loop. `enter` or the first `run` opens the namespace.

    Args:
        opening: makes the operation that joins or creates the namespace. It checks its arguments when called.
    """

    def __init__(
        self, executor: Executor, connections: AsyncConnected, opening: Callable[[], Operation[None]]
    ) -> None:
        opening()  # refuses illegal arguments now, and sends nothing yet
        self._executor = executor
        self._connections = connections
        self._opening = opening
        self._opening_lock = asyncio.Lock()
        self._is_open = False
        self._failure: errors.StoreUnavailable | None = None
        self._num_failures: int = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def enter(self) -> None:
        """Open the namespace, or close the connections where that fails."""
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise

    def run(self, operation: Operation[T]) -> Coroutine[Any, Any, T]:
        """Carry out an operation, and return its result."""
        # No coroutine itself: each layer of them costs every call about a microsecond.
        if not self._is_open or asyncio.get_running_loop() is not self._loop:
            return self._open_and_run(operation)
        first_try = self._executor.first_try(operation)
        future = first_try and self._connections.submit(first_try[0])
        if first_try and future:
            return self._answer_of(operation, first_try, future)
        return self._converse(self._executor.execute(operation, first_try))

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def _open_and_run(self, operation: Operation[T]) -> T:
        await self._open()
        return await self._converse(self._executor.execute(operation))

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if loop is not self._loop:
            raise RuntimeError(
                "this AsyncCryptoOrderSystem belongs to another event loop, where it was used first: "
                "open one in each event loop"
            )
        failures = self._num_failures
        async with self._opening_lock:
            if self._is_open:
                return
            if self._failure and self._num_failures != failures:
                # Of an attempt that this call has waited for: to try again would only make it wait longer.
                raise copy.copy(self._failure)
            try:
                await self._converse(self._executor.execute(self._opening()))
            except errors.StoreUnavailable as error:
                self._num_failures += 1
                self._failure = error
                raise
            self._is_open = True
            self._failure = None

    async def _answer_of(
        self, operation: Operation[T], first_try: FirstTry, future: asyncio.Future[Reply]
    ) -> T:
        try:
            reply = await future
        except Exception as error:  # noqa: BLE001 - the executor decides what it means
            return await self._converse(self._executor.execute(operation, first_try), error)
        answer = self._executor.settled(first_try[1], reply)
        if answer is not None:
            return cast("T", answer)
        return await self._converse(self._executor.execute(operation, first_try), [reply])

    async def _converse(
        self, conversation: Conversation[T], outcome: list[Reply] | Exception | None = None
    ) -> T:
        """Send what the executor asks for; with an outcome, that of its first request, which was sent."""
        try:
            request = next(conversation)
            while True:
                if outcome is None:
                    if request.wait_seconds:
                        await asyncio.sleep(request.wait_seconds)
                    try:
                        outcome = await self._connections.fetch(request)
                    except Exception as error:  # noqa: BLE001 - the executor decides what it means
                        outcome = error
                if isinstance(outcome, Exception):
                    request = conversation.throw(outcome)
                else:
                    request = conversation.send(outcome)
                outcome = None
        except StopIteration as done:
            return done.value
        finally:
            outcome = None  # an error that refers to itself would wait for the garbage collector
            conversation.close()  # also of a call that is cancelled: its observer is told now
