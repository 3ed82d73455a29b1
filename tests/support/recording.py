"""The commands that the library sends, byte by byte."""

import socket
from collections.abc import Iterator

import redis

from tests.support.sockets import connection_over


def recording_client(socket_path: object) -> tuple[redis.Redis, list[bytes]]:
    """Return a client, and the list to which everything that it sends is added."""
    kind, sent = _recording_socket()
    pool = redis.ConnectionPool(connection_class=connection_over(kind), path=str(socket_path))
    return redis.Redis.from_pool(pool), sent


def record(client: redis.RedisCluster) -> list[bytes]:
    """Return a list to which everything is added that is sent over connections made like the client's."""
    kind, sent = _recording_socket()
    for node in client.get_nodes():
        pool = client.get_redis_connection(node).connection_pool
        pool.connection_class = connection_over(kind, redis.Connection)
    return sent


def _recording_socket() -> tuple[type[socket.socket], list[bytes]]:
    sent: list[bytes] = []

    class RecordingSocket(socket.socket):
        def sendall(self, data, *flags):
            sent.append(bytes(data))
            super().sendall(data, *flags)

    return RecordingSocket, sent


def commands_in(data: bytes) -> Iterator[list[bytes]]:
    """Yield the commands in bytes that were sent to a server: arrays of bulk strings."""
    while data:
        size, words = _first_command(data)
        assert size, "the last command is not complete"
        yield words
        data = data[size:]


def size_of_command(data: bytes) -> int:
    """Return the size of the first command in bytes; 0 if it is not complete."""
    return _first_command(data)[0]


def _first_command(data: bytes) -> tuple[int, list[bytes]]:
    words: list[bytes] = []
    end = data.find(b"\r\n")
    if end < 0:
        return 0, words
    assert data[:1] == b"*"
    position = end + 2
    for _ in range(int(data[1:end])):
        end = data.find(b"\r\n", position)
        if end < 0:
            return 0, words
        assert data[position : position + 1] == b"$"
        begin = end + 2
        position = begin + int(data[position + 1 : end]) + 2
        words.append(data[begin : position - 2])
    return (position if position <= len(data) else 0), words
