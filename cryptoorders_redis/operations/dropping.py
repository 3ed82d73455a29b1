"""Removes a namespace, by the page, so that the server is never held up."""

from collections.abc import Iterator, Sequence

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, Snapshot
from cryptoorders_redis.operations.one_node import OneNode

PAGE = 500
"""Keys that are dropped in one step."""


def drop(node: OneNode) -> Operation[None]:
    """Remove all keys of the namespace; one that is half dropped is dropped to its end.

    Raises:
        NoSuchNamespace: there is none.
        OutcomeUnknown: it may be half dropped.
    """
    keys = node.keys
    begun = False
    try:
        # A change in a session, of which no copy acts that comes late: the namespace may be another by then.
        (begun,) = yield [Call("begin_drop", (keys.config,), (0,), changes=(keys.namespace,))]
        if not begun:
            raise node.no_such_namespace()
        while (yield from _drop_all_found(node)):
            pass  # what others wrote during a scan is found by the next
        yield [Call("drop_keys", (keys.config, keys.sequence), (1,))]
    except (errors.StoreUnavailable, errors.OutcomeUnknown) as error:
        if isinstance(error, errors.StoreUnavailable) and not begun:
            raise  # nothing was done
        raise errors.OutcomeUnknown(
            f"namespace {keys.namespace!r} may be half dropped: {error}; call drop() again",
            operation="drop",
            ids=(keys.namespace,),
        ) from error


def _drop_all_found(node: OneNode) -> Operation[bool]:
    """Drop all keys but the config that one scan finds; reply whether it found any."""
    found_any, cursor = False, b"0"
    while True:
        scan = ("SCAN", cursor, "MATCH", node.keys.pattern, "COUNT", PAGE)
        (((cursor, found),),) = yield [Snapshot((scan,))]
        for page in _pages([key for key in found if key != node.keys.config.encode()]):
            found_any = True
            yield [Call("drop_keys", (node.keys.config, *page), (0,))]
        if cursor == b"0":
            return found_any


def _pages(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield keys by the page: a scan may find more than it was asked for."""
    return (keys[first : first + PAGE] for first in range(0, len(keys), PAGE))
