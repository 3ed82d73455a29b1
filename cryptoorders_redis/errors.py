"""The errors, one class for each case that a caller can handle.

Illegal input raises the built-in `ValueError` or `TypeError` before anything is sent.
"""

from decimal import Decimal
from typing import Any


class CryptoOrdersError(Exception):
    """The base class of all errors of this library. They can be pickled and copied without loss."""

    def __reduce__(self) -> tuple[Any, ...]:
        cause = self.__cause__ if isinstance(self.__cause__, CryptoOrdersError) else None
        return _restored, (type(self), self.args, self.__dict__, cause)


def _restored(
    kind: type[CryptoOrdersError],
    args: tuple[Any, ...],
    fields: dict[str, Any],
    cause: CryptoOrdersError | None,
) -> CryptoOrdersError:
    """Return a copy of an error without calling its constructor. The cause is one of our errors or None."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    error.__cause__ = cause
    return error


class NoSuchNamespace(CryptoOrdersError):
    """The namespace does not exist and `create` is False, or the namespace is being dropped."""


class ConfigurationMismatch(CryptoOrdersError):
    """The namespace has other settings, or the server is of another kind, than was asked for.

    A server is of another kind if it is a node of a Redis Cluster and the URL is for a standalone server, or
    the other way round.
    """


class ResizeUnderWay(CryptoOrdersError):
    """The orders are being moved, or were moved meanwhile, to another number of streams than was asked for.

    Attributes:
        num_streams: The number of streams to which they are being moved.
    """

    def __init__(self, message: str, *, num_streams: int) -> None:
        super().__init__(message)
        self.num_streams = num_streams


class NotOnCluster(CryptoOrdersError):
    """The call is not possible on a Redis Cluster. Nothing was changed."""


class SchemaVersionMismatch(CryptoOrdersError):
    """The namespace's data has a schema version that this release does not know."""


class StoreUnavailable(CryptoOrdersError, ConnectionError):
    """The store could not be reached, or did not serve the call. Nothing was changed."""


class ServerNotStarted(StoreUnavailable):
    """The private server of a `file:` store does not run and cannot be started. The message says why.

    A retry cannot succeed before the cause is removed. So the call fails at once, before its deadline.
    """


class OutcomeUnknown(CryptoOrdersError, ConnectionError):
    """A change may have taken effect or not: its reply was lost, and the server did not repeat it.

    Attributes:
        operation: The name of the operation, such as `"cancel"`.
        ids: The order ids, the user id or the namespace that the operation was to change.
    """

    def __init__(self, message: str, *, operation: str, ids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.operation = operation
        self.ids = ids


class BulkInterrupted(CryptoOrdersError):
    """An error stopped a call for many orders before its end. That error is the cause (`__cause__`).

    Attributes:
        answers: The answers for the first items. These items are done.
        unknown: The indexes of the items that follow. Each may be done or not.
        not_done: The indexes of the remaining items. None of them is done.
    """

    def __init__(self, answers: list[Any], in_doubt: int, items: int, error: Exception) -> None:
        self.answers: list[Any] = answers
        self.unknown: range = range(len(answers), len(answers) + in_doubt)
        self.not_done: range = range(self.unknown.stop, items)
        super().__init__(
            f"of {items} items {len(answers)} are done, {in_doubt} may be, "
            f"{len(self.not_done)} are not: {error}"
        )


class IntakeFull(CryptoOrdersError):
    """The queue of a stream has no room for an event, which was not taken.

    Attributes:
        stream: The number of the stream.
        limit: How many events may wait in its queue.
    """

    def __init__(self, message: str, *, stream: int, limit: int) -> None:
        super().__init__(message)
        self.stream = stream
        self.limit = limit


class ChangesMissed(CryptoOrdersError):
    """Changes behind a cursor are missing in the change feed.

    They were trimmed before they were read, they were lost in a failover, or the feed was off for a time.
    Take a new `position`, and then read the state again.

    Attributes:
        stream: The stream in which they are missing.
        after: The number of the last change before them.
        first: The number of the first change behind them that the feed still has. None if there is none.
    """

    def __init__(self, stream: int, after: int, first: int | None) -> None:
        self.stream = stream
        self.after = after
        self.first = first
        found = "none is there" if first is None else f"the next one is {first}"
        super().__init__(
            f"changes of stream {stream} are missing after number {after}: {found}; take a new position(), "
            "and then read the state again"
        )


class AlreadyExpired(CryptoOrdersError, ValueError):
    """The deadline of an order to place is not in the future, by the server's clock. Nothing was placed."""


class AmountExceeded(CryptoOrdersError):
    """The amount of an order is smaller than the number to take off in `reduce`. Nothing was changed.

    Attributes:
        left: The amount that the order has.
    """

    def __init__(self, message: str, *, left: Decimal) -> None:
        super().__init__(message)
        self.left = left


class TooManyDigits(CryptoOrdersError, ValueError):
    """`reduce` would leave an amount of more than 100 digits. Nothing was changed."""


class StoreFull(CryptoOrdersError):
    """The server's memory is full (`maxmemory`, `noeviction`). Nothing was changed. `cancel` still works."""


class StoreReadOnly(CryptoOrdersError):
    """The server is a read-only replica. Nothing was changed. Connect to its master."""


class AccessDenied(CryptoOrdersError):
    """The server refused the login, or refused this user a command or a key. Nothing was changed.

    Before its first change, a client checks that it has all the rights that changes need. If rights are
    removed later, a script can stop in the middle, and its changes are not undone. `deploy/acl.conf` lists
    all rights that are needed.
    """


class InconsistentData(CryptoOrdersError):
    """The data of an order is inconsistent. `verify` says what is wrong."""


class StoreClosed(CryptoOrdersError):
    """The system was closed. Open a new one."""


class ServerError(CryptoOrdersError):
    """The server answered with an error that has no class here. The message is the server's."""
