"""Connections of redis-py over a socket of the test's own kind."""

import socket
from typing import Any

import redis


def connection_over(
    kind: type[socket.socket], base: Any = redis.UnixDomainSocketConnection
) -> Any:  # redis-py annotates pools for TCP connections only
    """Return a class of connections, to a Unix socket unless another is given to build on."""

    class Connection(base):
        def _connect(self):
            ours = kind(fileno=super()._connect().detach())
            ours.settimeout(self.socket_timeout)
            return ours

    return Connection
