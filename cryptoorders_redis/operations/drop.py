"""Removes a namespace in small steps, so that the server is never held up."""

import secrets
from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, Snapshot
from cryptoorders_redis.operations.standalone import Standalone
from cryptoorders_redis.transport.resp import Argument

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
    keys = node.keys
    yield [Snapshot((node.scan(b"0", 1),))]  # refused to a user who may not: better now than half-way
    name = "".join(secrets.choice(ascii_lowercase) for _ in range(16))
    begun: Argument = b""
    try:
        # A change in a session, of which no copy acts that comes late: the namespace may be another by then.
        step = Call("begin_drop", (keys.config, keys.sequence), (name, 0), changes=(keys.namespace,))
        (begun,) = yield [step]
        if not begun:
            raise node.no_such_namespace()
        while (yield from _drop_all_found(node, begun)):
            pass  # what others wrote during a scan is found by the next
        yield [Call("drop_keys", (keys.config, keys.sequence), (begun, 1))]
    except errors.CryptoOrdersError as error:
        if not begun and not isinstance(error, errors.OutcomeUnknown):
            raise  # nothing was done
        raise errors.OutcomeUnknown(
            f"namespace {keys.namespace!r} may be half dropped: {error}; call drop() again",
            operation="drop",
            ids=(keys.namespace,),
        ) from error


def _drop_all_found(node: Standalone, begun: Argument) -> Operation[bool]:
    """Drop all keys but the config that one scan finds; reply whether to scan again.

    Keys of sessions are no reason to: they come again for as long as others try to change something, and
    end by themselves.
    """
    scan_again, cursor = False, b"0"
    while True:
        (((cursor, found),),) = yield [Snapshot((node.scan(cursor, PAGE),))]
        for page in _pages([key for key in found if key != node.keys.config.encode()]):
            (removed,) = yield [Call("drop_keys", (node.keys.config, *page), (begun, 0))]
            if removed == ENDED:
                return False
            meanings = map(node.keys.meaning_of, page)
            scan_again |= any(meaning is None or meaning.kind != "sessions" for meaning in meanings)
        if cursor == b"0":
            return scan_again


def _pages(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield keys by the page: a scan may find more than it was asked for."""
    return (keys[first : first + PAGE] for first in range(0, len(keys), PAGE))
