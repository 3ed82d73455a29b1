"""Changes what the config of a namespace says, for all clients at once."""

from collections.abc import Mapping

from cryptoorders_redis.operations import Call, Operation, Steps
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.validation import validate_int

MOST_KEPT = 1_000_000_000
"""Entries of a change feed that can be kept of a stream."""


def configure(store: Store, *, feed: int | None) -> Operation[None]:
    """Set the settings that are given; what is None stays as it is.

    Raises:
        TypeError, ValueError: one is not legal; when it is made.
    """
    fields: dict[str, str] = {}
    if feed is not None:
        fields["feed"] = str(validate_int(feed, "feed", 0, MOST_KEPT) or "")
    steps = set_fields(store, fields)
    return Operation("configure", "change", (store.keys.namespace,), steps, is_long=True)


def set_fields(store: Store, fields: Mapping[str, str]) -> Steps[None]:
    """Set fields of the config; an empty text removes one. No change is made by earlier settings afterwards.

    Raises:
        NoSuchNamespace: there is none.
    """
    (reply,) = yield [config_call(store, fields)]
    # Also where nothing was changed: who changed it may have died before the streams knew.
    if not reply or not (yield from store.catch_up(range(store.num_streams))):
        raise store.no_such_namespace()


def config_call(store: Store, fields: Mapping[str, str]) -> Call:
    """Return the call that sets fields of the config; an empty text removes one."""
    keys = store.keys
    namespace = keys.namespace if store.is_standalone else ""
    words = (word for field in fields.items() for word in field)
    return Call("configure", keys.slot, pack((keys.config,)), pack((namespace, *words)), (keys.namespace,))
