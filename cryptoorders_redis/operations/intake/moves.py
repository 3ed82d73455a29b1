"""Moving the events that wait, when the number of streams changes: before any of them is applied.

Else a user's later event, in the queue of the new stream, would be applied before an earlier one in the old.
"""

from collections.abc import Sequence

from cryptoorders_redis.operations import Call, ReadTransaction, Steps
from cryptoorders_redis.operations.store import STALE, Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.events import user_in

PAGE = 500
"""Events that are moved in one script: about 1 ms."""


def move_events(store: Store, settings: Settings) -> Steps[bool]:
    """Move the events that wait to the queues of their users' streams, and let the workers go on.

    False: the settings have changed meanwhile. It may be stopped anywhere, and run by several at once.
    """
    for stream in settings.streams:
        cursor = b"0"
        while True:
            scan = ("ZSCAN", store.keys.waiting(stream), cursor, "COUNT", PAGE)
            (((cursor, found),),) = yield [ReadTransaction(store.keys.slot, [scan])]
            event_ids = found[0::2]
            for first in range(0, len(event_ids), PAGE):
                if not (yield from _move_some(store, settings, stream, event_ids[first : first + PAGE])):
                    return False
            if cursor == b"0":
                break
    names, args = pack((store.keys.config,)), pack((settings.epoch,))
    (reply,) = yield [Call("finish_moving_events", store.keys.slot, names, args)]
    return reply != STALE


def _move_some(store: Store, settings: Settings, stream: int, event_ids: Sequence[bytes]) -> Steps[bool]:
    keys = store.keys
    read = ("HMGET", keys.events(stream), *event_ids)
    ((texts,),) = yield [ReadTransaction(keys.slot, [read])]
    by_home: dict[int, list[bytes]] = {}
    for event_id, text in zip(event_ids, texts, strict=True):
        user_id = user_in(text)
        # One that cannot be read will be a dead letter, in any stream that there is.
        last = min(stream, settings.num_streams - 1)
        home = last if user_id is None else settings.stream_of(user_id)
        if home != stream:
            by_home.setdefault(home, []).append(event_id)
    if not by_home:
        return True
    replies = yield [
        Call(
            "move_events",
            keys.slot,
            pack((keys.config, keys.waiting(stream), keys.waiting(home))),
            pack((settings.epoch, *moving)),
        )
        for home, moving in by_home.items()
    ]
    return STALE not in replies
