"""The server's protocol, as far as redis-py's connections leave it to us."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from cryptoorders_redis.operations import Argument

Reply: TypeAlias = Any
"""What the server answered: bytes, int, None, a list of them; or the error that it answered with."""


def encode_command(command: Sequence[Argument]) -> bytes:
    """Return a command as the server reads it: an array of bulk strings."""
    lines = [b"*%d" % len(command)]
    for argument in command:
        if isinstance(argument, str):
            data = argument.encode()
        else:
            data = argument if isinstance(argument, bytes) else b"%d" % argument
        lines += (b"$%d" % len(data), data)
    lines.append(b"")
    return b"\r\n".join(lines)
