"""Every key name of the schema. Nothing else in Python knows how one is made.

User-made text comes only after the hash tag, as the end of a key, so that no id can change which
key is meant, or which slot of a Redis Cluster it is in.
"""

import re
from typing import NamedTuple

_NAMESPACE = re.compile(r"[A-Za-z0-9._-]{1,100}")

_OF_STREAM = re.compile(r":(0|[1-9]\d{0,8}):(orders|placed|paused|user:(.+))", re.ASCII | re.DOTALL)


class KeyMeaning(NamedTuple):
    """What a key is: its kind, and the stream and user that it belongs to, if any."""

    kind: str
    stream: int | None = None
    user: str = ""


class Keys:
    """The key names of one namespace."""

    def __init__(self, namespace: str) -> None:
        if not isinstance(namespace, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"namespace must be a str, not {type(namespace).__name__}")
        if not _NAMESPACE.fullmatch(namespace):
            raise ValueError(
                "namespace must be 1 to 100 letters, digits, '.', '_' or '-' of ASCII, "
                f"not {namespace[:120]!r}"
            )
        self.namespace: str = namespace
        self.pattern: str = f"{{{namespace}[:}}]*"
        """Matches all keys of this namespace, and none of another whose name begins the same."""
        self.slot: str = f"{{{namespace}}}"
        """The hash tag of the keys that belong to the whole namespace."""
        self.config: str = f"{{{namespace}}}:config"
        self.sequence: str = f"{{{namespace}}}:sequence"
        """One for all streams on one node, so that nothing can disorder orders of two streams."""

    @staticmethod
    def sessions(slot: str, client: str) -> str:
        """Session → the last request number of one client's session in a slot, and the answer to it."""
        return f"{slot}:sessions:{client}"

    def directory(self, shard: int) -> str:
        """Order id → the stream that holds it."""
        return f"{{{self.namespace}:directory:{shard}}}"

    def orders(self, stream: int) -> str:
        """Order id → record."""
        return f"{{{self.namespace}:{stream}}}:orders"

    def placed(self, stream: int) -> str:
        """Order ids by sequence number."""
        return f"{{{self.namespace}:{stream}}}:placed"

    def paused(self, stream: int) -> str:
        """The ids of the paused orders."""
        return f"{{{self.namespace}:{stream}}}:paused"

    def user(self, stream: int, user_id: str) -> str:
        """The ids of one user's orders."""
        return f"{{{self.namespace}:{stream}}}:user:{user_id}"

    def one_of_each_kind(self) -> tuple[str, ...]:
        """Return a key of each kind that changes write to, for the server to check the user's rights."""
        return (
            self.config, self.sequence, self.directory(0), self.orders(0), self.placed(0), self.paused(0),
            self.user(0, "user"),
        )  # fmt: skip

    def meaning_of(self, key: bytes) -> KeyMeaning | None:
        """Return what a key that matches `pattern` is; None for one that the schema has not."""
        try:
            name = key.decode()
        except UnicodeDecodeError:
            return None
        tag, _, rest = name.partition("}")
        tag = tag.removeprefix("{" + self.namespace)
        if (tag, rest) in ((":directory:0", ""), ("", ":config"), ("", ":sequence")):
            return KeyMeaning(tag[1:-2] or rest[1:])
        if tag == "" and rest.startswith(":sessions:"):
            return KeyMeaning("sessions")
        of_stream = _OF_STREAM.fullmatch(tag + rest)
        if of_stream is None:
            return None
        stream, kind, user = of_stream.groups()
        return KeyMeaning("user" if user else kind, int(stream), user or "")
