"""Restores what the config of a namespace has lost, from what the keys say."""

import logging
from collections.abc import Iterable, Mapping

from cryptoorders_redis.operations import Call, ReadTransaction, Steps
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.findings import Inconsistency, Mended, Mender, Suspect
from cryptoorders_redis.operations.mends.keys import set_aside
from cryptoorders_redis.operations.store import MAX_STREAMS, Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import SCHEMA_VERSION, Config, number_in
from cryptoorders_redis.schema.numbers import whole_number
from cryptoorders_redis.schema.placement import PLACEMENTS, Placement, stream_of_user

_log = logging.getLogger("cryptoorders_redis")

PAGE = 500
"""Keys looked at in one round trip."""

_MOST_USERS = 1000
"""From so many users at most it is found out how many streams there are."""


def restore_settings(mender: Mender) -> Mended:
    """Restore fields of the config without which the namespace cannot be used, or that say nothing.

    Raises:
        SchemaVersionMismatch, ConfigurationMismatch: by `read_settings` afterwards, where it is of another
            release, or of another kind of server.
    """
    store = mender.store
    config = yield from store.read_config()
    mended: list[Inconsistency] = []
    if config.is_unusable:
        mended += yield from set_aside(mender, Suspect("type", None, store.keys.config.encode(), "hash"))
        config = Config(*(None for _ in config)) if mended else config
    if config.is_dropping or config.is_copying or number_in(config.schema_version) > SCHEMA_VERSION:
        return mended
    wanted = yield from _find_wanted(store, config)
    latest = (yield from _latest_told(store)) if isinstance(store, Cluster) else 0
    is_late = latest > (whole_number(config.epoch) or 0) and config.is_there
    if not wanted and not is_late:
        return mended
    if not mender.is_dry:
        seen = config._asdict()
        fields = (word for name, text in wanted.items() for word in (name, seen[name] or b"", text))
        args = pack((latest, *fields))
        (is_restored,) = yield [Call("restore_config", store.keys.slot, pack((store.keys.config,)), args)]
        if not is_restored:
            return mended
        if isinstance(store, Cluster) and (yield from store.read_settings()):
            yield from store.tell(store.settings, range(store.num_streams))
    for name, text in wanted.items():
        _log.warning(
            "the repair restores the field %s of the config, which was %r", name, config._asdict()[name]
        )
        now = f"is {text}" if text and name != "epoch" else "is another" if text else "was removed"
        how = f"its field {name} was {config._asdict()[name]!r}, and {now}"
        mended.append(Inconsistency("config", None, how))
    if is_late and not wanted:
        how = f"its streams know the epoch {latest}: it has a later one again"
        mended.append(Inconsistency("config", None, how))
    return mended


def _find_wanted(store: Store, config: Config) -> Steps[dict[str, str]]:
    """Reply with the fields that are to be restored, and the text of each; '' for none."""
    wanted = {name: "1" if name == "timed" else "" for name in config.field_problems()}
    num_streams = number_in(config.num_streams)
    needs_placement = (
        config.placement is not None and config.placement.decode(errors="replace") not in PLACEMENTS
    )
    users: dict[tuple[int, str], None] = {}
    most_streams = 0
    if not 1 <= num_streams <= MAX_STREAMS or needs_placement:
        users, most_streams = yield from _find_users(store)
        if not config.is_there and not most_streams:
            return {}  # there is no namespace
        placements = PLACEMENTS if needs_placement or not config.is_there else (_placement_in(config),)
        # What the config says, else what the caller says, else what fits all users.
        asked = num_streams or store.num_streams
        numbers = (asked,) if asked else range(most_streams, MAX_STREAMS + 1)
        num, placement = _find_streams(users, placements, numbers) or (
            asked or most_streams or 1,
            placements[0],
        )
        if num != num_streams:
            wanted["num_streams"] = str(num)
        if placement.encode() != (config.placement or b"modulo"):
            wanted["placement"] = placement
    if not number_in(config.schema_version):
        wanted["schema_version"] = str(SCHEMA_VERSION)
    if not number_in(config.directory_shards):
        wanted["directory_shards"] = str(store.keys.directory_shards)
    if not whole_number(config.epoch):
        wanted["epoch"] = "new"
    return wanted


def _placement_in(config: Config) -> Placement:
    return next(each for each in PLACEMENTS if each.encode() == (config.placement or b"modulo"))


def _find_streams(
    users: Mapping[tuple[int, str], None], placements: Iterable[Placement], numbers: Iterable[int]
) -> tuple[int, Placement] | None:
    """Return the first number of streams, and a placement, by which all users are in their homes."""
    for num_streams in numbers:
        for placement in placements:
            if (
                users
                and num_streams
                and all(
                    stream_of_user(user_id, num_streams, placement) == stream for stream, user_id in users
                )
            ):
                return num_streams, placement
    return None


def _find_users(store: Store) -> Steps[tuple[dict[tuple[int, str], None], int]]:
    """Reply with users and the streams of their orders, and how many streams there are at least."""
    users: dict[tuple[int, str], None] = {}
    most_streams, cursor = 0, b"0"
    while True:
        cursor, found = yield from store.scan(cursor, PAGE)
        for key in found:
            meaning = store.keys.meaning_of(key)
            if meaning and meaning.stream is not None and meaning.kind in ("orders", "user"):
                most_streams = max(most_streams, meaning.stream + 1)
                if meaning.kind == "user" and len(users) < _MOST_USERS:
                    users[meaning.stream, meaning.name] = None
        if cursor == b"0":
            return users, most_streams


def _latest_told(store: Cluster) -> Steps[int]:
    """Reply with the latest epoch that a stream knows."""
    config = yield from store.read_config()
    keys, streams = store.keys, range(number_in(config.num_streams) or 1)
    types = yield [ReadTransaction(keys.slot_of(each), [("TYPE", keys.config_of(each))]) for each in streams]
    hashes = [stream for stream, (found,) in zip(streams, types, strict=True) if found == b"hash"]
    steps = [
        ReadTransaction(keys.slot_of(each), [("HGET", keys.config_of(each), "epoch")]) for each in hashes
    ]
    replies = (yield steps) if steps else []
    return max((whole_number(epoch) or 0 for (epoch,) in replies), default=0)
