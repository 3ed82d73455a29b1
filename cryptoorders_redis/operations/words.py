"""Words of a command, packed as the server reads them: what never changes is packed once."""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias


class Words(NamedTuple):
    """Some words of a command, as RESP bulk strings (https://redis.io/docs/latest/develop/reference/protocol-spec).

    Attributes:
        number: how many words they are.
        data: their bytes.
    """

    number: int
    data: bytes


Argument: TypeAlias = str | bytes | int | Words
"""A word of a command, or several that are packed already."""

NO_WORDS = Words(0, b"")


def pack(arguments: Iterable[Argument]) -> Words:
    """Return arguments as words."""
    parts: list[bytes] = []
    count = 0
    for argument in arguments:
        if isinstance(argument, str):
            data = argument.encode()
        elif isinstance(argument, bytes):
            data = argument
        elif isinstance(argument, Words):
            parts.append(argument.data)
            count += argument.number
            continue
        else:
            data = b"%d" % argument
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
        count += 1
    return Words(count, b"".join(parts))
