"""Calls of threads and tasks, by both APIs, while a test does something to a cluster. Answers are checked.

Each caller has order ids and users of its own, and a model of them: so each answer is known.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Any, Self

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem
from tests.support.blocking import LOOP
from tests.support.model import Model, as_modelled
from tests.support.waiting import wait_until

IDS = 14
USERS = 5
"""Of each caller. An id is placed for any of them, and so in any stream."""

_CHANCES = {
    "place": 40, "pause": 12, "resume": 8, "cancel": 18, "amend": 4, "reduce": 4, "get": 8, "users_pause": 3,
    "users_cancel": 3, "cancel_all_by_user": 2, "place_many": 2, "cancel_many": 2, "list": 1,
}  # fmt: skip

_Call = tuple[str, tuple[Any, ...], dict[str, Any]]


class _Caller:
    """What one thread or task calls, and what it must be answered."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.model = Model()
        self.ids = [f"{name}-{number}" for number in range(IDS)]
        self.users = [f"{name}-user{number}" for number in range(USERS)]
        self.calls = 0
        self.worst_seconds = 0.0
        self.deviations: list[str] = []
        """Answers that are not the model's: wrong, or true of a cluster that has lost writes."""
        self._random = random.Random(seed)

    def work(self, is_ended: Callable[[], bool]) -> Generator[_Call, Any, None]:
        """Yield calls, and get their answers."""
        while not is_ended():
            name = self._random.choices(list(_CHANCES), list(_CHANCES.values()))[0]
            call, expected = getattr(self, f"_{name}")()
            began = time.monotonic()
            answer = yield call
            self.worst_seconds = max(self.worst_seconds, time.monotonic() - began)
            self.calls += 1
            if name == "get":
                answer = as_modelled(answer)
            if answer != expected:
                self.deviations.append(f"{call[0]}{call[1]} answered {answer!r}, expected {expected!r}")
                yield from self._learn()

    def _learn(self) -> Generator[_Call, Any, None]:
        """Take over what is live, to go on from there."""
        live = dict[str, Any]()
        for order_id in self.ids:
            order = as_modelled((yield "get", (order_id,), {}))
            if order:
                live[order_id] = order
        self.model.live = live

    def _id(self) -> str:
        return self._random.choice(self.ids)

    def _new(self) -> tuple[str, str, str, Decimal, Decimal]:
        return self._id(), self._random.choice(self.users), "BTC", Decimal(3), Decimal(10)

    def _place(self) -> tuple[_Call, Any]:
        new = self._new()
        return ("place", new, {}), self.model.place(*new)

    def _change(self, name: str, *more: Any) -> tuple[_Call, Any]:
        order_id = self._id()
        return (name, (order_id, *more), {}), getattr(self.model, name)(order_id, *more)

    def _pause(self) -> tuple[_Call, Any]:
        return self._change("pause")

    def _resume(self) -> tuple[_Call, Any]:
        return self._change("resume")

    def _cancel(self) -> tuple[_Call, Any]:
        return self._change("cancel")

    def _amend(self) -> tuple[_Call, Any]:
        order_id, price = self._id(), Decimal(self._random.randint(1, 99))
        return ("amend", (order_id,), {"price": price}), self.model.amend(order_id, price=price)

    def _reduce(self) -> tuple[_Call, Any]:
        order_id = self._id()
        left = self.model.reduce(order_id, Decimal(1))
        return ("reduce", (order_id, Decimal(1)), {}), left

    def _get(self) -> tuple[_Call, Any]:
        return self._change("get")

    def _users_pause(self) -> tuple[_Call, Any]:
        return self._users("pause")

    def _users_cancel(self) -> tuple[_Call, Any]:
        return self._users("cancel")

    def _users(self, change: str) -> tuple[_Call, Any]:
        user, order_id = self._random.choice(self.users), self._id()
        answer = getattr(self.model, change)(order_id, user)
        return (f"{user}.{change}", (order_id,), {}), answer

    def _cancel_all_by_user(self) -> tuple[_Call, Any]:
        user = self._random.choice(self.users)
        return ("cancel_all_by_user", (user,), {}), self.model.cancel_all_by_user(user)

    def _place_many(self) -> tuple[_Call, Any]:
        user = self._random.choice(self.users)  # one: orders of several streams are not in the batch's order
        ids = [self._id() for _ in range(6)]
        placed = [self.model.place(order_id, user, "BTC", Decimal(3), Decimal(10)) for order_id in ids]
        orders = [(order_id, "BTC", Decimal(3), Decimal(10)) for order_id in ids]
        return (f"{user}.place_many", (orders,), {}), placed

    def _cancel_many(self) -> tuple[_Call, Any]:
        ids = [self._id() for _ in range(6)]
        return ("cancel_many", (ids,), {}), [self.model.cancel(order_id) for order_id in ids]

    def _list(self) -> tuple[_Call, Any]:
        user = self._random.choice(self.users)
        listed = self.model.display(lambda order: order.user_id == user)
        return (f"{user}.display_all_live_orders", (), {}), listed


class ClusterLoad:
    """Runs callers from its opening until `stop`: threads of one system, and tasks of an async one.

    Attributes:
        errors: what calls have raised. A caller ends with it.
    """

    def __init__(
        self, url: str, namespace: str, *, num_streams: int = 8, num_callers: int = 3, **options: Any
    ) -> None:
        """`num_callers`: of each API. `options`: of the systems."""
        settings: dict[str, Any] = {"url": url, "namespace": namespace, "deadline_seconds": 60, **options}
        self.errors: list[Exception] = []
        self._ended = threading.Event()
        self._system = CryptoOrderSystem(num_streams, **settings)
        self._system.configure(feed=100_000)  # with which all keys are compared
        self._settings = settings
        self._callers = [_Caller(f"thread{number}", number) for number in range(num_callers)]
        self._tasks = [_Caller(f"task{number}", -number) for number in range(num_callers)]
        self._threads = [
            threading.Thread(target=self._run_thread, args=(caller,)) for caller in self._callers
        ]
        self._threads.append(threading.Thread(target=lambda: LOOP.run(self._run_tasks())))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.wait_for(100)  # so that all have begun their sessions
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def callers(self) -> list[_Caller]:
        return self._callers + self._tasks

    @property
    def deviations(self) -> list[str]:
        return [each for caller in self.callers for each in caller.deviations]

    @property
    def num_calls(self) -> int:
        return sum(caller.calls for caller in self.callers)

    @property
    def worst_seconds(self) -> float:
        return max(caller.worst_seconds for caller in self.callers)

    def wait_for(self, num_calls: int) -> None:
        """Wait until each caller has made so many further calls."""
        wanted = {caller.name: caller.calls + num_calls for caller in self.callers}
        wait_until(lambda: self.errors or all(caller.calls >= wanted[caller.name] for caller in self.callers))
        assert not self.errors, self.errors

    def stop(self) -> None:
        """Let each caller finish the call that it is in."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._system.close()

    def assert_listed(self, system: CryptoOrderSystem, *, in_order: bool = True) -> None:
        """Fail unless exactly the orders of the models are listed, and those of each caller in their order.

        After a failover a batch may be in another order: a lost release makes one of its orders wait.
        """
        listed = system.display_all_live_orders()
        for caller in self.callers:
            theirs = [line for line in listed if line.startswith(f"{caller.name}-")]
            expected = caller.model.display()
            assert theirs == expected if in_order else sorted(theirs) == sorted(expected)
        assert len(listed) == sum(len(caller.model.live) for caller in self.callers)

    def _run_thread(self, caller: _Caller) -> None:
        work = caller.work(self._ended.is_set)
        try:
            name, args, named = next(work)
            while True:
                name, args, named = work.send(_method(self._system, name)(*args, **named))
        except StopIteration:
            pass
        except Exception as error:
            self.errors.append(error)
            raise

    async def _run_tasks(self) -> None:
        async with AsyncCryptoOrderSystem(**self._settings) as system:
            await asyncio.gather(*(self._run_task(caller, system) for caller in self._tasks))

    async def _run_task(self, caller: _Caller, system: AsyncCryptoOrderSystem) -> None:
        work = caller.work(self._ended.is_set)
        try:
            name, args, named = next(work)
            while True:
                name, args, named = work.send(await _method(system, name)(*args, **named))
        except StopIteration:
            pass
        except Exception as error:
            self.errors.append(error)
            raise


def _method(system: Any, name: str) -> Callable[..., Any]:
    """Return the method that `pause`, or `USER.pause`, names."""
    user, _, method = name.rpartition(".")
    return getattr(system.user(user) if user else system, method)
