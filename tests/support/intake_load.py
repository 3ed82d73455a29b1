"""An order flow out of order, twice, through workers that are killed: it must end as the ordered flow does.

`intake_soak.py` runs it for long.
"""

import contextlib
import csv
import io
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cryptoorders_redis import CryptoOrderSystem, Event, OutcomeState, Submission
from cryptoorders_redis import Worker as EventWorker
from cryptoorders_redis.schema.keys import Keys
from tests.support.consistency import Client, delete_all
from tests.support.processes import Worker
from tests.support.sample_flow import sample_flow
from tests.support.servers import RedisServer

WINDOW_MS = 5000

BATCH = 20

STREAMS = 4

_CALLS = {"created": "place", "changed": "pause", "deleted": "cancel"}


def events_of_flow(seed: int, num_events: int) -> list[Event]:
    """Return a random order flow as events, in their order. Every second change of an order resumes it."""
    events: list[Event] = []
    changes: Counter[str] = Counter()
    rows = csv.DictReader(io.StringIO(sample_flow(seed, num_events)))
    for number, row in enumerate(rows):
        order_id, op = row["id"], _CALLS[row["action"]]
        user, at, event_id = f"user{int(order_id) % 97}", int(row["timestamp"]), f"e{number:09}"
        if op == "place":
            amount, price = int(row["volume"]) + 1, row["price"]
            events.append(Event(op, user, at, order_id, "BTC", amount, price, event_id))
            continue
        if op == "pause":
            changes[order_id] += 1
            op = "pause" if changes[order_id] % 2 else "resume"
        events.append(Event(op, user, at, order_id, event_id=event_id))
    return events


def _time_of(event: Event) -> int:
    assert isinstance(event.event_time, int)
    return event.event_time


class Submitter:
    """Submits the events of a flow, each delayed by chance and by no more than the window."""

    def __init__(self, url: str, namespace: str, flow: Sequence[int], seed: int) -> None:
        self._system = CryptoOrderSystem(url=url, namespace=namespace, deadline_seconds=60)
        chance = random.Random(seed)
        arriving = [(_time_of(event) + chance.random() * WINDOW_MS, event) for event in events_of_flow(*flow)]
        self._events = [event for _, event in sorted(arriving, key=lambda each: each[0])]

    def submit_all(self, pause_seconds: float) -> dict[str, int]:
        """Submit all events, and return how many had which answer."""
        answers: Counter[str] = Counter()
        for first in range(0, len(self._events), BATCH):
            answers.update(map(str, self._system.submit_many(self._events[first : first + BATCH])))
            time.sleep(pause_seconds)
        return answers


class Applier:
    """Applies events until it is killed."""

    def __init__(self, url: str, namespace: str) -> None:
        self._worker = EventWorker(CryptoOrderSystem(url=url, namespace=namespace, deadline_seconds=60))

    def pid(self) -> int:
        """Return the id of its process."""
        return os.getpid()

    def run(self) -> None:
        """Apply events until it is killed."""
        self._worker.run()


class _Appliers:
    """Processes that apply events, of which one after the other is killed or frozen for a while."""

    def __init__(self, url: str, namespace: str, number: int, seed: int) -> None:
        self._arguments = (url, namespace)
        self._chance = random.Random(seed)
        self._running = [self._start() for _ in range(number)]
        self.num_killed = 0

    def _start(self) -> tuple[Worker, int]:
        worker = Worker(Applier, *self._arguments)
        pid: int = worker.call("pid")
        worker.ask("run")
        return worker, pid

    def disturb(self) -> None:
        """Kill one and start another, or freeze one for a moment."""
        number = self._chance.randrange(len(self._running))
        worker, pid = self._running[number]
        if self._chance.random() < 0.4:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(self._chance.random() * 0.2)
            os.kill(pid, signal.SIGCONT)
            return
        worker.kill()
        self.num_killed += 1
        self._running[number] = self._start()

    def kill_all(self) -> None:
        """End all of them as a crash would."""
        for worker, _ in self._running:
            worker.kill()


@contextlib.contextmanager
def appliers(url: str, namespace: str, number: int, seed: int) -> Iterator[_Appliers]:
    """Run so many processes that apply events."""
    running = _Appliers(url, namespace, number, seed)
    try:
        yield running
    finally:
        running.kill_all()


def run_flow(
    url: str,
    namespace: str,
    *,
    seed: int,
    num_events: int,
    seconds: float,
    num_workers: int = 2,
    meanwhile: Callable[[], object] = lambda: None,
) -> int:
    """Submit a flow twice while workers are killed, and check the counts. Returns how many were killed."""
    flow = (seed, num_events)
    with CryptoOrderSystem(STREAMS, url=url, namespace=namespace, deadline_seconds=60) as system:
        system.intake.configure(quiet=None, late="reject", window=WINDOW_MS / 1000)
        submitters = [Worker(Submitter, url, namespace, flow, seed) for seed in (seed, seed + 1)]
        with appliers(url, namespace, num_workers, seed) as running:
            end = time.monotonic() + seconds
            for submitter in submitters:
                submitter.ask("submit_all", seconds / (num_events / BATCH))
            while time.monotonic() < end:
                running.disturb()
                meanwhile()
            answers: Counter[str] = Counter()
            for submitter in submitters:
                answers.update(submitter.answer())
                submitter.close()
            system.intake.flush()
            running.disturb()
        EventWorker(system).run_until_empty()
        assert answers == {Submission.ACCEPTED: num_events, Submission.KNOWN: num_events}
        stats = system.intake.stats()
        assert (stats.waiting, stats.dead_letters) == (0, 0)
        assert sum(stream.applied for stream in stats.streams) == num_events
        return running.num_killed


def state_of(raw: Client, keys: Keys) -> list[tuple[Any, ...]]:
    """Return what each stream holds of orders, but for their sequence numbers."""
    return [
        (
            raw.hgetall(keys.orders(stream)),
            raw.zrange(keys.placed(stream), 0, -1),
            raw.smembers(keys.paused(stream)),
        )
        for stream in range(STREAMS)
    ]


def assert_like_ordered(
    system: CryptoOrderSystem, raw: Client, server: RedisServer, *, seed: int, num_events: int
) -> None:
    """Fail unless the orders and outcomes are those of the flow in its order, made by direct calls."""
    events, ordered = events_of_flow(seed, num_events), "ordered-flow"
    with (
        server.client() as other,
        CryptoOrderSystem(STREAMS, url=server.url, namespace=ordered) as direct,
    ):
        answers = [_call(direct, event) for event in events]
        outcomes = system.outcomes((event.event_id, event.user_id) for event in events)
        assert {outcome.state for outcome in outcomes} == {OutcomeState.APPLIED}
        assert [outcome.answer for outcome in outcomes] == answers
        assert state_of(raw, system._store.keys) == state_of(other, direct._store.keys)
        delete_all(other, ordered)


def _call(system: CryptoOrderSystem, event: Event) -> bool:
    assert event.order_id is not None
    if event.op == "place":
        assert event.currency is not None
        assert event.amount is not None
        assert event.price is not None
        return system.place(event.order_id, event.user_id, event.currency, event.amount, event.price)
    return getattr(system.user(event.user_id), event.op)(event.order_id)
