"""The directory's entries on Redis Cluster: which stream an order is in, and by whose claim."""

import secrets
from typing import NamedTuple

_TOKEN_BYTES = 6


class Entry(NamedTuple):
    """An entry of the directory.

    Attributes:
        stream: the stream of the order, or of the order to come.
        token: what tells this claim from any other of the same id; empty for data from a standalone server.
    """

    stream: int
    token: str

    def encode(self) -> bytes:
        """Return the entry as the directory holds it."""
        return f"{self.stream} {self.token}".rstrip().encode()


def new_entry(stream: int) -> Entry:
    """Return the entry of a new claim, whose token nobody else has."""
    return Entry(stream, secrets.token_urlsafe(_TOKEN_BYTES))


def decode_entry(data: bytes) -> Entry | None:
    """Return the entry that the directory holds; None if it is none."""
    stream, _, token = data.partition(b" ")
    is_number = stream.isdigit() and len(stream) < 10 and b"%d" % int(stream) == stream
    return Entry(int(stream), token.decode()) if is_number and token.isascii() else None


def stream_in_entry(data: bytes, *, has_token: bool) -> int | None:
    """Return the stream that an entry names; None if it is none. One may have a token on Redis Cluster."""
    entry = decode_entry(data)
    return entry.stream if entry and (has_token or data.isdigit()) else None
