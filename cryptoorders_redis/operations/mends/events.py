"""Makes the keys of events agree: what waits has a text, and each dead letter is listed."""

from cryptoorders_redis.operations import Call, ReadTransaction
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.findings import Inconsistency, Mended, Mender, Suspect, text_of
from cryptoorders_redis.operations.intake.submissions import submit_batch
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.events import QueuedEvent, user_in
from cryptoorders_redis.schema.numbers import whole_number

_DONE = {
    b"moved": "it waited in the queue of another stream, and waits in its user's now",
    b"unqueued": "its place in the queue was lost, and so its time: it is a dead letter now",
    b"lost": "what it asked for was lost: it is a dead letter now",
    b"listed": "it was a dead letter that was not listed, and is listed again",
    b"unlisted": "it was listed as a dead letter, but there is none: it is not listed any more",
}
"""What lua/mend_event.lua replies."""


def mend_event(mender: Mender, suspect: Suspect) -> Mended:
    """Mend what is wrong with one event."""
    store, keys, event_id = mender.store, mender.store.keys, suspect.data
    stream = suspect.stream or 0
    read = ("HGET", keys.events(stream), event_id)
    ((text,),) = yield [ReadTransaction(keys.intake_slot(stream), [read])]
    user_id = user_in(text)
    if isinstance(store, Cluster):
        if user_id is not None and text and stream not in store.settings.homes_of(user_id):
            return (yield from _submit_home(mender, suspect, user_id, text))
        home, queues = stream, [stream]
    else:
        # One that cannot be read becomes a dead letter in any queue that there is.
        last = min(stream, store.num_streams - 1)
        home = last if user_id is None else store.settings.stream_of(user_id)
        queues = list(store.settings.streams)
    if suspect.more != "waiting":
        stream = home
    names = (
        keys.events(stream), keys.dead(stream), keys.letters(stream), keys.waiting(stream),
        keys.waiting(home), *map(keys.waiting, queues),
    )  # fmt: skip
    args = (keys.namespace, home, "1" if mender.is_dry else "", event_id)
    (reply,) = yield [Call("mend_event", keys.intake_slot(stream), pack(names), pack(args))]
    return [Inconsistency(text_of(event_id), None, _DONE[reply])] if reply else []


def _submit_home(mender: Mender, suspect: Suspect, user_id: str, text: bytes) -> Mended:
    """Submit an event in its user's stream, which has another intake, and remove it where it waits now."""
    store, keys, event_id = mender.store, mender.store.keys, suspect.data
    stream = suspect.stream or 0
    slot, queue = keys.slot_of(stream), keys.waiting(stream)
    ((score,),) = yield [ReadTransaction(slot, [("ZSCORE", queue, event_id)])]
    time = whole_number(score)
    if not mender.is_dry:
        if time is not None:
            # Where it is known already, nothing is done: a repair was killed here before.
            letters = yield from submit_batch(store, [QueuedEvent(user_id, text_of(event_id), time, text)])
            if not letters:
                return []  # its queue is full
        yield [
            Call("mend_field", slot, pack((keys.events(stream),)), pack((event_id, text))),
            Call("mend_due", slot, pack((queue,)), pack((event_id, score or b"", ""))),
        ]
    return [Inconsistency(text_of(event_id), None, _DONE[b"moved"])]
