"""Mends keys as wholes: those that nobody can use, sequence numbers, feeds, deadlines and counters."""

import logging
import secrets

from cryptoorders_redis.operations import Call, Steps
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.deadlines import MOST_SECONDS, become_timed
from cryptoorders_redis.operations.findings import Inconsistency, Mended, Mender, Suspect, text_of
from cryptoorders_redis.operations.mends.orders import renumber
from cryptoorders_redis.operations.words import Argument, pack
from cryptoorders_redis.schema.numbers import whole_number

_log = logging.getLogger("cryptoorders_redis")


def set_aside(mender: Mender, suspect: Suspect) -> Mended:
    """Rename a key that nobody can use: nothing is lost, and its name is free."""
    key, keys = suspect.data, mender.store.keys
    if not mender.store.is_standalone and b"}" not in key:
        return []  # another name of it would be in another slot
    aside = keys.name_aside(key) + secrets.token_hex(4).encode() + b":" + key.rpartition(b"}:")[2]
    slot = keys.slot if mender.store.is_standalone else keys.slot_in(key)
    names, args = (key, aside), (suspect.more,)
    meaning = keys.meaning_of(key)
    if meaning and meaning.kind == "paused" and meaning.stream is not None and not mender.is_dry:
        # Nobody knows any more which orders were paused: the feed must not say that its readers do.
        feed = pack(keys.feed_of(meaning.stream))
        yield [Call("mend_feed", mender.store.slot_of_change(meaning.stream), feed, pack(("", "")))]
    if not (yield from _apply(mender, "set_aside", slot, names, args)):
        return []
    if not mender.is_dry:
        _log.warning("the repair renames the key %r, which is no use, to %r", key, aside)
    return [
        Inconsistency(text_of(key), suspect.stream, f"it was no use, and was renamed to {text_of(aside)}")
    ]


def mend_sequence(mender: Mender, suspect: Suspect) -> Mended:
    """Let the next order be placed behind all that are there."""
    store, stream = mender.store, suspect.stream or 0
    names = pack((store.keys.sequence_of(stream), store.keys.placed(stream)))
    args = pack(("1" if mender.is_dry else "",))
    (reply,) = yield [Call("mend_sequence", store.slot_of_change(stream), names, args)]
    if isinstance(reply, bytes):
        return (yield from renumber(mender, reply, stream))
    how = "it was lower than the sequence number of the last order, and is the same now"
    return [Inconsistency(store.keys.sequence_of(stream), None, how)] if reply else []


def mend_feed(mender: Mender, suspect: Suspect) -> Mended:
    """End a feed whose entries are not those that it should have, so that its readers know."""
    store, stream = mender.store, suspect.stream or 0
    names = pack(store.keys.feed_of(stream))
    args = pack((store.settings.feed or "", "1" if mender.is_dry else ""))
    (reply,) = yield [Call("mend_feed", store.slot_of_change(stream), names, args)]
    how = "changes were missing: it begins again, and its readers are told that they have missed some"
    return [Inconsistency(store.keys.feed_of(stream)[0], None, how)] if reply else []


def mend_due(mender: Mender, suspect: Suspect) -> Mended:
    """Move a dead man's switch to its user's stream, give it a time, or remove what is none."""
    store, stream, member, seen = mender.store, suspect.stream or 0, suspect.data, suspect.more
    if not member.startswith(b"u:"):
        done = yield from _change_due(mender, stream, (member, seen, ""))
        how = f"it was in due of stream {stream} with {seen}, is no order or user, and was removed"
        return [Inconsistency(text_of(member), None, how)] if done else []
    user_id = text_of(member[2:])
    home = store.settings.stream_of(user_id)
    # One whose time is lost fires at the latest moment that it can have had.
    deadline = seen if whole_number(seen.encode()) is not None else f"+{MOST_SECONDS}000000"
    if stream in store.settings.homes_of(user_id):
        how = "its dead man's switch had no time: it fires in a day"
        done = yield from _change_due(mender, stream, (member, seen, deadline))
    else:
        how = f"its dead man's switch was in stream {stream}, and is in its user's stream {home} now"
        yield from _change_due(mender, home, (member, "", deadline))
        done = yield from _change_due(mender, stream, (member, seen, ""))
    return [Inconsistency(user_id, None, how)] if done else []


def mend_field(mender: Mender, suspect: Suspect) -> Mended:
    """Remove a count or a moment that is no number; without it the intake begins it again."""
    field, _, key = suspect.more.partition(" ")
    slot = mender.store.keys.slot_in(key.encode())
    done = yield from _apply(mender, "mend_field", slot, (key,), (field, suspect.data))
    how = f"its field {field} was {suspect.data!r}, which is no number, and was removed"
    return [Inconsistency(key, None, how)] if done else []


def mend_told(mender: Mender, suspect: Suspect) -> Mended:
    """Tell a stream of a Redis Cluster the settings, where it knows some that cannot be."""
    store, stream = mender.store, suspect.stream or 0
    assert isinstance(store, Cluster)
    config = store.keys.config_of(stream)
    if suspect.data:
        yield from _apply(
            mender, "mend_field", store.keys.slot_of(stream), (config,), ("epoch", suspect.data)
        )
    if not mender.is_dry:
        yield from store.tell(store.settings, [stream])
    return [Inconsistency(config, None, "it said other settings than the namespace has, and was told them")]


def mend_timed(mender: Mender) -> Mended:
    """Let the config say that there are deadlines."""
    if not mender.is_dry:
        yield from become_timed(mender.store)
    return [Inconsistency("timed", None, "the config says again that there are deadlines")]


def _change_due(mender: Mender, stream: int, args: tuple[Argument, ...]) -> Steps[bool]:
    store = mender.store
    return (
        yield from _apply(mender, "mend_due", store.slot_of_change(stream), (store.keys.due(stream),), args)
    )


def _apply(
    mender: Mender, script: str, slot: str, names: tuple[Argument, ...], args: tuple[Argument, ...]
) -> Steps[bool]:
    """Run a script that mends exactly what is said; reply with whether it did, or would do."""
    if mender.is_dry:
        return True
    (reply,) = yield [Call(script, slot, pack(names), pack(args))]
    return reply == 1
