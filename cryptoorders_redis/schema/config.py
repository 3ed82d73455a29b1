"""What the config of a namespace holds."""

from typing import NamedTuple

from cryptoorders_redis import errors
from cryptoorders_redis.schema.placement import PLACEMENTS, Placement, stream_of_user

SCHEMA_VERSION = 1


NEVER_QUIET = b"never"
"""What the config says of a quiet time that never ends."""


class IntakeSettings(NamedTuple):
    """How events are taken. Times are in microseconds.

    Attributes:
        window: an event is applied when a newer one by so much was submitted.
        quiet: or when none newer was submitted for so long; an empty text for never.
        late: what becomes of events that come too late: `apply` or `reject`.
        ahead: an event so much in the future is refused.
        limit: how many events may wait in one queue.
        remember: for how long, by event time, the outcomes of events are kept.
    """

    window: int = 5_000_000
    quiet: int | str = 5_000_000
    late: str = "apply"
    ahead: int = 60_000_000
    limit: int = 100_000
    remember: int = 3_600_000_000


class Settings(NamedTuple):
    """What the config of a namespace said when it was read last.

    Attributes:
        epoch: another one after each change of the settings; empty while they are not known.
        num_streams: the number of streams.
        placement: how users are spread over them.
        moving_from: the number of streams before, while orders move from their old streams to their new ones.
        feed: how many entries of the change feed are kept of each stream, about; 0 where there is no feed.
        timed: whether orders may have deadlines.
        intake: how events are taken.
        most_streams: the largest number of streams that the namespace had, where it was resized.
    """

    epoch: str
    num_streams: int
    placement: Placement = "modulo"
    moving_from: int | None = None
    feed: int = 0
    timed: bool = False
    intake: IntakeSettings = IntakeSettings()
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
    intake_window: bytes | None
    intake_quiet: bytes | None
    intake_late: bytes | None
    intake_ahead: bytes | None
    intake_limit: bytes | None
    intake_remember: bytes | None
    maxmemory_policy: bytes | None
    is_cluster_node: int | None

    @property
    def is_there(self) -> bool:
        """Whether there is a config with any field that this release knows."""
        return any(self[:-2])

    @property
    def is_unusable(self) -> bool:
        """Whether the config is no hash, so that no field of it can be read."""
        return self.schema_version == b"?"

    @property
    def is_dropping(self) -> bool:
        """Whether a drop was begun and has not ended."""
        return self.dropping is not None

    @property
    def is_copying(self) -> bool:
        """Whether a copy into it was begun and has not ended."""
        return self.copying is not None

    def read_settings(self, namespace: str, known_shards: int) -> Settings:
        """Return the settings that it says.

        Args:
            namespace: its name, for messages.
            known_shards: how many shards a directory has on this kind of server.

        Raises:
            NoSuchNamespace: the namespace is being dropped, or a copy into it has not ended.
            SchemaVersionMismatch: this release does not know what it says.
            ConfigurationMismatch: it was made for another kind of server.
        """
        if self.is_dropping:
            raise errors.NoSuchNamespace(f"namespace {namespace!r} is being dropped: drop() finishes that")
        if self.is_copying:
            raise errors.NoSuchNamespace(
                f"a copy or import into namespace {namespace!r} has not ended: if none runs, repeat it, or "
                "drop() the namespace"
            )
        num_streams, directory_shards = number_in(self.num_streams), number_in(self.directory_shards)
        if number_in(self.schema_version) != SCHEMA_VERSION or not num_streams:
            found = (self.schema_version or b"?").decode(errors="backslashreplace")
            raise errors.SchemaVersionMismatch(
                f"namespace {namespace!r} holds data of schema version {found}; "
                f"this release knows {SCHEMA_VERSION}"
            )
        if not self.epoch or not number_in(self.epoch):
            raise errors.SchemaVersionMismatch(
                f"the config of namespace {namespace!r} has no epoch that is a number: it was written by a "
                "release before 0.1.0, or changed by hand"
            )
        if directory_shards != known_shards:
            raise errors.ConfigurationMismatch(
                f"namespace {namespace!r} was created with directory_shards={directory_shards}; "
                f"here this release knows {known_shards}"
            )
        return Settings(
            epoch=self.epoch.decode(),
            num_streams=num_streams,
            placement=self._read_placement(namespace),
            moving_from=number_in(self.moving_from) or None,
            feed=number_in(self.feed),
            timed=self.timed is not None,
            intake=self.intake,
            most_streams=number_in(self.most_streams),
        )

    def _read_placement(self, namespace: str) -> Placement:
        if self.placement is None:
            return "modulo"
        for placement in PLACEMENTS:
            if placement.encode() == self.placement:
                return placement
        raise errors.SchemaVersionMismatch(
            f"namespace {namespace!r} has the placement {self.placement!r}; this release knows "
            + " and ".join(PLACEMENTS)
        )

    @property
    def intake(self) -> IntakeSettings:
        """How events are taken: what is not there is as by default."""
        given = {
            "window": _number_or_none(self.intake_window),
            "quiet": "" if self.intake_quiet == NEVER_QUIET else _number_or_none(self.intake_quiet),
            "late": None if self.intake_late is None else self.intake_late.decode(),
            "ahead": _number_or_none(self.intake_ahead),
            "limit": _number_or_none(self.intake_limit),
            "remember": _number_or_none(self.intake_remember),
        }
        return IntakeSettings()._replace(
            **{name: value for name, value in given.items() if value is not None}
        )

    def field_problems(self) -> dict[str, str]:
        """Return what is wrong with fields without which the settings can be read, and in which.

        They are read as if they were not there.
        """
        numbers = ("moving_from", "feed", "most_streams")
        of_intake = ("intake_window", "intake_quiet", "intake_ahead", "intake_limit", "intake_remember")
        wrong = {
            name for name in numbers if getattr(self, name) is not None and not number_in(getattr(self, name))
        }
        wrong |= {
            name
            for name in of_intake
            if getattr(self, name) is not None and _number_or_none(getattr(self, name)) is None
        }
        if self.intake_quiet == NEVER_QUIET:
            wrong.discard("intake_quiet")
        if self.intake_late not in (None, b"apply", b"reject"):
            wrong.add("intake_late")
        if self.timed not in (None, b"1"):
            wrong.add("timed")
        return {
            name: f"its field {name} is {getattr(self, name)!r}, which says nothing" for name in sorted(wrong)
        }

    @property
    def evicting_policy(self) -> str | None:
        """The server's maxmemory-policy, where it is one by which the server removes keys."""
        policy = self.maxmemory_policy
        return None if policy in (None, b"noeviction") else policy.decode()


def _number_or_none(field: bytes | None) -> int | None:
    return int(field) if field and field.isdigit() else None


def number_in(field: bytes | None) -> int:
    """Return a config field's number; 0, which none of them can be, for anything else."""
    return int(field) if field and field.isdigit() and not field.startswith(b"0") else 0
