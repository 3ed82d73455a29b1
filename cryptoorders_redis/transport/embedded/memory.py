"""A store in this process, for `memory://`."""

import functools
import logging
from typing import Any

import redis

_log = logging.getLogger("cryptoorders_redis")


def memory_client(name: str, library: Any) -> Any:
    """Return a client of a store in this process, which ends with it; to await if of redis.asyncio.

    The same name is the same store; without a name it is one that nobody else can reach.
    """
    import fakeredis  # 0.2 s that only those pay who use it

    _say_once("a memory:// store lives in this process alone, and ends with it")
    server = _named_server(name) if name else fakeredis.FakeServer()
    client = fakeredis.FakeRedis if library is redis else fakeredis.FakeAsyncRedis
    return client(server=server)


@functools.cache
def _named_server(_name: str) -> Any:
    import fakeredis

    return fakeredis.FakeServer()


@functools.cache
def _say_once(message: str) -> None:
    _log.warning(message)
