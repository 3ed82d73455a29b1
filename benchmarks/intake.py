"""Events out of order: submitted, put in order and applied, compared with the same orders placed directly."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles

from benchmarks import cores
from benchmarks.harness import HIREDIS, Samples, Scale, Section, Table, Worker, ratio, spread
from benchmarks.peers import STREAMS, new_order
from benchmarks.servers import IN_MEMORY, MeasuredServer, redis_server
from cryptoorders_redis import CryptoOrderSystem, Event
from cryptoorders_redis import Worker as EventWorker

WORKERS = (1, 2, 4)
DIRECT = "place_many, no events"
APART = "submit_many, then one worker"
SHARES = (0.5, 0.9)
"""Of the greatest rate, at which the lag is measured."""

WINDOW_MS = 1000
LAG_WINDOW_MS = 500
TICK_SECONDS = 0.02
"""Between two batches of a source with a steady rate, and between two looks at the lag."""

HOW = (
    "Events that place orders, one for each millisecond, shuffled by up to a second, from one process that "
    f"calls `submit_many`, {HIREDIS[True]}, append-only file on. Processes with one worker each apply them "
    "meanwhile. The time is from the first submit until no event waits; the peer places the same orders with "
    "`place_many`, in the same round. All processes and the server share all cores, so client, workers and "
    "server take processor time from each other. A worker looks for due events every 0.2 s, and this wait is "
    "in the time. *Then one worker* submits all and applies all afterwards, so that the server's time can be "
    "told apart. The lag is what `intake.stats()` says every 20 ms: for how long the first event that waits "
    f"has been due. A source sends batches every 20 ms, with events that are delayed by up to "
    f"{LAG_WINDOW_MS} ms, which is the window."
)


class Source:
    """A process that submits events, or places the same orders directly."""

    def __init__(self, url: str, namespace: str) -> None:
        self._system = CryptoOrderSystem(STREAMS, url=url, namespace=namespace)

    def submit(self, whose: str, first_ms: int, number: int) -> tuple[float, float, float]:
        """Submit events; return the clock before and after, and the processor time of an event."""
        events = _make_events(whose, first_ms, number)
        return self._timed(lambda: self._system.submit_many(events), number)

    def place(self, whose: str, number: int) -> tuple[float, float, float]:
        """Place the orders of these events; return the same."""
        orders = [new_order(whose, n) for n in range(number)]
        return self._timed(lambda: self._system.place_many(orders), number)

    def cancel(self, whose: str, number: int) -> None:
        self._system.cancel_many(new_order(whose, n)[0] for n in range(number))

    def send_steadily(self, whose: str, rate: float, seconds: float) -> float:
        """Submit so many events a second, of the present time; return how many a second were sent."""
        began, sent = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate)
            now_ms = time.time_ns() // 1_000_000
            self._system.submit_many(
                _place(whose, n, now_ms - int(LAG_WINDOW_MS * 0.9 * random.random()))
                for n in range(sent, due)
            )
            sent = due
            time.sleep(max(0.0, TICK_SECONDS - (time.monotonic() - began - passed)))
        return sent / (time.monotonic() - began)

    @staticmethod
    def _timed(call: Callable[[], Sequence[object]], number: int) -> tuple[float, float, float]:
        began, processor = time.perf_counter(), time.process_time()
        answers = call()
        ended, processor = time.perf_counter(), time.process_time() - processor
        if not all(answer in {True, "ACCEPTED"} for answer in answers):
            raise RuntimeError("a measured order was not placed, or a measured event was not accepted")
        return began, ended, processor / number


class Applier:
    """A process with a worker, which can be started and stopped."""

    def __init__(self, url: str, namespace: str) -> None:
        self._system = CryptoOrderSystem(STREAMS, url=url, namespace=namespace)

    def start(self) -> None:
        self._worker = EventWorker(self._system)
        self._began = time.process_time()
        self._thread = threading.Thread(target=self._worker.run)
        self._thread.start()

    def stop(self) -> float:
        """Return the processor time since the start."""
        self._worker.stop()
        self._thread.join()
        return time.process_time() - self._began


def _place(whose: str, number: int, event_ms: int) -> Event:
    order_id, user_id, currency, amount, price = new_order(whose, number)
    return Event("place", user_id, event_ms, order_id, currency, amount, price, event_id=order_id)


def _make_events(whose: str, first_ms: int, number: int) -> list[Event]:
    """Return events in the order in which they arrive: each is delayed by less than the window."""
    delays = random.Random(number)
    arrivals = sorted(range(number), key=lambda n: n + 0.9 * WINDOW_MS * delays.random())
    return [_place(whose, n, first_ms + n) for n in arrivals]


def run(scale: Scale) -> Section:
    section = Section("Events out of order", HOW)
    number = 2 * scale.bulk
    with redis_server() as server:
        server.keep_to(cores.ALL)
        greatest = _measure_rates(section, server, number, max(scale.rounds // 3, 3))
        _measure_lag(section, server, greatest, 1 if scale.bulk < 10_000 else 6)
    _measure_memory(section, number)
    return section


class _Costs:
    """Of an event, in seconds, one of each round."""

    def __init__(self) -> None:
        self.time: Samples = []
        self.source: Samples = []
        self.server: Samples = []
        self.workers: Samples = []


def _measure_rates(section: Section, server: MeasuredServer, number: int, rounds: int) -> float:
    """Measure each way; return the greatest rate of one worker, in events a second."""
    ways = (DIRECT, *map(_way_of, WORKERS), APART)
    costs = {way: _Costs() for way in ways}
    apart: dict[str, Samples] = {"submit_many": [], "advance": []}
    with _processes(server, "rates") as (system, source, appliers):
        system.intake.configure(window=WINDOW_MS / 1000, limit=number, remember=WINDOW_MS / 1000)
        for turn in range(-1, rounds):
            for index, way in enumerate(ways):
                whose = f"{turn}-{index}"
                first_ms = (1 + turn) * len(ways) * 2 * number + index * 2 * number
                before = server.processor_seconds()
                if way == DIRECT:
                    began, ended, processor = source.call("place", whose, number)
                    in_workers = 0.0
                elif way == APART:
                    began, _, processor = source.call("submit", whose, first_ms, number)
                    submitted = server.processor_seconds()
                    in_workers = time.process_time()
                    system.intake.flush()
                    EventWorker(system).run_until_empty()
                    ended, in_workers = time.perf_counter(), time.process_time() - in_workers
                    if turn >= 0:
                        apart["submit_many"].append((submitted - before) / number)
                        apart["advance"].append((server.processor_seconds() - submitted) / number)
                else:
                    chosen = appliers[: WORKERS[index - 1]]
                    began, ended, processor, in_workers = _flow(
                        system, source, chosen, (whose, first_ms, number)
                    )
                if turn >= 0:
                    cost = costs[way]
                    cost.time.append((ended - began) / number)
                    cost.source.append(processor)
                    cost.server.append((server.processor_seconds() - before) / number)
                    cost.workers.append(in_workers / number)
                source.call("cancel", whose, number)
    section.tables.append(_rates_table(costs))
    for call, samples in apart.items():
        section.findings.append(
            f"`{call}` takes {1e6 * median(samples):.1f} µs {spread(samples)} of the server's processor time "
            "for each event."
        )
    section.data["rates"] = {way: cost.time for way, cost in costs.items()}
    return 1 / median(costs[_way_of(1)].time)


def _flow(
    system: CryptoOrderSystem, source: Worker, appliers: Sequence[Worker], events: tuple[str, int, int]
) -> tuple[float, float, float, float]:
    """Submit and apply events at the same time."""
    for applier in appliers:
        applier.call("start")
    while len(system.intake.stats().workers) < len(appliers):
        time.sleep(0.01)
    time.sleep(1.1)  # until each has heard of all others
    began, _, processor = source.call("submit", *events)
    system.intake.flush()
    while system.intake.stats().waiting:
        time.sleep(0.002)
    ended = time.perf_counter()
    return began, ended, processor, sum(applier.call("stop") for applier in appliers)


def _measure_lag(section: Section, server: MeasuredServer, greatest: float, seconds: int) -> None:
    table = Table(("rate", "events a second", "lag, median", "lag, 99 of 100"), title="lag of one worker")
    section.data["lag"] = {}
    for share in SHARES:
        with _processes(server, f"lag-{share}") as (system, source, appliers):
            system.intake.configure(window=LAG_WINDOW_MS / 1000, limit=10_000_000)
            appliers[0].call("start")
            source.ask("send_steadily", "steady", share * greatest, seconds)
            began, seen = time.monotonic(), list[tuple[float, float]]()
            while (passed := time.monotonic() - began) < seconds:
                seen.append((passed, system.intake.stats().lag_seconds))
                time.sleep(TICK_SECONDS)
            rate = source.answer()
            while system.intake.stats().waiting:
                time.sleep(0.05)
            appliers[0].call("stop")
        lags = [lag for passed, lag in seen if passed > seconds / 6]
        table.add(
            f"{100 * share:.0f} % of the greatest",
            f"{rate / 1e3:.1f} k",
            f"{1e3 * median(lags):.0f} ms",
            f"{1e3 * quantiles(lags, n=100)[-1]:.0f} ms",
        )
        section.data["lag"][share] = seen
    section.tables.append(table)


def _measure_memory(section: Section, number: int) -> None:
    with (
        redis_server(*IN_MEMORY) as server,
        server.client() as client,
        CryptoOrderSystem(STREAMS, url=server.url) as system,
    ):
        system.intake.configure(limit=number)

        def used() -> int:
            return client.info("memory")["used_memory"]

        system.count()
        empty = used()
        # What they cancel is not there, so that no order takes memory afterwards.
        system.submit_many(
            Event("cancel", f"user{n % 100}", n, f"order{n}", event_id=f"event-{n}") for n in range(number)
        )
        waiting = (used() - empty) / number
        system.intake.flush()
        EventWorker(system).run_until_empty()
        remembered = (used() - empty) / number
        system.submit_many(_make_events("bytes", 10 * number, number))
        places = (used() - empty) / number - remembered
    table = Table(("an event", "bytes"), title=f"memory, {number:,} events")
    table.add("that waits, `cancel`", f"{waiting:.0f}")
    table.add("that waits, `place`", f"{places:.0f}")
    table.add("whose outcome is remembered", f"{remembered:.0f}")
    section.tables.append(table)


@contextmanager
def _processes(
    server: MeasuredServer, namespace: str
) -> Iterator[tuple[CryptoOrderSystem, Worker, list[Worker]]]:
    with ExitStack() as stack:
        system = stack.enter_context(CryptoOrderSystem(STREAMS, url=server.url, namespace=namespace))
        made: list[Worker] = []
        for make in (Source, *[Applier] * max(WORKERS)):
            made.append(Worker(make, server.url, namespace, to=cores.ALL, hiredis=True))
            stack.callback(made[-1].close)
        yield system, made[0], made[1:]


def _way_of(workers: int) -> str:
    return f"submit_many, {workers} worker" + ("s" if workers > 1 else "")


def _rates_table(costs: dict[str, _Costs]) -> Table:
    table = Table(
        (
            "", "events a second", f"time : {DIRECT}",
            "processor time of an event, source", "workers", "server",
        ),
    )  # fmt: skip
    for way, cost in costs.items():
        table.add(
            way,
            f"{1e-3 / median(cost.time):.1f} k {spread(cost.time)}",
            f"{ratio(cost.time, costs[DIRECT].time):.2f}",
            *(f"{1e6 * median(samples):.2f} µs" for samples in (cost.source, cost.workers, cost.server)),
        )
    return table
