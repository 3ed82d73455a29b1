"""What a check of a namespace finds: in words for people, and what it is about for the repair."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from cryptoorders_redis.operations import Steps
from cryptoorders_redis.operations.store import Store


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """An order or an event whose keys disagree, or a key or a setting that is wrong.

    Attributes:
        subject: The order id, the event id, the name of the key or the name of the setting.
        stream: The stream whose keys hold the order. None if it belongs to no stream.
        problem: What is wrong, in words.
    """

    subject: str
    stream: int | None
    problem: str


class Suspect(NamedTuple):
    """What has to be looked at again before it is mended.

    Attributes:
        kind: what it is: an order, an entry in the wrong shard of the directory, a member of `due`, an event,
            a field of a hash that is no number, a key of no stream or no meaning, a key of the wrong type,
            the last sequence number of a stream, a change feed, the setting `timed`, or what a stream of a
            cluster was told.
        stream: the stream in whose keys it was found, if in one.
        data: the id, the member, the field or the key.
        more: of an order the user in whose set it was found; of others what was found there.
    """

    kind: Literal[
        "order", "entry", "due", "event", "field", "key", "type", "sequence", "feed", "timed", "told"
    ]
    stream: int | None = None
    data: bytes = b""
    more: str = ""


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        suspect: what it is about.
        inconsistency: what is said of it.
    """

    suspect: Suspect
    inconsistency: Inconsistency


class Mender(NamedTuple):
    """What all mends are given.

    Attributes:
        store: the operations of the namespace.
        is_dry: whether to say only what would be done, and to write nothing.
    """

    store: Store
    is_dry: bool


class SettingsChangedError(Exception):
    """A stream has other settings than this client: the check begins again.

    Attributes:
        stream: the stream.
    """

    def __init__(self, stream: int) -> None:
        super().__init__(stream)
        self.stream: int = stream


def text_of(data: bytes) -> str:
    """Return bytes that are most likely UTF-8 as text."""
    return data.decode(errors="backslashreplace")


Mended = Steps[list[Inconsistency]]
"""Replies with what was mended, and how."""
