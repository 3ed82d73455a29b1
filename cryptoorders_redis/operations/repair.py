"""Mends whatever `verify` finds, in small steps while other clients make changes.

The record of an order is the truth: all other keys are made to agree with it. Without a record that can be
read, all else that is about the id is removed, and the text is kept aside. What was found is looked at again
and mended in one script, so that no change of another client is undone. It is checked again afterwards, and
what shows up only then is mended too.
"""

from cryptoorders_redis.operations import Operation, Steps
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.deadlines import try_rights
from cryptoorders_redis.operations.findings import (
    Inconsistency,
    Mended,
    Mender,
    SettingsChangedError,
    Suspect,
)
from cryptoorders_redis.operations.mends.entries import mend_misplaced
from cryptoorders_redis.operations.mends.events import mend_event
from cryptoorders_redis.operations.mends.keys import (
    mend_due,
    mend_feed,
    mend_field,
    mend_sequence,
    mend_timed,
    mend_told,
    set_aside,
)
from cryptoorders_redis.operations.mends.orders import mend_order
from cryptoorders_redis.operations.mends.settings import restore_settings
from cryptoorders_redis.operations.store import Store, check_num_streams
from cryptoorders_redis.operations.verify import find_all
from cryptoorders_redis.schema.config import Settings

MOST_ROUNDS = 20
"""How often it checks again. Each round mends all that was found, so that few are needed."""

_ORDER = ("type", "key", "told", "timed", "field", "feed", "sequence", "order", "entry", "due", "event")
"""The kinds of what is mended, from the first to the last: what follows may depend on what comes before."""


def repair(store: Store, *, is_dry: bool = False) -> Operation[list[Inconsistency]]:
    """Mend whatever `verify` finds; reply with what was mended, and how.

    Args:
        store: the operations of the namespace.
        is_dry: whether to say only what would be mended, and to change nothing.
    """
    kind = "read" if is_dry else "change"
    return Operation("repair", kind, (store.keys.namespace,), _repair(Mender(store, is_dry)), is_long=True)


def _repair(mender: Mender) -> Steps[list[Inconsistency]]:
    store = mender.store
    mended = yield from restore_settings(mender)
    if mended and mender.is_dry:
        return mended  # what else there is can be said by the restored settings only
    for _ in range(MOST_ROUNDS):
        # An entry of a stream that this client does not know yet would look like none.
        if not (yield from store.read_settings()):
            break
        try:
            done = yield from _mend_all(mender)
        except SettingsChangedError as error:
            yield from _catch_up(store, error.stream)
            continue
        mended += done
        if mender.is_dry or not done:
            break
    return list(dict.fromkeys(mended))


def _catch_up(store: Store, stream: int) -> Steps[None]:
    """Learn the settings; on Redis Cluster tell them to a stream, also to one that is none of the streams."""
    if (yield from store.read_settings()) and isinstance(store, Cluster):
        yield from store.tell(store.settings, [stream], also_gone=True)


def _mend_all(mender: Mender) -> Mended:
    """Mend everything that is found now."""
    suspects = dict.fromkeys(each.suspect for each in (yield from find_all(mender.store)))
    of_orders: dict[bytes, list[Suspect]] = {}
    for suspect in suspects:
        if suspect.kind == "order":
            of_orders.setdefault(suspect.data, []).append(suspect)
    mended: list[Inconsistency] = []
    if suspects and not mender.is_dry:
        yield from try_rights(mender.store)
    for suspect in sorted(suspects, key=_when):
        if suspect.kind != "order":
            mended += yield from _mend_one(mender, suspect)
        elif of_order := of_orders.pop(suspect.data, None):
            mended += yield from mend_order(mender, suspect.data, of_order)
    return mended


def _when(suspect: Suspect) -> tuple[int, bool]:
    """Return what sorts suspects by when they are mended."""
    # Where nobody knows any more which orders are paused a feed is ended: its own keys come before.
    # What waits in the queue of another stream is moved before it is missed in its own.
    comes_later = suspect.more == "set" if suspect.kind == "type" else suspect.more != "waiting"
    return _ORDER.index(suspect.kind), comes_later


def _mend_one(mender: Mender, suspect: Suspect) -> Mended:
    """Mend something that is no order."""
    if suspect.kind == "entry":
        assert isinstance(mender.store, Cluster)
        return mend_misplaced(mender.store, suspect, is_dry=mender.is_dry)
    if suspect.kind == "timed":
        return mend_timed(mender)
    mends = {
        "type": set_aside,
        "key": set_aside,
        "told": mend_told,
        "field": mend_field,
        "due": mend_due,
        "sequence": mend_sequence,
        "feed": mend_feed,
        "event": mend_event,
    }
    return mends[suspect.kind](mender, suspect)


def open_damaged(store: Store, num_streams: int | None) -> Operation[None]:
    """Join a namespace whose config may say nothing, for its repair.

    Args:
        store: the operations of the namespace.
        num_streams: the number of streams, which is believed where the config does not say it.

    Raises:
        TypeError, ValueError: the number is not legal; when it is made.
    """
    if num_streams is not None:
        check_num_streams(num_streams)
    store.settings = Settings("", num_streams or 0)
    return Operation("open", "read", (), _open_damaged(store))


def _open_damaged(store: Store) -> Steps[None]:
    store.check_server((yield from store.read_config()))
