"""What the config of a namespace holds."""

from typing import NamedTuple

SCHEMA_VERSION = 1


class Settings(NamedTuple):
    """What the config of a namespace said when it was read last.

    Attributes:
        epoch: another one after each change of the settings; empty while they are not known.
        num_streams: the number of streams.
    """

    epoch: str
    num_streams: int


class Config(NamedTuple):
    """The reply of lua/read_config.lua. A field is None where it is not there."""

    schema_version: bytes | None
    num_streams: bytes | None
    directory_shards: bytes | None
    epoch: bytes | None
    dropping: bytes | None
    copying: bytes | None
    maxmemory_policy: bytes | None
    is_cluster_node: int | None

    @property
    def is_there(self) -> bool:
        """Whether there is a config with any field that this release knows."""
        return any(self[:6])

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
