"""What a resize costs the server, and what another client can do meanwhile."""

import time
from collections.abc import Callable, Sequence
from itertools import count
from statistics import median
from typing import Any

from benchmarks.filling import ORDERS_A_USER, fill
from benchmarks.harness import Scale, Section, Table, Worker
from benchmarks.holding import measure_longest
from benchmarks.peers import STREAMS, new_order
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.schema.placement import PLACEMENTS, Placement, stream_of_user

MORE = STREAMS + 1
CALLS = ("place", "pause", "cancel")
SECONDS_BEFORE = 2.0
WHALE = "whale"

HOW = (
    f"From {STREAMS} streams to {MORE} with no other client, and back while another process makes blocking "
    "calls, one after the other, over a Unix socket: it places an order, pauses it and cancels it. It did "
    "the same just before. It shares a core with the process that resizes; the server has its own. "
    "Processor time is that of the whole server. The longest script is measured by the server's clock, and "
    "the longest call by the caller's: both count what other processes of the machine take away. "
    "Append-only file off."
)


class Mover:
    """Resizes, in a process of its own."""

    def __init__(self, url: str) -> None:
        self._system = CryptoOrderSystem(url=url, deadline_seconds=600)

    def resize(self, num_streams: int) -> float:
        """Return how many seconds it took."""
        began = time.perf_counter()
        self._system.resize(num_streams)
        return time.perf_counter() - began


def run(scale: Scale) -> Section:
    orders = scale.sizes[-1]
    section = Section(f"A resize, with {orders:,} orders", HOW)
    costs = Table(
        ("", "orders moved", "server, an order moved", "longest script", "time, no other client"),
        title="the cost",
    )
    calls = Table(
        (
            "", "calls a second before", "while orders move", "median call before", "while orders move",
            "99 of 100 calls", "longest call", "time of the resize",
        ),
        title=f"the calls of another client ({', '.join(CALLS)})",
    )  # fmt: skip
    for placement in PLACEMENTS:
        with redis_server(*IN_MEMORY) as server:
            name = f'`"{placement}"`, {STREAMS} to {MORE} streams'
            _fill(server, orders, scale.whale, placement)
            mover = Worker(Mover, server.url)
            costs.add(name, *_cost(server, mover, orders, scale.whale, placement))
            calls.add(f'`"{placement}"`, {MORE} to {STREAMS} streams', *_calls(server, mover))
            mover.close()
    section.tables += [costs, calls]
    return section


def _fill(server: MeasuredServer, orders: int, whale: int, placement: Placement) -> None:
    """One user has many orders, all others a few."""
    with CryptoOrderSystem(STREAMS, url=server.url, placement=placement):
        fill(server.url, orders - whale, streams=STREAMS)
        fill(server.url, whale, streams=STREAMS, user=WHALE, prefix=WHALE)


def _cost(
    server: MeasuredServer, mover: Worker, orders: int, whale: int, placement: Placement
) -> Sequence[str]:
    sizes = dict.fromkeys((f"user{n}" for n in range((orders - whale) // ORDERS_A_USER)), ORDERS_A_USER)
    sizes[WHALE] = whale
    moved = sum(
        size
        for user, size in sizes.items()
        if stream_of_user(user, STREAMS, placement) != stream_of_user(user, MORE, placement)
    )
    took: list[float] = []
    with server.client() as client:
        before = server.processor_seconds()
        longest = measure_longest(client, lambda: took.append(mover.call("resize", MORE)))
        used = server.processor_seconds() - before
    return f"{moved:,}", f"{1e6 * used / moved:.1f} µs", f"{1e3 * longest:.1f} ms", f"{took[0]:.1f} s"


def _calls(server: MeasuredServer, mover: Worker) -> Sequence[str]:
    with CryptoOrderSystem(url=server.url, deadline_seconds=60) as system:
        ends = time.perf_counter() + SECONDS_BEFORE
        before = _call_until(system, lambda: time.perf_counter() > ends)
        mover.ask("resize", STREAMS)
        amid = _call_until(system, mover.has_answered)
        took = mover.answer()
    return (
        f"{1e-3 * len(before) / sum(before):.1f} k",
        f"{1e-3 * len(amid) / sum(amid):.1f} k",
        f"{1e6 * median(before):.0f} µs",
        f"{1e6 * median(amid):.0f} µs",
        f"{1e3 * sorted(amid)[len(amid) * 99 // 100]:.1f} ms",
        f"{1e3 * max(amid):.1f} ms",
        f"{took:.1f} s",
    )


def _call_until(system: CryptoOrderSystem, has_ended: Callable[[], bool]) -> list[float]:
    """Return the seconds of each call."""
    times: list[float] = []
    for number in count():
        if has_ended():
            return times
        order = new_order("resize", number)
        for call in CALLS:
            arguments: tuple[Any, ...] = order if call == "place" else order[:1]
            began = time.perf_counter()
            changed = getattr(system, call)(*arguments)
            times.append(time.perf_counter() - began)
            if not changed:
                raise RuntimeError("a measured call answered False: it must change its order")
    return times
