"""One task looks at the store, for all viewers, while there are any."""

import asyncio
import contextlib
import json
import time
import tracemalloc
from itertools import pairwise

import pytest

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem
from cryptoorders_redis.web import application, delivery, looks


class Viewer:
    """A viewer of an application that is called as a server calls it."""

    def __init__(self, app):
        self.messages = []
        self.slow = asyncio.Event()
        self.slow.set()
        self._gone = asyncio.Event()
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
            "method": "GET", "scheme": "http", "path": "/looks", "raw_path": b"/looks", "root_path": "",
            "query_string": b"", "headers": [(b"host", b"localhost")], "client": None, "server": None,
        }  # fmt: skip
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        await self.slow.wait()
        if message["type"] == "http.response.body":
            self.messages.append(message["body"])

    def events(self, name):
        """Return what the messages with a name hold."""
        lines = b"".join(self.messages).decode().split("\n\n")
        begin = f"event: {name}\ndata: "
        return [json.loads(line.removeprefix(begin)) for line in lines if line.startswith(begin)]

    async def until(self, number, name="look"):
        async with asyncio.timeout(60):
            while len(self.events(name)) < number:
                await asyncio.sleep(0.02)

    async def leave(self):
        self._gone.set()
        await self.task


@pytest.fixture
def quick(monkeypatch):
    """Ten looks a second."""
    monkeypatch.setattr(looks, "INTERVAL_SECONDS", 0.1)


@pytest.fixture
def store(own_server):
    server = own_server()
    with CryptoOrderSystem(3, url=server.url) as system:
        system.configure(feed=100)
        system.place("order1", "alice", "BTC", "0.5", 60_000)
    return server


@contextlib.asynccontextmanager
async def application_of(server):
    async with AsyncCryptoOrderSystem(url=server.url, create=False, deadline_seconds=0) as system:
        yield application(system)


def commands(server):
    """How many commands the server has carried out for its clients, those of scripts left out."""
    with server.client() as raw:
        return raw.info("stats")["total_commands_processed"]


def other_tasks():
    return asyncio.all_tasks() - {asyncio.current_task()}


def test_a_look_has_the_numbers_of_the_store(store, quick):
    async def main():
        async with application_of(store) as app:
            viewer = Viewer(app)
            await viewer.until(2)
            await viewer.leave()
            return viewer

    viewer = asyncio.run(main())
    look = viewer.events("look")[1]
    assert (look["active"], look["paused"], look["streams"]["number"]) == (1, 0, 3)
    assert look["streams"]["busiest"][0][1:] == [1, 0, 0]
    assert look["point"][1:] == [1, 0, 0, 0]
    assert look["newest"][0]["order_id"] == "order1"
    assert viewer.messages[0].startswith(b"retry: 500\n\nevent: past\ndata: [")


def test_twenty_viewers_cost_the_store_what_one_does(store, quick):
    async def cost_of(app, number):
        viewers = [Viewer(app) for _ in range(number)]
        await viewers[0].until(2)
        began, seen = commands(store), len(viewers[0].events("look"))
        await viewers[0].until(seen + 10)
        cost = (commands(store) - began) / (len(viewers[0].events("look")) - seen)
        for viewer in viewers:
            assert viewer.events("look")
            await viewer.leave()
        return cost

    async def main():
        async with application_of(store) as app:
            return await cost_of(app, 1), await cost_of(app, 20)

    one, twenty = asyncio.run(main())
    assert one > 1
    assert twenty == pytest.approx(one, rel=0.35)


def test_viewers_that_go_away_leave_no_task(store, quick):
    async def main():
        async with application_of(store) as app:
            before = other_tasks()
            viewers = [Viewer(app) for _ in range(3)]
            await viewers[2].until(2)
            running = other_tasks() - before
            assert len([task for task in running if task.get_name().endswith("looks")]) == 1
            for viewer in viewers:
                await viewer.leave()
            await asyncio.sleep(0.05)
            idle = commands(store)
            await asyncio.sleep(0.5)
            # asking how many there are is one of them, and naming the client may be another
            assert commands(store) - idle <= 4
            return {task for task in other_tasks() - before if "looks" in task.get_name()}

    assert asyncio.run(main()) == set()


def test_a_slow_viewer_gets_the_newest_look_and_no_queue(store, quick):
    async def main():
        async with application_of(store) as app:
            slow, quick_one = Viewer(app), Viewer(app)
            await slow.until(1)
            slow.slow.clear()
            before = len(slow.events("look"))
            await quick_one.until(len(quick_one.events("look")) + 12)
            newest = quick_one.events("look")[-1]["at"]
            slow.slow.set()
            await slow.until(before + 2)
            seen = slow.events("look")[before + 1]["at"]
            await slow.leave()
            await quick_one.leave()
            return newest, seen

    newest, seen = asyncio.run(main())
    assert seen >= newest


def test_a_viewer_that_takes_nothing_is_given_up(store, quick, monkeypatch):
    monkeypatch.setattr(delivery, "SEND_SECONDS", 0.2)

    async def main():
        async with application_of(store) as app:
            stuck = Viewer(app)
            await stuck.until(1)
            stuck.slow.clear()
            await asyncio.wait_for(stuck.task, 5)

    asyncio.run(main())


def test_a_viewer_that_is_stuck_ends_with_the_server(store, quick, monkeypatch):
    async def main():
        async with application_of(store) as app:
            stuck = Viewer(app)
            await stuck.until(1)
            stuck.slow.clear()
            await asyncio.sleep(0.3)
            monkeypatch.setattr(delivery, "is_server_stopping", lambda: True)
            stuck.task.cancel()  # as uvicorn does when it has waited long enough
            await stuck.task  # it would print a traceback for what this raises

    asyncio.run(main())


def test_an_answer_ends_when_its_lifetime_is_over(store, quick, monkeypatch):
    monkeypatch.setattr(delivery, "LIFETIME_SECONDS", 0.5)

    async def main():
        async with application_of(store) as app:
            first = Viewer(app)
            await asyncio.wait_for(first.task, 5)
            second = Viewer(app)
            await second.until(1)
            await second.leave()
            return len(first.events("look")), second.events("past")[0], second.events("look")[0]

    number, past, look = asyncio.run(main())
    assert number > 2
    assert len(past) >= number, "the plot goes back to before the viewer came"
    assert look["point"][2] is not None, "a viewer that comes again meets no gap"


def test_an_outage_is_told_and_so_is_its_end(store, quick):
    async def main():
        async with application_of(store) as app:
            viewer = Viewer(app)
            await viewer.until(1)
            await asyncio.to_thread(store.kill)
            await viewer.until(2, "failure")
            before = len(viewer.events("look"))
            await asyncio.to_thread(store.start)
            await viewer.until(before + 2)
            await viewer.leave()
            return [failure["error"] for failure in viewer.events("failure")]

    assert "redis.sock" in asyncio.run(main())[-1]


def test_while_the_store_hangs_viewers_get_a_heartbeat(store, quick, monkeypatch):
    monkeypatch.setattr(delivery, "HEARTBEAT_SECONDS", 0.3)

    async def main():
        async with application_of(store) as app:
            viewer = Viewer(app)
            await viewer.until(1)
            store.stop_answering()
            async with asyncio.timeout(5):
                while b": still here\n\n" not in viewer.messages:
                    await asyncio.sleep(0.02)
            store.go_on()
            await viewer.leave()

    asyncio.run(main())


def test_a_thousand_streams_make_no_long_message(own_server):
    server = own_server()
    with CryptoOrderSystem(1024, url=server.url) as system:
        system.place_many([(f"order{n}", f"user{n}", "BTC", 1, 2) for n in range(2000)])

    async def main():
        async with application_of(server) as app:
            viewer = Viewer(app)
            await viewer.until(1)
            await viewer.leave()
            return viewer.events("look")[0], max(map(len, viewer.messages))

    look, longest = asyncio.run(main())
    assert look["streams"]["number"] == 1024
    assert len(look["streams"]["busiest"]) == 10
    assert longest < 10_000


class Ends:
    """When each summary was there."""

    def __init__(self):
        self.times = []

    def call(self, info):
        if info.name == "summary":
            self.times.append(time.monotonic())


def test_after_a_slow_look_the_next_one_is_not_too_soon(store, monkeypatch):
    monkeypatch.setattr(looks, "INTERVAL_SECONDS", 0.4)
    ends = Ends()

    async def main():
        async with AsyncCryptoOrderSystem(url=store.url, create=False, observer=ends) as system:
            viewer = Viewer(application(system))
            await viewer.until(1)
            store.stop_answering()
            await asyncio.sleep(0.8)
            store.go_on()
            await viewer.until(4)
            await viewer.leave()

    asyncio.run(main())
    assert min(after - before for before, after in pairwise(ends.times)) > 0.19


def test_memory_stays_flat(store):
    async def main():
        async with AsyncCryptoOrderSystem(url=store.url, create=False) as system:
            hub = looks.Looks(system)

            async def look(times):
                for _ in range(times):
                    hub._publish(await hub._look())
                return tracemalloc.get_traced_memory()[0]

            tracemalloc.start()
            try:
                full = await look(looks.KEPT_SECONDS + 20)
                return await look(600) - full
            finally:
                tracemalloc.stop()

    assert asyncio.run(main()) < 100_000  # the points of 600 looks have 120 kB
