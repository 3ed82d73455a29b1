"""Stores for people without a server at hand."""

import functools
import logging
from typing import Any

import fakeredis

_log = logging.getLogger("cryptoorders_redis")


def memory_pool(name: str) -> Any:
    """Return a pool of connections to a store in this process, which ends with it.

    The same name is the same store; without a name it is one that nobody else can reach.
    """
    _say_once()
    server = _named_server(name) if name else fakeredis.FakeServer()
    return fakeredis.FakeRedis(server=server).connection_pool


@functools.cache
def _named_server(_name: str) -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@functools.cache
def _say_once() -> None:
    _log.warning("a memory:// store lives in this process alone, and ends with it")
