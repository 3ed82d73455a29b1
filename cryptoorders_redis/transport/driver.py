"""Drives operations for the sync API: sends what the executor asks for, and waits for the replies."""

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from cryptoorders_redis.operations import Operation
from cryptoorders_redis.transport.executor import Executor
from cryptoorders_redis.transport.request import Conversation, Request
from cryptoorders_redis.transport.resp import Reply

T = TypeVar("T")


class Connected(Protocol):
    """The connections to a server or to a cluster."""

    def fetch(self, request: Any) -> Any:
        """Send a request of the executor's, and return its replies or its outcomes."""
        ...

    def close(self) -> None:
        """Refuse further requests, and close the connections."""
        ...


class Driver:
    """Runs the operations of one system. The constructor opens the namespace.

    Args:
        opening: makes the operation that joins or creates the namespace. It checks its arguments when called.
    """

    def __init__(
        self, executor: Executor, connections: Connected, opening: Callable[[], Operation[None]]
    ) -> None:
        self._executor = executor
        self._connections = connections
        try:
            self.run(opening())
        except BaseException:
            self.close()
            raise

    def enter(self) -> None:
        """Do nothing: the constructor has opened the namespace."""

    def run(self, operation: Operation[T]) -> T:
        """Carry out an operation, and return its result."""
        first_try = self._executor.first_try(operation)
        if first_try is None:
            return self._converse(self._executor.execute(operation))
        data, session, give_up_at = first_try
        try:
            outcome = self._connections.fetch(Request(data, 1, give_up_at))
        except Exception as error:  # noqa: BLE001 - the executor decides what it means
            return self._converse(self._executor.execute(operation, first_try), error)
        answer = self._executor.settled(session, outcome[0])
        if answer is not None:
            return cast("T", answer)
        return self._converse(self._executor.execute(operation, first_try), outcome)

    def _converse(self, conversation: Conversation[T], outcome: list[Reply] | Exception | None = None) -> T:
        """Send what the executor asks for; with an outcome, that of its first request, which was sent."""
        try:
            request = next(conversation)
            while True:
                if outcome is None:
                    if request.wait_seconds:
                        time.sleep(request.wait_seconds)
                    try:
                        outcome = self._connections.fetch(request)
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
            outcome = None  # an error that refers to itself would keep an interrupted call's link in use
            conversation.close()  # also of a call that is interrupted: its observer is told now

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()
