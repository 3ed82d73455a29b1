"""Maps errors of redis-py and of the server to ours. A refused request changed nothing."""

import re

from redis import exceptions

from cryptoorders_redis import errors


class ReplyLost(Exception):
    """The request may have reached the server, but not all replies arrived. Never leaves the library."""


_BY_CODE: dict[str, type[errors.CryptoOrdersError]] = {
    "BUSY": errors.StoreUnavailable,
    "MISCONF": errors.StoreUnavailable,
    "NOPERM": errors.AccessDenied,
    "NOREPLICAS": errors.StoreUnavailable,
    "OOM": errors.StoreFull,
    "READONLY": errors.StoreReadOnly,
    "RECORD": errors.InconsistentData,  # by lua/include/record.lua
}

_FROM_A_CLUSTER = (
    exceptions.AskError,
    exceptions.MovedError,
    exceptions.TryAgainError,
    exceptions.ClusterCrossSlotError,
    exceptions.ClusterDownError,
)
"""What only a node of a Redis Cluster answers. An executor of a cluster does not take it for a refusal."""

_BY_CLASS: dict[type[Exception], type[errors.CryptoOrdersError]] = {
    exceptions.AuthenticationError: errors.AccessDenied,
    exceptions.AuthorizationError: errors.AccessDenied,
    exceptions.NoPermissionError: errors.AccessDenied,
    exceptions.OutOfMemoryError: errors.StoreFull,
    exceptions.ReadOnlyError: errors.StoreReadOnly,
    exceptions.MasterDownError: errors.StoreUnavailable,
    exceptions.ConnectionError: errors.StoreUnavailable,
    exceptions.TimeoutError: errors.StoreUnavailable,
    OSError: errors.StoreUnavailable,
}

_DENIED_IN_A_SCRIPT = re.compile(r"The user executing the script can't|ACL failure in script")
"""In a script the server gives no code. Redis 6.2 and 7.0 use the first text, 7.2 and later the second."""

_NOTHING_DONE = "nothing was done"
"""Part of the message of lua/begin_sessions.lua when it checks all rights and one is missing."""

_NOT_LOGGED_IN = "unauthenticated"
"""From Redis 7 the answer to a long request before the login: "Protocol error: unauthenticated ..."."""

_ARGUMENTS = re.compile(r",? with args beginning with.*", re.DOTALL)
"""The part of an "unknown command" error that repeats the arguments: of a login, the password."""

# redis-py removes the codes that it has a class for. Redis 6.2 wraps the error that stopped a script:
# "Error running script (call to f_...): @user_script:30: -OOM command not allowed ...".
_CODE = re.compile(r"(?:^|: -)([A-Z]+) ")


def refusal(error: Exception) -> errors.CryptoOrdersError:
    """Return our error for a refused request."""
    if error.args and isinstance(error.args[0], exceptions.RedisError):  # redis.asyncio wraps some errors
        error = error.args[0]
    text = _ARGUMENTS.sub("", str(error))
    for theirs, ours in _BY_CLASS.items():
        if isinstance(error, theirs):
            return ours(text)
    if isinstance(error, _FROM_A_CLUSTER):
        return errors.ConfigurationMismatch(
            f"the server is a node of a Redis Cluster ({type(error).__name__}: {text}): use a URL such as "
            "redis+cluster://host:port, or a client of the class RedisCluster"
        )
    for code in _CODE.findall(text):
        if code in _BY_CODE:
            return _BY_CODE[code](text)
    if _DENIED_IN_A_SCRIPT.search(text):
        doubt = (
            ""
            if _NOTHING_DONE in text
            else " (the script may be half done, because a right that it needs is missing)"
        )
        return errors.AccessDenied(text + doubt)
    if _NOT_LOGGED_IN in text:
        return errors.AccessDenied(text)
    return errors.ServerError(text)


def as_cause(error: Exception) -> Exception | None:
    """Return the error as the cause of ours, or None if its text may contain a password."""
    return None if _ARGUMENTS.search(str(error)) else error


def reply_lost(error: Exception) -> ReplyLost:
    """Return our error for a request that was sent and raised this error instead of giving its replies."""
    return ReplyLost(f"{type(error).__name__}: {error}")


def ends_connection(error: Exception) -> bool:
    """Return whether a connection is of no use after this reply: it must log in, or the server closes it."""
    return isinstance(error, exceptions.AuthenticationError) or "Protocol error" in str(error)


def no_master(error: Exception) -> Exception:
    """Return the error for a change that a former master refused.

    Nothing was done, and another server is the master: so the request is sent again.
    """
    return exceptions.ConnectionError(f"the master may have been replaced: {error}")


def may_be_former_master(error: Exception) -> bool:
    """Return whether the server refused a change because it is a replica, or has too few of them."""
    return is_read_only(error) or (isinstance(error, exceptions.ResponseError) and "NOREPLICAS" in str(error))


def is_read_only(reply: object) -> bool:
    """Return whether the server refused a change because it is a replica."""
    return isinstance(reply, Exception) and isinstance(refusal(reply), errors.StoreReadOnly)
