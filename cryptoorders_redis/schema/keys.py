"""Every key name of the schema. Nothing else in Python knows how one is made.

User-made text comes only after the hash tag, as the end of a key, so that no id can change which
key is meant, or which slot of a Redis Cluster it is in.
"""

import re
from typing import NamedTuple

_NAMESPACE = re.compile(r"[A-Za-z0-9._-]{1,100}")

_OF_STREAM = re.compile(r"(0|[1-9]\d{0,8})}:([a-z]+)(?::(.+))?", re.ASCII | re.DOTALL)

_ASIDE = re.compile(rb"(:[^{}]*)?}:aside:.")
"""What stands behind the namespace in a key that the repair has set aside, whatever its name was."""

_OF_SHARD = re.compile(r"directory:(0|[1-9]\d{0,8})}", re.ASCII)


class KeyMeaning(NamedTuple):
    """What a key is.

    Attributes:
        kind: `orders`, `user`, `directory` and so on.
        stream: the stream that it belongs to, if any.
        name: what tells it from others of its kind: of `user` the user id, of `sessions` the client.
    """

    kind: str
    stream: int | None = None
    name: str = ""


TYPE_OF_KIND: dict[str, str] = {
    **dict.fromkeys(("config", "orders", "directory", "sessions", "intake"), "hash"),
    **dict.fromkeys(("events", "outcomes", "letters"), "hash"),
    **dict.fromkeys(("placed", "due", "waiting", "dead", "workers"), "zset"),
    **dict.fromkeys(("paused", "user"), "set"),
    **dict.fromkeys(("sequence", "changed", "fence"), "string"),
    "changes": "stream",
}
"""The type of each kind of key, as TYPE names it. `aside` may have any."""

SCANNED_KINDS = frozenset(("orders", "placed", "paused", "user", "due"))
"""The kinds of keys that have order ids, or users, of one stream."""

_OF_INTAKE = ("intake", "events", "outcomes", "dead", "letters")
"""The kinds of keys that an intake has, besides its queues."""


class Keys:
    """The key names of one namespace on a standalone server."""

    directory_shards: int = 1
    """A standalone server gains nothing from more, and a person with redis-cli knows where to look."""

    _kinds_of_namespace: frozenset[str] = frozenset(
        ("config", "sequence", "sessions", "workers", "aside", *_OF_INTAKE)
    )
    _kinds_of_stream: frozenset[str] = frozenset(
        ("orders", "placed", "paused", "user", "due", "changes", "changed", "waiting", "intake", "aside")
    )

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
        self.config: str = self.config_in(self.slot)

    def slot_of(self, stream: int) -> str:
        """Return the hash tag of a stream's keys."""
        return f"{{{self.namespace}:{stream}}}"

    @staticmethod
    def slot_in(key: bytes) -> str:
        """Return the hash tag of a key that `pattern` matches."""
        return key[: key.index(b"}") + 1].decode()

    @staticmethod
    def sessions(slot: str, client: str) -> str:
        """Session → the last request number of one client's session in a slot, and the answer to it."""
        return f"{slot}:sessions:{client}"

    def directory(self, shard: int) -> str:
        """Order id → the stream that holds it."""
        return self.slot_of_shard(shard)

    def slot_of_shard(self, shard: int) -> str:
        """Return the hash tag of a shard of the directory, which is all of its name."""
        return f"{{{self.namespace}:directory:{shard}}}"

    def fence(self, stream: int, token: str) -> str:
        """Says that the claim with this token can never become an order; on Redis Cluster alone."""
        return f"{self.slot_of(stream)}:fence:{token}"

    def config_of(self, stream: int) -> str:  # noqa: ARG002 - there is one
        """The config by which changes of a stream are checked: the namespace's own."""
        return self.config

    @staticmethod
    def config_in(slot: str) -> str:
        """The config that lies in a slot."""
        return f"{slot}:config"

    def sequence_of(self, stream: int) -> str:  # noqa: ARG002 - there is one
        """The last sequence number that was assigned: of all streams, so that none disorders another."""
        return f"{self.slot}:sequence"

    def orders(self, stream: int) -> str:
        """Order id → record."""
        return f"{self.slot_of(stream)}:orders"

    def placed(self, stream: int) -> str:
        """Order ids by sequence number."""
        return f"{self.slot_of(stream)}:placed"

    def paused(self, stream: int) -> str:
        """The ids of the paused orders."""
        return f"{self.slot_of(stream)}:paused"

    def user(self, stream: int, user_id: str) -> str:
        """The ids of one user's orders."""
        return f"{self.slot_of(stream)}:user:{user_id}"

    def due(self, stream: int) -> str:
        """The deadlines, in microseconds since 1970: `o:` and an order's id, `u:` and a user's."""
        return f"{self.slot_of(stream)}:due"

    def intake_slot(self, stream: int) -> str:  # noqa: ARG002 - there is one
        """Return the hash tag of the intake that takes the events of a stream: the namespace's own."""
        return self.slot

    def intake(self, stream: int) -> str:
        """The newest event time, the watermark, and when outcomes were forgotten last."""
        return f"{self.intake_slot(stream)}:intake"

    def intake_counts(self, stream: int) -> str:
        """How many events of a stream were applied, late and refused; on Redis Cluster `intake` itself."""
        return f"{self.slot_of(stream)}:intake"

    def waiting(self, stream: int) -> str:
        """The queue of a stream: the ids of the events that wait, by event time in microseconds."""
        return f"{self.slot_of(stream)}:waiting"

    def events(self, stream: int) -> str:
        """Event id → what is to be done, of the events that wait."""
        return f"{self.intake_slot(stream)}:events"

    def outcomes(self, stream: int) -> tuple[str, str]:
        """Event id → what came of it: two keys, which are written and forgotten alternately."""
        slot = self.intake_slot(stream)
        return f"{slot}:outcomes:even", f"{slot}:outcomes:odd"

    def dead(self, stream: int) -> str:
        """The ids of the dead letters, by when they were refused."""
        return f"{self.intake_slot(stream)}:dead"

    def letters(self, stream: int) -> str:
        """Event id → why it was refused, its time, and what was to be done."""
        return f"{self.intake_slot(stream)}:letters"

    @property
    def newest_event(self) -> str:
        """The newest event time that workers know; standalone that of `intake`, where it is always."""
        return f"{self.slot}:intake"

    @property
    def workers(self) -> str:
        """The names of the workers, by when they were last heard of."""
        return f"{self.slot}:workers"

    def records_aside(self, stream: int) -> str:
        """Moment and order id → a record that the repair has removed."""
        return f"{self.slot_of(stream)}:aside:records"

    def name_aside(self, key: bytes) -> bytes:
        """Return the beginning of the name under which the repair keeps a key that nobody can use.

        It is in the slot of the key. Behind it come a moment and the rest of the key.
        """
        return key[: key.index(b"}") + 1] + b":aside:" if b"}" in key else self.slot.encode() + b":aside:"

    @staticmethod
    def feed_in(slot: str) -> tuple[str, str]:
        """Return the keys of the change feed in a slot: its entries, and the number of the last one."""
        return f"{slot}:changes", f"{slot}:changed"

    def feed_of(self, stream: int) -> tuple[str, str]:
        """Return the keys of a stream's change feed, as `feed_in` does."""
        return self.feed_in(self.slot_of(stream))

    def columns_of(self, stream: int) -> tuple[str, str, str]:
        """Return the keys from which a stream's orders are read: orders, placed and paused."""
        return self.orders(stream), self.placed(stream), self.paused(stream)

    def written_in(self, slot: str) -> tuple[str, ...]:  # noqa: ARG002 - there is one
        """Return a key of each kind that changes write to, by which the server checks the user's rights."""
        of_stream = (*self.columns_of(0), self.user(0, "user"), self.due(0))
        return (self.config, self.sequence_of(0), self.directory(0), *of_stream, *self.feed_of(0))

    def meaning_of(self, key: bytes) -> KeyMeaning | None:
        """Return what a key that matches `pattern` is; None for one that the schema has not."""
        if _ASIDE.match(key[len(self.slot) - 1 :]):
            return KeyMeaning("aside")
        try:
            name = key.decode()
        except UnicodeDecodeError:
            return None
        if name.startswith(self.slot + ":"):
            kind, _, rest = name.removeprefix(self.slot + ":").partition(":")
            is_known = kind in self._kinds_of_namespace and bool(rest) == (kind in _NAMED_FURTHER)
            return KeyMeaning(kind, None, rest) if is_known else None
        rest = name.removeprefix(f"{{{self.namespace}:")
        if shard := _OF_SHARD.fullmatch(rest):
            return KeyMeaning("directory") if int(shard[1]) < self.directory_shards else None
        return self._meaning_in_stream(rest)

    def _meaning_in_stream(self, rest: str) -> KeyMeaning | None:
        of_stream = _OF_STREAM.fullmatch(rest)
        if not of_stream:
            return None
        stream, kind, more = of_stream.groups()
        if kind not in self._kinds_of_stream or (more is not None) != (kind in _NAMED_FURTHER):
            return None
        return KeyMeaning(kind, int(stream), more or "")


_NAMED_FURTHER = frozenset(("user", "sessions", "fence", "outcomes", "aside"))
"""The kinds of keys that a stream has several of, each with a name of its own."""


class ClusterKeys(Keys):
    """The key names of one namespace on Redis Cluster: all that a stream's scripts touch is in its slot."""

    directory_shards: int = 256
    """More would make batches smaller; fewer would make a shard too large to move at once."""

    _kinds_of_namespace: frozenset[str] = frozenset(("config", "sessions", "workers", "intake", "aside"))
    _kinds_of_stream: frozenset[str] = frozenset(
        (
            "orders",
            "placed",
            "paused",
            "user",
            "due",
            "changes",
            "changed",
            "config",
            "sequence",
            "sessions",
            "fence",
            "waiting",
            "aside",
            *_OF_INTAKE,
        )
    )

    def intake_slot(self, stream: int) -> str:
        """Return the hash tag of the intake that takes the events of a stream: the stream's own."""
        return self.slot_of(stream)

    def config_of(self, stream: int) -> str:
        """What the stream was told of the namespace's config."""
        return self.config_in(self.slot_of(stream))

    def sequence_of(self, stream: int) -> str:
        """The last sequence number that was assigned in the stream."""
        return f"{self.slot_of(stream)}:sequence"

    def written_in(self, slot: str) -> tuple[str, ...]:
        """Return a key of each kind that changes in a slot write to; see `Keys`."""
        kinds = ("config",)
        if slot != self.slot:
            kinds = (
                "config", "sequence", "orders", "placed", "paused", "user:user", "fence:token", "due",
                "changes", "changed",
            )  # fmt: skip
        return tuple(f"{slot}:{kind}" for kind in kinds)
