"""Drives operations for the sync API: sends what the executor asks for, and waits for the replies."""

import time
from collections.abc import Callable
from typing import TypeVar

from cryptoorders_redis.operations import Operation
from cryptoorders_redis.transport.connections import Connections
from cryptoorders_redis.transport.executor import Executor

T = TypeVar("T")


class Driver:
    """Runs the operations of one system. The constructor opens the namespace.

    Args:
        opening: makes the operation that joins or creates the namespace. It checks its arguments when called.
    """

    def __init__(
        self, executor: Executor, connections: Connections, opening: Callable[[], Operation[None]]
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
        conversation = self._executor.execute(operation)
        try:
            request = next(conversation)
            while True:
                if request.wait_seconds:
                    time.sleep(request.wait_seconds)
                try:
                    replies = self._connections.exchange(
                        request.data, request.num_replies, request.give_up_at
                    )
                except Exception as error:  # noqa: BLE001 - the executor decides what it means
                    request = conversation.throw(error)
                else:
                    request = conversation.send(replies)
        except StopIteration as done:
            return done.value
        finally:
            conversation.close()  # also of a call that is interrupted: its observer is told now

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()
