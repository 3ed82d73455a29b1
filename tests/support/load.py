"""Asynchronous calls of many tasks, while connections are killed and calls cancelled. Each answer is checked.

Run as `python -m tests.support.load [--calls N] [--kills N] [--cancels N]` for the long form, `make soak`. It
prints what it did, and exits with 1 if an answer was wrong.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import redis
import uvloop

from cryptoorders_redis import AsyncCryptoOrderSystem, errors
from cryptoorders_redis.observing import CallInfo
from tests.support.model import Model, as_modelled
from tests.support.servers import RedisServer

TASKS = 60
ORDERS_A_TASK = 5
STREAMS = 4
MAX_TURNS = 6
"""A call is cancelled after one to so many turns of the event loop: before it is sent, before its reply, or
too late. Not after a time: a turn with so many tasks takes longer than a call alone.
"""
BUSY, TURNS = "for _ = 1, ARGV[1] do end", 300_000
"""A script of about 3 ms. Meanwhile requests and then the kill arrive: the server runs the requests, and
loses their replies. It counts turns and not time: on some servers a script sees a clock that stands still.
"""
SHOWN = 10

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@dataclass
class Tally:
    """What was done, and what was wrong. It is the observer of its system."""

    calls: int = 0
    """Calls that returned an answer, which was compared."""
    kills: int = 0
    cancels: int = 0
    """Calls that were cancelled before they returned."""
    sent_again: int = 0
    """Calls that needed more than one attempt: a connection was killed under them."""
    unknown: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.calls:,} calls, {self.kills:,} kills, {self.cancels:,} cancelled calls, "
            f"{self.sent_again:,} calls sent again, {self.unknown:,} unknown, {len(self.wrong):,} wrong"
        )

    def call(self, info: CallInfo) -> None:
        self.sent_again += info.attempts > 1

    def compare(self, what: str, answer: object, expected: object) -> bool:
        if answer != expected:
            self.wrong.append(f"{what}: {answer!r}, and not {expected!r}")
        return answer == expected


@dataclass(frozen=True)
class Wanted:
    """How much a load does. It ends when it has done all of it."""

    calls: int
    kills: int
    cancels: int

    def is_done(self, tally: Tally) -> bool:
        return (
            tally.calls >= self.calls and tally.kills >= self.kills and tally.cancels >= self.cancels
        ) or len(tally.wrong) > SHOWN


LONG = Wanted(calls=500_000, kills=1_000, cancels=1_000)


@dataclass(frozen=True)
class _Call:
    """A call and the same call of the model."""

    name: str
    ids: Sequence[str]
    """What it may change."""
    make: Callable[[], Awaitable[Any]]
    expect: Callable[[Model], Any]
    shown: Callable[[Any], Any] = lambda answer: answer


class _Trader:
    """One task. It alone uses its user and its orders, so it knows each answer before it asks.

    After a call that was cancelled, or whose outcome is unknown, each order of this call is in one of two
    states, for ever: the request may still be on its way, and may arrive after any later call. So these ids
    are not used again. When all calls have ended, each of their orders must be in one of both states.
    """

    def __init__(self, system: Any, number: int, tally: Tally, cancel_rate: float) -> None:
        self._system = system
        self._user = f"user{number}"
        self._tally = tally
        self._cancel_rate = cancel_rate
        self._random = random.Random(number)
        self._num_ids = 0
        self._ids = [self._new_id() for _ in range(ORDERS_A_TASK)]
        self.model = Model()
        self.open: dict[str, list[Any]] = {}
        """By id: the states in which the order may be."""

    def _new_id(self) -> str:
        self._num_ids += 1
        return f"{self._user}-order{self._num_ids}"

    async def run(self, wanted: Wanted) -> None:
        while not wanted.is_done(self._tally):
            await self._make(self._next_call())

    async def _make(self, call: _Call) -> None:
        before = {order_id: as_state(self.model.get(order_id)) for order_id in call.ids}
        expected = call.expect(self.model)
        try:
            answer = await self._answer(call)
        except (errors.OutcomeUnknown, errors.BulkInterrupted):
            self._tally.unknown += 1
            self._leave_open(before)
        except Exception as error:  # noqa: BLE001 - a wrong answer, whatever it is
            self._tally.compare(call.name, error, expected)
            self._leave_open(before)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise  # the load itself is cancelled
            self._tally.cancels += 1
            self._leave_open(before)
        else:
            self._tally.calls += 1
            if not self._tally.compare(call.name, call.shown(answer), expected):
                self._leave_open(before)

    async def _answer(self, call: _Call) -> Any:
        if self._random.random() >= self._cancel_rate:
            return await call.make()
        made = asyncio.ensure_future(call.make())
        for _ in range(self._random.randint(1, MAX_TURNS)):
            await asyncio.sleep(0)
        made.cancel()
        return await made

    def _leave_open(self, before: dict[str, Any]) -> None:
        for order_id, state in before.items():
            self.open[order_id] = [state, as_state(self.model.get(order_id))]
            self.model.live.pop(order_id, None)
            self._ids[self._ids.index(order_id)] = self._new_id()

    def _next_call(self) -> _Call:
        system, user, order_id = self._system, self._user, self._random.choice(self._ids)
        amount, price = Decimal(self._random.randrange(1, 100)), Decimal(self._random.randrange(1, 100))
        if self._random.random() < 0.02:
            return self._call_for_many()
        name = self._random.choice(
            ("place", "place", "pause", "resume", "cancel", "amend", "reduce", "get", "listing")
        )
        if name == "place":
            return _Call(
                f"place of {order_id}",
                [order_id],
                lambda: system.place(order_id, user, "BTC", amount, price),
                lambda model: model.place(order_id, user, "BTC", amount, price),
            )
        if name == "amend":
            return _Call(
                f"amend of {order_id}",
                [order_id],
                lambda: system.amend(order_id, price=price),
                lambda model: model.amend(order_id, price=price),
            )
        if name == "reduce":
            order = self.model.get(order_id)
            by = min(amount, order.amount) if order else amount
            return _Call(
                f"reduce of {order_id}",
                [order_id],
                lambda: system.reduce(order_id, by),
                lambda model: model.reduce(order_id, by),
            )
        if name == "get":
            return _Call(
                f"get of {order_id}",
                [],
                lambda: system.get(order_id),
                lambda model: as_state(model.get(order_id)),
                lambda order: as_state(as_modelled(order)),
            )
        if name == "listing":
            return _Call(
                f"listing of {user}",
                [],
                lambda: system.user(user).display_all_live_orders(),
                lambda model: model.display(),
                lambda lines: [line for line in lines if line.removesuffix("(paused)") not in self.open],
            )
        return _Call(
            f"{name} of {order_id}",
            [order_id],
            lambda: getattr(system, name)(order_id),
            lambda model: getattr(model, name)(order_id),
        )

    def _call_for_many(self) -> _Call:
        name = self._random.choice(("pause", "resume", "cancel"))
        ids = list(self._ids)
        return _Call(
            f"{name}_many of {', '.join(ids)}",
            ids,
            lambda: getattr(self._system, f"{name}_many")(ids),
            lambda model: [getattr(model, name)(order_id) for order_id in ids],
        )


def as_state(order: Any) -> Any:
    """Return a copy of a modelled order, which later changes do not change."""
    return order and (order.user_id, order.currency, order.amount, order.price, order.paused)


def run_load(
    server: RedisServer,
    namespace: str,
    wanted: Wanted,
    make_loop: Callable[[], asyncio.AbstractEventLoop],
    wrapped: Callable[[Any], Any] = lambda system: system,
) -> Tally:
    """Make calls until there were enough of all; compare each answer, and in the end the whole store.

    Args:
        wrapped: puts something between the calls and the system.
    """

    async def load() -> Tally:
        tally = Tally()
        async with AsyncCryptoOrderSystem(
            STREAMS, url=server.url, namespace=namespace, observer=tally
        ) as system:
            await _load(wrapped(system), server, namespace, wanted, tally)
        return tally

    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(load())


async def _load(system: Any, server: RedisServer, namespace: str, wanted: Wanted, tally: Tally) -> None:
    rate = 2 * wanted.cancels / (wanted.calls + wanted.cancels)
    traders = [_Trader(system, number, tally, rate) for number in range(TASKS)]
    with server.client() as client, _killing(client, namespace, wanted, tally):
        await asyncio.gather(*(trader.run(wanted) for trader in traders))
    live = {order.order_id: as_state(as_modelled(order)) async for order in system.live_orders()}
    for trader in traders:
        for order_id, order in trader.model.live.items():
            tally.compare(f"{order_id} in the end", live.pop(order_id, None), as_state(order))
        for order_id, states in trader.open.items():
            state = live.pop(order_id, None)
            tally.compare(f"{order_id} in the end", state, states[0] if state == states[0] else states[1])
    tally.compare("further orders", live, {})
    tally.compare("verify()", await system.verify(), [])


@contextlib.contextmanager
def _killing(client: redis.Redis, namespace: str, wanted: Wanted, tally: Tally) -> Iterator[None]:
    """Kill connections from another thread, evenly over all the calls, while the server is busy."""
    ended = threading.Event()

    def kill() -> None:
        chance = random.Random(1)
        busy = client.connection_pool.get_connection()  # closed with the client
        while not ended.wait(0.001):
            if tally.kills * wanted.calls > tally.calls * wanted.kills:
                continue
            theirs = [
                each["id"]
                for each in client.client_list()
                if each["name"] == f"cryptoorders_redis:{namespace}"
            ]
            if not theirs:
                continue
            busy.send_command("EVAL", BUSY, 0, TURNS)
            time.sleep(0.001)
            with contextlib.suppress(redis.ResponseError):  # it has gone meanwhile
                client.execute_command("CLIENT", "KILL", "ID", chance.choice(theirs))
                tally.kills += 1
            busy.read_response()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.load")
    for name in ("calls", "kills", "cancels"):
        parser.add_argument(f"--{name}", type=int, default=getattr(LONG, name))
    wanted = Wanted(**vars(parser.parse_args()))
    wrong = 0
    with contextlib.closing(RedisServer()) as server:
        for name, make_loop in LOOPS.items():
            began = time.monotonic()
            tally = run_load(server, name, wanted, make_loop)
            print(
                f"{name}: {tally}, {time.monotonic() - began:.0f} s",
                *tally.wrong[:SHOWN],
                sep="\n",
                flush=True,
            )
            wrong += len(tally.wrong)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
