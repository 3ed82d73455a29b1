"""What the library sends, as it goes over the wire."""

from collections.abc import Iterator

import redis


class _RecordingConnection(redis.UnixDomainSocketConnection):
    sent: list[bytes]

    def send_packed_command(self, command, check_health=True):
        self.sent.append(b"".join(command))
        super().send_packed_command(command, check_health)


def recording_client(socket_path: object) -> tuple[redis.Redis, list[bytes]]:
    """A client, and the list that grows by what is sent over it."""
    sent: list[bytes] = []
    connection = type("RecordingConnection", (_RecordingConnection,), {"sent": sent})
    pool = redis.ConnectionPool(connection_class=connection, path=str(socket_path))
    return redis.Redis.from_pool(pool), sent


def commands_in(data: bytes) -> Iterator[list[bytes]]:
    """The commands of bytes sent to a server: arrays of bulk strings."""
    while data:
        head, data = data.split(b"\r\n", 1)
        assert head[:1] == b"*"
        command = []
        for _ in range(int(head[1:])):
            size, data = data.split(b"\r\n", 1)
            assert size[:1] == b"$"
            command.append(data[: int(size[1:])])
            data = data[int(size[1:]) + 2 :]
        yield command
