"""What the config of a namespace holds."""

from typing import NamedTuple

from cryptoorders_redis.schema.placement import Placement, stream_of_user

SCHEMA_VERSION = 1


class Settings(NamedTuple):
    """What the config of a namespace said when it was read last.

    Attributes:
        epoch: another one after each change of the settings; empty while they are not known.
        num_streams: the number of streams.
        placement: how users are spread over them.
        moving_from: the number of streams before, while orders move from their old streams to their new ones.
        feed: how many entries of the change feed are kept of each stream, about; 0 where there is no feed.
        timed: whether orders may have deadlines.
        most_streams: the largest number of streams that the namespace had, where it was resized.
    """

    epoch: str
    num_streams: int
    placement: Placement = "modulo"
    moving_from: int | None = None
    feed: int = 0
    timed: bool = False
    most_streams: int = 0

    @property
    def streams(self) -> range:
        """The numbers of all streams that may have orders."""
        return range(max(self.num_streams, self.moving_from or 0))

    @property
    def feeds(self) -> range:
        """The numbers of all streams that may have a change feed: also those that a resize has emptied."""
        return range(max(len(self.streams), self.most_streams))

    def stream_of(self, user_id: str) -> int:
        """Return the stream in which new orders of a user are placed."""
        return stream_of_user(user_id, self.num_streams, self.placement)

    def homes_of(self, user_id: str) -> tuple[int, ...]:
        """Return the streams in which a user may have orders: one, and a second one while orders move."""
        home = self.stream_of(user_id)
        if self.moving_from is None:
            return (home,)
        old_home = stream_of_user(user_id, self.moving_from, self.placement)
        return (home,) if old_home == home else (home, old_home)


class Config(NamedTuple):
    """The reply of lua/read_config.lua. A field is None where it is not there."""

    schema_version: bytes | None
    num_streams: bytes | None
    directory_shards: bytes | None
    epoch: bytes | None
    dropping: bytes | None
    copying: bytes | None
    placement: bytes | None
    moving_from: bytes | None
    feed: bytes | None
    timed: bytes | None
    most_streams: bytes | None
    maxmemory_policy: bytes | None
    is_cluster_node: int | None

    @property
    def is_there(self) -> bool:
        """Whether there is a config with any field that this release knows."""
        return any(self[:-2])

    @property
    def is_dropping(self) -> bool:
        """Whether a drop was begun and has not ended."""
        return self.dropping is not None

    @property
    def is_copying(self) -> bool:
        """Whether a copy into it was begun and has not ended."""
        return self.copying is not None

    @property
    def evicting_policy(self) -> str | None:
        """The server's maxmemory-policy, where it is one by which the server removes keys."""
        policy = self.maxmemory_policy
        return None if policy in (None, b"noeviction") else policy.decode()


def number_in(field: bytes | None) -> int:
    """Return a config field's number; 0, which none of them can be, for anything else."""
    return int(field) if field and field.isdigit() and not field.startswith(b"0") else 0
