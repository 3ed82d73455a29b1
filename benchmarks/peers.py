"""Other ways to make the same four calls. Each class makes them all, in its own process."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import psycopg
import redis

from benchmarks import cores
from cryptoorders_redis import CryptoOrderSystem

CALLS = ("place", "pause", "resume", "cancel")
STREAMS = 8

New: TypeAlias = tuple[str, str, str, str, str]


def new_order(whose: str, number: int) -> New:
    return f"order-{whose}-{number}", f"user{number % 100}", "BTC", "0.5", f"{60_000 + number}.25"


def call_of(system: CryptoOrderSystem, name: str) -> Callable[[New], bool]:
    """Return the system's call of that name as a function of the whole order."""
    method = getattr(system, name)
    return (lambda order: method(*order)) if name == "place" else (lambda order: method(order[0]))


class Peer:
    """Makes calls, and returns when it began and ended. Subclasses define the calls."""

    def __init__(self, process: int) -> None:
        self._whose = f"{type(self).__name__}{process}"

    def warm_up(self) -> None:
        for call in CALLS:
            self.run(call, 20)

    def run(self, call: str, number: int) -> tuple[float, float]:
        """Make a number of calls of one kind; return the clock before and after."""
        orders = [new_order(self._whose, n) for n in range(number)]
        return self.timed(getattr(self, call), orders if call == "place" else [order[:1] for order in orders])

    @staticmethod
    def timed(call: Callable[..., object], arguments: Sequence[Sequence[Any]]) -> tuple[float, float]:
        began = time.perf_counter()
        answers = [call(*each) for each in arguments]
        ended = time.perf_counter()
        if not all(answers):
            raise RuntimeError("a measured call answered False: it must change its order")
        return began, ended


class Library(Peer):
    def __init__(self, process: int, url: str) -> None:
        super().__init__(process)
        self.system = CryptoOrderSystem(STREAMS, url=url)
        self.place, self.pause = self.system.place, self.system.pause
        self.resume, self.cancel = self.system.resume, self.system.cancel


class EmptyScript(Peer):
    """redis-py's own client with an empty script that gets no arguments."""

    def __init__(self, process: int, url: str) -> None:
        super().__init__(process)
        client = redis.Redis.from_url(url)
        sha = client.script_load("return 1")
        self.place = self.pause = self.resume = self.cancel = lambda *_: client.evalsha(sha, 0)


class Watch(Peer):
    """The same contract with redis-py's WATCH and MULTI. Each order is one key, and only that is watched."""

    def __init__(self, process: int, url: str) -> None:
        super().__init__(process)
        self._client = redis.Redis.from_url(url)

    def place(self, order_id: str, user_id: str, currency: str, amount: str, price: str) -> bool:
        fields = {
            "user_id": user_id,
            "currency": currency,
            "amount": amount,
            "price": price,
            "status": "ACTIVE",
        }

        def change(pipe: Any, key: str) -> bool:
            if pipe.exists(key):
                return False
            sequence = pipe.incr("watch:sequence")
            pipe.multi()
            pipe.hset(key, mapping=fields)
            pipe.zadd("watch:placed", {order_id: sequence})
            pipe.sadd(f"watch:user:{user_id}", order_id)
            return True

        return self._atomically(order_id, change)

    def pause(self, order_id: str) -> bool:
        return self._from_to(order_id, b"ACTIVE", "PAUSED")

    def resume(self, order_id: str) -> bool:
        return self._from_to(order_id, b"PAUSED", "ACTIVE")

    def cancel(self, order_id: str) -> bool:
        def change(pipe: Any, key: str) -> bool:
            user_id = pipe.hget(key, "user_id")
            if user_id is None:
                return False
            pipe.multi()
            pipe.delete(key)
            pipe.zrem("watch:placed", order_id)
            pipe.srem(f"watch:user:{user_id.decode()}", order_id)
            return True

        return self._atomically(order_id, change)

    def _from_to(self, order_id: str, before: bytes, after: str) -> bool:
        def change(pipe: Any, key: str) -> bool:
            if pipe.hget(key, "status") != before:
                return False
            pipe.multi()
            pipe.hset(key, "status", after)
            return True

        return self._atomically(order_id, change)

    def _atomically(self, order_id: str, change: Callable[[Any, str], bool]) -> bool:
        key = f"watch:order:{order_id}"
        with self._client.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(key)
                    changes = change(pipe, key)
                    if changes:
                        pipe.execute()
                except redis.WatchError:
                    continue
                return changes


class Sql(Peer):
    """One row for each order, one statement for each call."""

    TABLE: ClassVar[str]
    STATEMENTS: ClassVar[dict[str, str]] = {
        "place": "INSERT INTO orders (order_id, user_id, currency, amount, price) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        "pause": "UPDATE orders SET paused = true WHERE order_id = ? AND NOT paused",
        "resume": "UPDATE orders SET paused = false WHERE order_id = ? AND paused",
        "cancel": "DELETE FROM orders WHERE order_id = ?",
    }
    INDEX = "CREATE INDEX IF NOT EXISTS by_user ON orders (user_id)"

    def _calls(self, execute: Callable[..., Any], placeholder: Literal["?", "%s"]) -> None:
        for call, statement in self.STATEMENTS.items():
            text = statement.replace("?", placeholder)
            setattr(self, call, lambda *fields, text=text: execute(text, fields).rowcount == 1)


class Postgresql(Sql):
    TABLE = (
        "CREATE TABLE IF NOT EXISTS orders (placed bigint GENERATED ALWAYS AS IDENTITY UNIQUE, "
        "order_id text PRIMARY KEY, user_id text NOT NULL, currency text NOT NULL, amount numeric NOT NULL, "
        "price numeric NOT NULL, paused boolean NOT NULL DEFAULT false)"
    )

    def __init__(self, process: int, where: str) -> None:
        super().__init__(process)
        connection = psycopg.connect(where, autocommit=True, prepare_threshold=0)
        cores.keep_with_this_process(connection.info.backend_pid)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(1)")
            connection.execute(self.TABLE.encode())
            connection.execute(self.INDEX.encode())
        self._calls(connection.cursor().execute, "%s")


class Sqlite(Sql):
    TABLE = (
        "CREATE TABLE IF NOT EXISTS orders (placed integer PRIMARY KEY AUTOINCREMENT, "
        "order_id text UNIQUE NOT NULL, user_id text NOT NULL, currency text NOT NULL, amount text NOT NULL, "
        "price text NOT NULL, paused boolean NOT NULL DEFAULT false)"
    )

    def __init__(self, process: int, file: str) -> None:
        super().__init__(process)
        connection = sqlite3.connect(file, isolation_level=None, timeout=60)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", self.TABLE, self.INDEX):
            connection.execute(statement)
        self._calls(connection.execute, "?")
