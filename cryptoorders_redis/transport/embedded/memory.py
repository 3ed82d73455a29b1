"""A store in this process, for `memory://`."""

import functools
import logging
from typing import Any

import redis

_log = logging.getLogger("cryptoorders_redis")


def make_memory_client(name: str, library: Any) -> Any:
    """Make a client of a store in this process. The store ends with the process.

    The same name gives the same store. Without a name the store is private to the client.

    Args:
        name: The name of the store, or an empty text.
        library: `redis`, or `redis.asyncio` for the async API.
    """
    import fakeredis  # takes 0.2 s, so only memory:// imports it

    _warn_once("a memory:// store exists only in this process, and its orders are lost when the process ends")
    server = _named_server(name) if name else fakeredis.FakeServer()
    client = fakeredis.FakeRedis if library is redis else fakeredis.FakeAsyncRedis
    return client(server=server)


@functools.cache
def _named_server(_name: str) -> Any:
    import fakeredis

    return fakeredis.FakeServer()


@functools.cache
def _warn_once(message: str) -> None:
    _log.warning(message)
