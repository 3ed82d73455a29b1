"""What can go wrong, a class for each thing a caller can act on.

Input that is not legal raises the built-in `ValueError` or `TypeError` before anything is sent.
"""

from decimal import Decimal
from typing import Any


class CryptoOrdersError(Exception):
    """The base of every error of this library. All of them can be pickled and copied, with all they hold."""

    def __reduce__(self) -> tuple[Any, ...]:
        cause = self.__cause__ if isinstance(self.__cause__, CryptoOrdersError) else None
        return _restored, (type(self), self.args, self.__dict__, cause)


def _restored(
    kind: type[CryptoOrdersError],
    args: tuple[Any, ...],
    fields: dict[str, Any],
    cause: CryptoOrdersError | None,
) -> CryptoOrdersError:
    """Return an error as it was, whatever its constructor takes, with a cause that is one of ours."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    error.__cause__ = cause
    return error


class NoSuchNamespace(CryptoOrdersError):
    """There is no such namespace in the store, and it was not to be created; or it is being dropped."""


class ConfigurationMismatch(CryptoOrdersError):
    """The namespace exists and was created with another number of streams than was asked for."""


class SchemaVersionMismatch(CryptoOrdersError):
    """The namespace's data is of a schema version that this release does not know."""


class StoreUnavailable(CryptoOrdersError, ConnectionError):
    """The store could not be asked, or would not answer. It is certain that nothing was changed."""


class ServerNotStarted(StoreUnavailable):
    """The private server of a `file:` store is gone and cannot be started; the message says why.

    To call again does not help until that is mended, so no call waits for its deadline.
    """


class OutcomeUnknown(CryptoOrdersError, ConnectionError):
    """A change may have taken effect or not: its reply was lost, and the server did not give it again.

    Attributes:
        operation: the name of the call, such as `"cancel"`.
        ids: the order id or user id that it was about.
    """

    def __init__(self, message: str, *, operation: str, ids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.operation = operation
        self.ids = ids


class BulkInterrupted(CryptoOrdersError):
    """A call for many was stopped on its way by the error that is its cause.

    Attributes:
        answers: the answers to the first of the items, which are known to have been carried out.
        unknown: the indexes of the items behind them, which may have been carried out or not.
        not_done: the indexes of the rest, which certainly were not.
    """

    def __init__(self, answers: list[bool], in_doubt: int, items: int, error: Exception) -> None:
        self.answers = answers
        self.unknown: range = range(len(answers), len(answers) + in_doubt)
        self.not_done: range = range(self.unknown.stop, items)
        super().__init__(
            f"of {items} items {len(answers)} are done, {in_doubt} may be, "
            f"{len(self.not_done)} are not: {error}"
        )


class AmountExceeded(CryptoOrdersError):
    """An order has less than what `reduce` was to take off its amount. Nothing was changed.

    Attributes:
        left: the amount that the order has.
    """

    def __init__(self, message: str, *, left: Decimal) -> None:
        super().__init__(message)
        self.left = left


class StoreFull(CryptoOrdersError):
    """The server's memory is full (`maxmemory`, `noeviction`). Nothing was changed; cancel still works."""


class StoreReadOnly(CryptoOrdersError):
    """The server is a read-only replica. Nothing was changed: connect to its master."""


class AccessDenied(CryptoOrdersError):
    """The server refused the user, the password, or a command or key to this user. Nothing was changed.

    A client's first change tries all rights that changes need. Only where rights are taken away after that
    can a script be stopped in the middle, which is not undone. `deploy/acl.conf` has all that is needed.
    """


class InconsistentData(CryptoOrdersError):
    """What the store holds of an order does not fit together; `verify()` says what is wrong."""


class StoreClosed(CryptoOrdersError):
    """The system was closed; open a new one."""


class ServerError(CryptoOrdersError):
    """The server answered with an error that this library has no name for: the message is the server's."""
