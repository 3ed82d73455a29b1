"""How long each call holds the server, which does nothing else meanwhile."""

from collections.abc import Callable
from itertools import islice
from statistics import median
from typing import Any

import redis

from benchmarks.filling import fill
from benchmarks.harness import Samples, Scale, Section, Table, millis
from benchmarks.peers import STREAMS, new_order
from benchmarks.servers import IN_MEMORY, redis_server
from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import stream_of_user

ROUNDS = 5
KEYS = Keys("cryptoorders")

HOW = (
    "The longest single command of each call, as the server measures it with `INFO latencystats`. A "
    "script and a transaction count as one command each. Append-only file off."
)


def run(scale: Scale) -> Section:
    orders = scale.sizes[1]
    section = Section(f"How long a call holds the server, with {orders:,} orders", HOW)
    table = Table(("call", "longest command in the server"))
    with redis_server(*IN_MEMORY) as server, server.client() as client:
        fill(server.url, orders, streams=STREAMS)
        with CryptoOrderSystem(url=server.url, deadline_seconds=60) as system:
            order, many = new_order("slow", 0), [new_order("many", n) for n in range(10_000)]
            whale = f"cancel_all_by_user, {scale.whale:,} orders"
            plain = f"plain HDEL, ZREM, SREM of {scale.whale:,} orders"
            operations: dict[str, Callable[[], object]] = {
                "place": lambda: system.place(*order),
                "pause": lambda: system.pause(order[0]),
                "get": lambda: system.get(order[0]),
                "cancel": lambda: system.cancel(order[0]),
                "count": system.count,
                "live_orders(), a page": lambda: list(islice(system.live_orders(), 20_000)),
                "display_all_live_orders()": system.display_all_live_orders,
                "place_many, a batch": lambda: system.place_many(many),
                "cancel_many, a batch": lambda: system.cancel_many([order[0] for order in many]),
                "stats, a step": system.stats,
                whale: lambda: system.cancel_all_by_user("whale"),
                plain: lambda: _plainly(client, scale.whale),
            }
            for name, operation in operations.items():
                longest: Samples = []
                for _ in range(ROUNDS):
                    if name in (whale, plain):
                        fill(server.url, scale.whale, streams=STREAMS, user="whale", prefix="whale")
                    longest.append(measure_longest(client, operation))
                table.add(
                    name, millis(longest) if median(longest) >= 1e-3 else f"{1e6 * median(longest):.0f} µs"
                )
    section.tables.append(table)
    return section


def measure_longest(client: redis.Redis, operation: Callable[[], object]) -> float:
    """Return the seconds of the longest command while the operation runs. Needs Redis 7 or Valkey."""
    client.config_set("latency-tracking-info-percentiles", "100")
    client.config_resetstat()
    operation()
    stats: dict[str, Any] = client.info("latencystats")
    ours = ("latency_percentiles_usec_config", "latency_percentiles_usec_info")
    return 1e-6 * max(of["p100"] for name, of in stats.items() if not name.startswith(ours))


def _plainly(client: redis.Redis, orders: int) -> None:
    order_ids = [f"whale{number}" for number in range(orders)]
    stream = stream_of_user("whale", STREAMS)
    pipe = client.pipeline(transaction=True)
    pipe.hdel(KEYS.orders(stream), *order_ids)
    pipe.zrem(KEYS.placed(stream), *order_ids)
    pipe.srem(KEYS.paused(stream), *order_ids)
    pipe.hdel(KEYS.directory(0), *order_ids)
    pipe.delete(KEYS.user(stream, "whale"))
    pipe.execute()
