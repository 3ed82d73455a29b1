"""The async API: thousands of calls on shared connections that are killed, while tasks are cancelled."""

import asyncio
import contextlib
import random
import time

import pytest
import uvloop

from cryptoorders_redis import AsyncCryptoOrderSystem, OrderStatus
from tests.support.consistency import assert_consistent

SECONDS = 3
NUM_TASKS = 60


class Story:
    """Changes one order, and knows from each answer what the next one must be."""

    def __init__(self, system: AsyncCryptoOrderSystem, number: int) -> None:
        self.chance = random.Random(number)
        self.num_answers = 0
        self._system = system
        self._order_id, self._user_id = f"o{number}", f"u{number % 7}"
        self._status: OrderStatus | None = None

    async def change(self) -> None:
        status, system = self._status, self._system
        operation = self.chance.choice(["place", "pause", "resume", "cancel"])
        if operation == "place":
            answer = await system.place(self._order_id, self._user_id, "BTC", 1, 2)
            expected, after = status is None, status or OrderStatus.ACTIVE
        elif operation == "pause":
            answer = await system.pause(self._order_id)
            expected, after = status is OrderStatus.ACTIVE, status and OrderStatus.PAUSED
        elif operation == "resume":
            answer = await system.resume(self._order_id)
            expected, after = status is OrderStatus.PAUSED, status and OrderStatus.ACTIVE
        else:
            answer = await system.cancel(self._order_id)
            expected, after = status is not None, None
        assert answer is expected, (self._order_id, operation, status)
        self._status = after
        self.num_answers += 1

    async def learn(self) -> None:
        """After a call that was cancelled. A late copy of it never acts, so what is there stays."""
        while True:
            order = await self._system.get(self._order_id)
            await asyncio.sleep(0.02)
            again = await self._system.get(self._order_id)
            if order == again:
                self._status = order and order.status
                return


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_answers_stay_true_while_connections_are_killed(own_server, namespace, loop):
    server = own_server()
    num_kills = num_cancels = 0

    async def main():
        nonlocal num_kills, num_cancels
        end = time.monotonic() + SECONDS

        async def tell(story):
            nonlocal num_cancels
            while time.monotonic() < end:
                if story.chance.random() < 0.03:
                    call = asyncio.create_task(story.change())
                    await asyncio.sleep(story.chance.choice([0, 0, 0.0005, 0.002]))
                    call.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await call
                    num_cancels += 1
                    await story.learn()
                else:
                    await story.change()

        with server.client() as raw:
            async with AsyncCryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
                stories = [Story(system, number) for number in range(NUM_TASKS)]
                telling = asyncio.gather(*map(tell, stories))
                while not telling.done():
                    num_kills += raw.client_kill_filter(_type="normal")
                    await asyncio.sleep(0.02)
                await telling
                assert await system.verify() == []
                return sum(story.num_answers for story in stories)

    with asyncio.Runner(loop_factory=loop) as runner:
        num_answers = runner.run(main())
    assert num_answers > 1000
    assert num_kills > 20
    assert num_cancels > 50
    with server.client() as raw:
        assert_consistent(raw, namespace)
