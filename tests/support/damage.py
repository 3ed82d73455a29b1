"""A small namespace with everything that one can have, and every way to damage one entry of one key of it.

python -m tests.support.damage [SHARE SHARES]: repairs every pair of damages, or one share of them.
"""

import contextlib
import itertools
import random
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import redis

from cryptoorders_redis import CryptoOrderSystem, Event, Inconsistency, Worker, errors
from cryptoorders_redis.operations import Operation
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.repair import open_damaged, repair
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.operations.verify import verify
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.schema.records import check_record
from cryptoorders_redis.transport.link import Link
from tests.support.consistency import Client, Names, assert_consistent, delete_all, keys_of
from tests.support.servers import RedisServer

NUM_STREAMS = 2

ALICE, BOB = (
    next(name for name in map("user{}".format, range(100)) if stream_of_user(name, NUM_STREAMS) == stream)
    for stream in range(NUM_STREAMS)
)
"""Each has the orders of one stream."""

NEVER = datetime(2200, 1, 1, tzinfo=UTC)

_NOT_ORDERS = ("sessions", "fence", "workers")
"""The kinds of keys that repair leaves alone."""

Apply = Callable[[Any], object]


class Damage(NamedTuple):
    """One thing that goes wrong.

    Attributes:
        name: what is done to which entry.
        apply: does it, by a client of the server that has the key.
    """

    name: str
    apply: Apply


class Whole:
    """The namespace as it was before any damage.

    Args:
        url: where it is made.
        raw: a client of redis-py's own to look in from outside.
        namespace: its name.

    Attributes:
        url, raw, namespace: as given.
        link: runs operations on it.
        damages: every damage of a single entry or key.
        orders: id → sequence number of the orders that are live.
    """

    def __init__(self, url: str, raw: Client, namespace: str) -> None:
        self.raw: Any = raw
        self.namespace, self.names = namespace, Names(raw, namespace)
        self.url = url
        with CryptoOrderSystem(NUM_STREAMS, url=url, namespace=namespace) as system:
            _fill(system)
            self.orders = {order.order_id: order.sequence for order in system.live_orders()}
        self.link = Link(url, namespace, lambda store: open_damaged(store, None))
        self._dumps: dict[bytes, Any] = {}
        for key in keys_of(raw, namespace):
            meaning = self.names.key_of(key)
            assert meaning is not None
            if meaning.kind in _NOT_ORDERS:
                raw.delete(key)
            else:
                self._dumps[key] = raw.dump(key)
        self._paused = [
            set(raw.smembers(f"{{{namespace}:{stream}}}:paused")) for stream in range(NUM_STREAMS)
        ]
        self.damages = list(self._all_damages())

    def close(self) -> None:
        """Close the connections."""
        self.link.__exit__()

    def restore(self) -> None:
        """Make the namespace as it was."""
        delete_all(self.raw, self.namespace)
        with self.raw.pipeline(transaction=False) as pipe:
            for key, dump in self._dumps.items():
                pipe.restore(key, 0, dump)
            pipe.execute()

    def contents(self) -> dict[bytes, Any]:
        """Return all keys of the namespace as DUMP gives them."""
        return {key: self.raw.dump(key) for key in keys_of(self.raw, self.namespace)}

    def repair(self, *, is_dry: bool = False) -> list[Inconsistency]:
        """Repair it as a new process does, which knows nothing of it."""
        self.forget()
        return self.link.run(repair(self.link.store, is_dry=is_dry))

    def forget(self) -> None:
        """Know nothing of the namespace, as a new process does."""
        self.link.store.settings = Settings("", 0)
        if isinstance(self.link.store, Cluster):
            self.link.store._latest_told = 0

    def is_seen(self, damage: Damage) -> bool:
        """Return whether a damage alone is found. Else all keys agree, and only the feed may not."""
        self.restore()
        damage.apply(self.raw)
        self.forget()
        try:
            self.link.run(open_damaged(self.link.store, None))
            self.link.run(_learned(self.link.store))
        except errors.CryptoOrdersError:
            return True
        return self.link.run(verify(self.link.store)) != []

    def check(self, damages: Sequence[Damage], *, thoroughly: bool = False) -> None:
        """Damage it and fail unless a repair makes it right again.

        The change feed must say what is live too, unless a damage is one that no other key tells of.
        """
        try:
            self._check(damages, feed_is_true=True, thoroughly=thoroughly)
        except AssertionError:
            if all(map(self.is_seen, damages)):
                raise
            self._check(damages, feed_is_true=False, thoroughly=thoroughly)

    def _check(self, damages: Sequence[Damage], *, feed_is_true: bool, thoroughly: bool) -> None:
        self.restore()
        for damage in damages:
            try:
                damage.apply(self.raw)
            except redis.ResponseError:  # the other one has changed the type of its key: it was half done
                feed_is_true = False
        feed_is_true = feed_is_true and self._knows_the_paused()
        described = self._described()
        placed = self._placed()
        self.repair()
        with CryptoOrderSystem(url=self.url, namespace=self.namespace, create=False) as system:
            found = system.verify()
            assert found == []
            assert_consistent(self.raw, self.namespace, replays=feed_is_true)
            live = {order.order_id: order for order in system.live_orders()}
            assert live.keys() == described.keys()
            for order_id, order in live.items():
                fields = described[order_id]
                assert (order.user_id, str(order.price)) == (fields["user_id"], fields["price"])
                assert (order.expires_at is not None) == ("expires_at" in fields)
                assert order.sequence in placed.get(order_id, {order.sequence})
            _use(system, live, thoroughly=thoroughly)
            assert_consistent(self.raw, self.namespace, replays=feed_is_true)
            assert self.repair() == []

    def _described(self) -> dict[str, Mapping[str, Any]]:
        """Return the orders that a record still describes fully."""
        found: dict[str, Mapping[str, Any]] = {}
        for key in keys_of(self.raw, self.namespace):
            meaning = self.names.key_of(key)
            if meaning and meaning.kind == "orders" and self.raw.type(key) == b"hash":
                for order_id, record in self.raw.hgetall(key).items():
                    with contextlib.suppress(ValueError):
                        found[order_id.decode()] = check_record(record)
        return found

    def _knows_the_paused(self) -> bool:
        """Return whether something says of each order that was paused that it was, or that nobody knows."""
        known: set[Any] = set()
        for stream in range(NUM_STREAMS):
            key = f"{{{self.namespace}:{stream}}}:paused"
            if self.raw.type(key) == b"string":
                known.update(self._paused[stream])
            elif self.raw.exists(key):
                known.update(self.raw.smembers(key))
        return known >= set[bytes]().union(*self._paused)

    def _placed(self) -> dict[str, set[int]]:
        """Return the sequence numbers of orders that are in placed of one stream still."""
        found: dict[str, set[int]] = {}
        for key in keys_of(self.raw, self.namespace):
            meaning = self.names.key_of(key)
            if meaning and meaning.kind == "placed" and self.raw.type(key) == b"zset":
                for order_id, score in self.raw.zrange(key, 0, -1, withscores=True):
                    if score == self.orders.get(order_id.decode()):
                        found.setdefault(order_id.decode(), set()).add(int(score))
        return found

    def _all_damages(self) -> Iterator[Damage]:
        for key in self._dumps:
            name = key.decode().removeprefix("{" + self.namespace)
            kind = self.raw.type(key).decode()
            yield Damage(f"{name}: deleted", partial(_delete, key))
            yield Damage(f"{name}: of another type", partial(_retype, key))
            yield from self._damages_in(key, kind, name)

    def _damages_in(self, key: bytes, kind: str, name: str) -> Iterator[Damage]:
        """Yield the damages of single entries of a key."""
        other = self._same_key_of_another_stream(key)
        if kind == "string":
            yield Damage(f"{name}: spoiled", lambda raw: raw.set(key, "~"))
        elif kind == "stream":
            for entry_id, _ in self.raw.execute_command("XRANGE", key, "-", "+")[1::2]:
                yield Damage(f"{name} {entry_id.decode()}: deleted", partial(_remove, key, entry_id))
        else:
            for element, value in _elements(self.raw, key, kind).items():
                where = f"{name} {element.decode()}"
                yield Damage(f"{where}: deleted", partial(_remove, key, element))
                for wrong in _WRONG[kind]:
                    how = "spoiled" if kind == "hash" else f"scored {wrong}"
                    yield Damage(f"{where}: {how}", partial(_add, key, element, wrong))
                if other:
                    yield Damage(f"{where}: moved", partial(_move, key, other, element, value))

    def _same_key_of_another_stream(self, key: bytes) -> bytes | None:
        meaning = self.names.key_of(key)
        if (
            meaning is None
            or meaning.stream is None
            or meaning.kind not in ("orders", "placed", "paused", "due", "user", "waiting")
        ):
            return None
        here, there = (
            f"{{{self.namespace}:{each}}}".encode() for each in (meaning.stream, 1 - meaning.stream)
        )
        return key.replace(here, there)


def sample(damages: Sequence[Damage], number: int) -> list[list[Damage]]:
    """Return so many pairs of damages, the same ones each time."""
    chosen = random.Random(7)
    return [chosen.sample(damages, 2) for _ in range(number)]


def _fill(system: CryptoOrderSystem) -> None:
    system.configure(feed=1000)
    assert system.place("a1", ALICE, "BTC", 1, 1)
    assert system.place("a2", ALICE, "ETH", 1, 2, metadata={"k": "v"}, expires_at=NEVER)
    assert system.place("b1", BOB, "BTC", 1, 3)
    assert system.place("b2", BOB, "BTC", 1, 4)
    assert system.pause("a2")
    assert system.pause("b1")
    assert system.cancel_all_after(BOB, 86_400)
    system.intake.configure(window=1)
    now = int(datetime.now(UTC).timestamp() * 1000)
    system.submit(Event("pause", ALICE, now - 20_000, "none", event_id="applied"))
    system.submit(Event("pause", ALICE, now + 8_000_000, "none", event_id="early"))
    system.intake.flush()
    Worker(system).run_until_empty()
    for number, user_id in enumerate((ALICE, BOB)):
        system.submit(Event("pause", user_id, now + number, "none", event_id=f"waits{number}"))
    assert system.verify() == []


def _use(system: CryptoOrderSystem, live: Mapping[str, Any], *, thoroughly: bool) -> None:
    """Fail where a call does not work."""
    for user_id in (ALICE, BOB):
        assert system.place(f"new-{user_id}", user_id, "BTC", 1, 1) is True
    listed = [line.removesuffix("(paused)") for line in system.display_all_live_orders()]
    assert listed == [*live, f"new-{ALICE}", f"new-{BOB}"]
    for user_id in (ALICE, BOB):
        assert system.cancel(f"new-{user_id}") is True
    for order_id, order in live.items():
        assert (system.resume if order.status == "PAUSED" else system.pause)(order_id) is True
    if thoroughly:
        system.intake.stats()
        system.intake.flush()
        Worker(system).run_until_empty()
        assert system.verify() == []
        for order_id in live:
            assert system.cancel(order_id) is True
        assert system.count() == 0


def _delete(key: bytes, raw: Any) -> None:
    raw.delete(key)


def _retype(key: bytes, raw: Any) -> None:
    is_string = raw.type(key) == b"string"
    raw.delete(key)
    if is_string:
        raw.sadd(key, "x")
    else:
        raw.set(key, "x")


_WRONG: Mapping[str, tuple[Any, ...]] = {"hash": ("~",), "zset": (0.5, 8e15, "inf"), "set": ()}
"""What the entries of each type of key are spoiled by."""


def _elements(raw: Any, key: bytes, kind: str) -> dict[bytes, Any]:
    if kind == "hash":
        return raw.hgetall(key)
    if kind == "zset":
        return dict(raw.zrange(key, 0, -1, withscores=True))
    return dict.fromkeys(raw.smembers(key))


def _add(key: bytes, element: bytes, value: Any, raw: Any) -> None:
    """Add an element to a key that is of the type of its value: text, a score or nothing."""
    if value is None:
        raw.sadd(key, element)
    elif isinstance(value, float) or value == "inf":
        raw.zadd(key, {element: value})
    else:
        raw.hset(key, element, value)


def _remove(key: bytes, element: bytes, raw: Any) -> None:
    kind = raw.type(key)
    removes = {b"hash": raw.hdel, b"set": raw.srem, b"zset": raw.zrem, b"stream": raw.xdel}
    if kind in removes:
        removes[kind](key, element)


def _move(key: bytes, other: bytes, element: bytes, value: Any, raw: Any) -> None:
    _remove(key, element, raw)
    _add(other, element, value, raw)


def _learned(store: Store) -> Operation[bool]:
    return Operation("open", "read", (), store.read_settings())


def main(share: int = 0, shares: int = 1) -> int:
    """Damage it by every pair, repair it, print what went wrong, and return how often."""
    failures = 0
    with (
        contextlib.closing(RedisServer()) as server,
        server.client() as raw,
        contextlib.closing(Whole(server.url, raw, "damaged")) as whole,
    ):
        pairs = list(itertools.combinations(whole.damages, 2))[share::shares]
        for done, pair in enumerate(pairs, 1):
            try:
                whole.check(pair)
            except Exception:  # noqa: BLE001 - each one is printed
                failures += 1
                print(" and ".join(each.name for each in pair), traceback.format_exc(limit=-2), sep="\n")
            if done % 1000 == 0 or done == len(pairs):
                print(f"{done} of {len(pairs)} pairs; {failures} went wrong", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
