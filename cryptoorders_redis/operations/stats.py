"""How much a namespace holds, and which streams and users hold most."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain

from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Step, Steps
from cryptoorders_redis.operations.count import sizes
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.operations.words import pack
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.keys import KeyMeaning

PAGE = 1000
"""Keys measured in one round trip."""

BUSIEST = 10
"""The number of streams and of users that are named as the busiest."""

SAMPLES = 5
"""Elements of a key whose bytes are counted. The others are assumed to be of the same size."""


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What one stream holds.

    Attributes:
        stream: The number of the stream, from 0.
        active: How many of its orders are ACTIVE.
        paused: How many of its orders are PAUSED.
        users: How many users have live orders in it.
        bytes: The memory of its keys in bytes, estimated by the server. None if the server cannot say.
    """

    stream: int
    active: int
    paused: int
    users: int
    bytes: int | None

    @property
    def live(self) -> int:
        """How many orders are live: active or paused."""
        return self.active + self.paused


@dataclass(frozen=True, slots=True)
class UserStats:
    """How many live orders a user has.

    Attributes:
        user_id: The user.
        stream: The stream of the user's orders.
        live: How many live orders the user has.
    """

    user_id: str
    stream: int
    live: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What a namespace holds.

    Attributes:
        streams: All streams, by number.
        busiest_users: The users with the most live orders, at most ten, the busiest first.
        clients: How many clients made a change, or tried to, in the last hour.
        bytes: The memory of all keys in bytes, estimated by the server: streams, directory and client
            sessions. None if the server cannot say.
        moving_from: The number of streams before, while a resize is under way; None if none is. A user whose
            orders are being moved may be counted in two streams.
    """

    streams: tuple[StreamStats, ...]
    busiest_users: tuple[UserStats, ...]
    clients: int
    bytes: int | None
    moving_from: int | None = None

    @property
    def active(self) -> int:
        """How many orders are active in all streams."""
        return sum(stream.active for stream in self.streams)

    @property
    def paused(self) -> int:
        """How many orders are paused in all streams."""
        return sum(stream.paused for stream in self.streams)

    @property
    def live(self) -> int:
        """How many orders are live in all streams: active or paused."""
        return self.active + self.paused

    @property
    def users(self) -> int:
        """How many users have live orders."""
        return sum(stream.users for stream in self.streams)

    @property
    def busiest_streams(self) -> tuple[StreamStats, ...]:
        """The streams with the most live orders, at most ten, the busiest first."""
        loaded = (stream for stream in self.streams if stream.live)
        return tuple(nsmallest(BUSIEST, loaded, key=lambda stream: -stream.live))


def stats(store: Store) -> Operation[Stats]:
    """Scan all keys, then count the orders at one moment; reply with both."""
    return Operation("stats", "read", (), _stats(store), is_long=True)


def _stats(store: Store) -> Steps[Stats]:
    while True:
        settings = store.settings
        found = _Found(settings)
        cursor = b"0"
        while True:
            cursor, keys = yield from store.scan(cursor, PAGE)
            yield from _measure(store, found.new_among(store, keys), found)
            if cursor == b"0":
                break
        counts = yield from store.read_together(settings, sizes(store, settings))
        if counts is not None:
            return found.stats(counts, settings.moving_from)
        yield from store.read_settings()


class _Found:
    """What a scan has found so far."""

    def __init__(self, settings: Settings) -> None:
        self._keys: set[bytes] = set()
        """The keys measured so far: a scan may find a key twice."""
        self._users = [0] * len(settings.streams)
        self._bytes: dict[int | None, int | None] = dict.fromkeys((None, *settings.feeds), 0)
        """By stream. None holds the keys that belong to no stream. A stream that is gone may have a feed."""
        self._clients: set[str] = set()
        self._busiest: list[UserStats] = []

    def new_among(self, store: Store, keys: Iterable[bytes]) -> dict[bytes, KeyMeaning]:
        """Return the meanings of the keys that the scan found for the first time."""
        new: dict[bytes, KeyMeaning] = {}
        for key in keys:
            meaning = store.keys.meaning_of(key)
            if meaning and key not in self._keys and meaning.stream in self._bytes:
                new[key] = meaning
        self._keys.update(new)
        self._clients.update(meaning.name for meaning in new.values() if meaning.kind == "sessions")
        return new

    def add_bytes(self, stream: int | None, sizes: Iterable[int | None]) -> None:
        self._bytes[stream] = _total((self._bytes[stream], *sizes))

    def add_users(self, users: Iterable[UserStats]) -> None:
        """Count the users that have orders. Others cancelled their last order since the scan found them."""
        there = [user for user in users if user.live]
        for user in there:
            self._users[user.stream] += 1
        candidates = (*self._busiest, *there)
        self._busiest = nsmallest(BUSIEST, candidates, key=lambda user: (-user.live, user.user_id))

    def stats(self, counts: Sequence[int], moving_from: int | None) -> Stats:
        """Return the stats. The counts hold two numbers a stream: its live orders and its paused orders."""
        by_stream = enumerate(zip(counts[0::2], counts[1::2], self._users, strict=True))
        return Stats(
            streams=tuple(
                StreamStats(stream, live - paused, paused, users, self._bytes[stream])
                for stream, (live, paused, users) in by_stream
            ),
            busiest_users=tuple(self._busiest),
            clients=len(self._clients),
            bytes=_total(self._bytes.values()),
            moving_from=moving_from,
        )


def _measure(store: Store, keys: dict[bytes, KeyMeaning], found: _Found) -> Steps[None]:
    """Measure the keys that one page of the scan found, in one round trip."""
    by_slot: dict[str, list[bytes]] = {}
    for key in keys:
        by_slot.setdefault(store.keys.slot_in(key), []).append(key)
    steps: list[Step] = [
        Call("measure", slot, pack(measured), pack((SAMPLES,))) for slot, measured in by_slot.items()
    ]
    sets: list[bytes] = []
    for slot, measured in by_slot.items():
        if of_users := [key for key in measured if keys[key].kind == "user"]:
            sets += of_users
            steps.append(ReadTransaction(slot, [("SCARD", key) for key in of_users]))
    if not steps:
        return
    replies = yield steps
    for measured, reply in zip(by_slot.values(), replies, strict=False):
        found.add_bytes(keys[measured[0]].stream, reply)
    sizes_of_sets = chain.from_iterable(replies[len(by_slot) :])
    found.add_users(
        UserStats(keys[key].name, keys[key].stream or 0, live)
        for key, live in zip(sets, sizes_of_sets, strict=True)
    )


def _total(sizes: Iterable[int | None]) -> int | None:
    """Return the sum, or None if one of the sizes is not known."""
    total = 0
    for size in sizes:
        if size is None:
            return None
        total += size
    return total
