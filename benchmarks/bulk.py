"""Many orders in one call."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.harness import Samples, Scale, Section, Table, ratio, ratios, spread
from benchmarks.servers import redis_server
from cryptoorders_redis import CryptoOrderSystem

BATCH = 1000

HOW = (
    "Orders a second from one process over a Unix socket. The peer is redis-py's pipeline without "
    f"transactions, with {BATCH} commands at a time. It writes the same four fields with `HSET` into one key "
    "for each order, and deletes this key with `DEL`. It has no index, no checks and no useful answer."
)


def run(scale: Scale) -> Section:
    section = Section("Bulk", HOW)
    if not hasattr(CryptoOrderSystem, "place_many"):
        section.findings.append("This version has no bulk calls.")
        return section
    with redis_server() as server, server.client() as client, CryptoOrderSystem(8, url=server.url) as system:
        orders = [
            (f"order{n}", f"user{n % 100}", "BTC", "0.5", f"{60_000 + n}.25") for n in range(scale.bulk)
        ]
        order_ids = [order[0] for order in orders]

        def bare_place() -> None:
            for batch in _batches(orders):
                pipe = client.pipeline(transaction=False)
                for order_id, user_id, currency, amount, price in batch:
                    fields: dict[Any, Any] = {
                        "user_id": user_id,
                        "currency": currency,
                        "amount": amount,
                        "price": price,
                    }
                    pipe.hset(f"bare:{order_id}", mapping=fields)
                pipe.execute()

        def bare_cancel() -> None:
            for batch in _batches(order_ids):
                pipe = client.pipeline(transaction=False)
                for order_id in batch:
                    pipe.delete(f"bare:{order_id}")
                pipe.execute()

        single = orders[:: max(scale.bulk // 2000, 1)]
        steps: dict[str, tuple[Callable[[], object], int]] = {
            "place_many": (lambda: system.place_many(orders), scale.bulk),
            "pause_many": (lambda: system.pause_many(order_ids), scale.bulk),
            "resume_many": (lambda: system.resume_many(order_ids), scale.bulk),
            "cancel_many": (lambda: system.cancel_many(order_ids), scale.bulk),
            "pipelined HSET": (bare_place, scale.bulk),
            "pipelined DEL": (bare_cancel, scale.bulk),
            "place, one by one": (lambda: [system.place(*order) for order in single], len(single)),
            "cancel, one by one": (lambda: [system.cancel(order[0]) for order in single], len(single)),
        }
        samples: dict[str, Samples] = {name: [] for name in steps}
        for _ in range(max(scale.rounds // 2, 5)):
            for name, (step, number) in steps.items():
                began = time.perf_counter()
                step()
                samples[name].append((time.perf_counter() - began) / number)
    table = Table(("", "orders a second", "time : its peer's", "time : one by one"))
    for name, times in samples.items():
        kind = "place" if "place" in name or "HSET" in name else "cancel"
        peer = samples["pipelined HSET" if kind == "place" else "pipelined DEL"]
        alone = samples[f"{kind}, one by one"]
        table.add(
            name,
            f"{1e-3 / median(times):.1f} k {spread(times)}",
            f"{ratio(times, peer):.2f}",
            f"{ratio(times, alone):.2f}",
        )
    section.tables.append(table)
    section.data["seconds"] = samples
    for call, done, peer in (
        ("place_many", "placed", "pipelined HSET"),
        ("cancel_many", "cancelled", "pipelined DEL"),
    ):
        section.goal(f"{call} compared with {peer}, time", ratios(samples[call], samples[peer]), 1)
        section.goal(f"seconds for 100,000 orders {done} in bulk", [1e5 * each for each in samples[call]], 1)
    return section


def _batches(items: list) -> list[list]:
    return [items[first : first + BATCH] for first in range(0, len(items), BATCH)]
