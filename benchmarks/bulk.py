"""Many orders in one call."""

import time
from collections.abc import Callable, Iterable
from statistics import median

import redis

from benchmarks.harness import HIREDIS, Samples, Scale, Section, Table, Worker, ratio, ratios, spread
from benchmarks.peers import STREAMS
from benchmarks.servers import MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem

BATCH = 1000
HSET, STATUS, DEL = "pipelined HSET", "pipelined HSET of one field", "pipelined DEL"
PEERS = {"place_many": HSET, "pause_many": STATUS, "resume_many": STATUS, "cancel_many": DEL}
WAYS = (HSET, "place_many", STATUS, "pause_many", "resume_many", DEL, "cancel_many")
GOALS = {"place_many": 0.7, "cancel_many": 0.65, "pause_many": 0.3}

HOW = (
    "Orders a second from one process over a Unix socket, append-only file on. The peer is redis-py's "
    f"pipeline without transactions, with {BATCH} commands at a time. It writes four fields with `HSET` "
    "into one key for each order, sets one more field (`status`), and deletes this key with `DEL`. It has "
    "no index, no checks and no useful answer."
)


class Bulk:
    """The library and its peer in one process."""

    def __init__(self, url: str, number: int) -> None:
        system, self._client = CryptoOrderSystem(STREAMS, url=url), redis.Redis.from_url(url)
        self._orders = [
            (f"order{n}", f"user{n % 100}", "BTC", "0.5", f"{60_000 + n}.25") for n in range(number)
        ]
        order_ids = [order[0] for order in self._orders]
        self._ways: dict[str, Callable[[], object]] = {
            "place_many": lambda: system.place_many(self._orders),
            "pause_many": lambda: system.pause_many(order_ids),
            "resume_many": lambda: system.resume_many(order_ids),
            "cancel_many": lambda: system.cancel_many(order_ids),
            HSET: lambda: self._pipeline(map(_hset, self._orders)),
            STATUS: lambda: self._pipeline(("HSET", f"bare:{i}", "status", "PAUSED") for i in order_ids),
            DEL: lambda: self._pipeline(("DEL", f"bare:{i}") for i in order_ids),
        }

    def run(self, way: str) -> tuple[float, float]:
        """Return the seconds and the client's processor time for each order."""
        began, processor = time.perf_counter(), time.process_time()
        self._ways[way]()
        took, processor = time.perf_counter() - began, time.process_time() - processor
        return took / len(self._orders), processor / len(self._orders)

    def _pipeline(self, commands: Iterable[tuple[str, ...]]) -> None:
        pipe = self._client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
            if len(pipe) == BATCH:
                pipe.execute()
        pipe.execute()


def _hset(order: tuple[str, ...]) -> tuple[str, ...]:
    order_id, user_id, currency, amount, price = order
    fields = ("user_id", user_id, "currency", currency, "amount", amount, "price", price)
    return ("HSET", f"bare:{order_id}", *fields)


def run(scale: Scale) -> Section:
    section = Section("Many orders in one call", HOW)
    with redis_server() as server:
        for hiredis, leg in HIREDIS.items():
            worker = Worker(Bulk, server.url, scale.bulk, hiredis=hiredis)
            times, client, in_server = _measure(worker, server, scale)
            worker.close()
            section.tables.append(_table(leg, times, client, in_server))
            section.data[leg] = times
    times = section.data[HIREDIS[True]]
    for call, limit in GOALS.items():
        what = f"{call} compared with {PEERS[call]}, both {HIREDIS[True]}: time"
        section.goal(what, ratios(times[call], times[PEERS[call]]), limit)
    for call in ("place_many", "cancel_many"):
        section.number(
            f"orders a second, `{call}`",
            _rate(times[call]),
            f"redis-py, {PEERS[call]}",
            _rate(times[PEERS[call]]),
        )
    return section


def _measure(worker: Worker, server: MeasuredServer, scale: Scale) -> tuple[dict[str, Samples], ...]:
    results: tuple[dict[str, Samples], ...] = tuple({way: [] for way in WAYS} for _ in range(3))
    for number in range(-1, max(scale.rounds // 2, 3)):
        for way in WAYS:
            before = server.processor_seconds()
            took, processor = worker.call("run", way)
            in_server = (server.processor_seconds() - before) / scale.bulk
            if number >= 0:
                for samples, result in zip(results, (took, processor, in_server), strict=True):
                    samples[way].append(result)
    return results


def _rate(times: Samples) -> str:
    return f"{1e-3 / median(times):.1f} k"


def _table(
    leg: str, times: dict[str, Samples], client: dict[str, Samples], in_server: dict[str, Samples]
) -> Table:
    table = Table(
        ("", "orders a second", "time : its peer's", "processor time of an order, client", "server"),
        title=leg,
    )
    for way in WAYS:
        peer = PEERS.get(way)
        table.add(
            way,
            f"{_rate(times[way])} {spread(times[way])}",
            f"{ratio(times[way], times[peer]):.2f}" if peer else "",
            *(f"{1e6 * median(samples[way]):.2f} µs" for samples in (client, in_server)),
        )
    return table
