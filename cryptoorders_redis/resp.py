"""The server's protocol, as far as redis-py's connections leave it to us."""

from collections.abc import Sequence
from typing import Any, TypeAlias

Argument: TypeAlias = str | bytes | int

Reply: TypeAlias = Any
"""What the server answered: bytes, int, None, a list of them; or the error that it answered with."""


def packed(command: Sequence[Argument]) -> bytes:
    """Return a command as the server reads it: an array of bulk strings."""
    parts = [b"*%d\r\n" % len(command)]
    for argument in command:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)
