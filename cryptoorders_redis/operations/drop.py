"""Removes a namespace in small steps, so that the server is never held up."""

import secrets
from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.standalone import Standalone
from cryptoorders_redis.operations.words import pack

PAGE = 500
"""Keys that are dropped in one step."""

ENDED = -1
"""What a step replies when its drop has come to its end: another client was quicker."""


def drop(node: Standalone) -> Operation[None]:
    """Remove all keys of the namespace; one that is half dropped is dropped to its end.

    Raises:
        NoSuchNamespace: there is none.
        OutcomeUnknown: it may be half dropped.
    """
    return Operation("drop", "change", (node.keys.namespace,), _drop(node), is_long=True)


def _drop(node: Standalone) -> Steps[None]:
    keys = node.keys
    # Refused to a user who may not scan: better now than half-way.
    yield [ReadTransaction(keys.slot, (node.scan(b"0", 1),))]
    name = "".join(secrets.choice(ascii_lowercase) for _ in range(16))
    begun = b""
    try:
        # A change in a session, so that a late copy does nothing: the namespace may be another by then.
        step = Call(
            "begin_drop", keys.slot, pack((keys.config, keys.sequence)), pack((name,)), (keys.namespace,)
        )
        (begun,) = yield [step]
        if not begun:
            raise node.no_such_namespace()
        yield from _drop_all_found(node, begun)
        yield [Call("drop_keys", keys.slot, pack((keys.config, keys.sequence)), pack((begun, 1)))]
    except errors.CryptoOrdersError as error:
        if not begun and not isinstance(error, errors.OutcomeUnknown):
            raise  # nothing was done
        raise errors.OutcomeUnknown(
            f"namespace {keys.namespace!r} may be half dropped: {error}; call drop() again",
            operation="drop",
            ids=(keys.namespace,),
        ) from error


def _drop_all_found(node: Standalone, begun: bytes) -> Steps[None]:
    """Drop all keys but the config. One scan finds them: no change is made once the drop has begun."""
    cursor = b"0"
    while True:
        (((cursor, found),),) = yield [ReadTransaction(node.keys.slot, (node.scan(cursor, PAGE),))]
        for page in _pages([key for key in found if key != node.keys.config.encode()]):
            (removed,) = yield [
                Call("drop_keys", node.keys.slot, pack((node.keys.config, *page)), pack((begun, 0)))
            ]
            if removed == ENDED:
                return
        if cursor == b"0":
            return


def _pages(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield keys in pages: a scan may find more than it was asked for."""
    return (keys[first : first + PAGE] for first in range(0, len(keys), PAGE))
