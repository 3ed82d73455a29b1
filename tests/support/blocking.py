"""The async API behind blocking calls, so that one set of tests runs on both APIs."""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, Self

import redis.asyncio

from cryptoorders_redis import AsyncCryptoOrderSystem, AsyncIntake, AsyncWorker, CryptoOrderSystem, Worker


class EventLoop:
    """An event loop in its own thread. It runs on while a test awaits nothing, as in a real program."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._serve)
        self._ready = threading.Event()
        self._starting = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        with self._starting:
            if not self._ready.is_set():
                self._thread.start()
                self._ready.wait()
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._loop.call_soon(self._ready.set)
            self._loop.run_forever()


LOOP = EventLoop()
"""The loop of all blocking systems. A fixture closes it after the last test."""


class _Blocking:
    """Wraps an object: a call that returns a coroutine waits until it is done."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._wrapped, name)
        if isinstance(attribute, AsyncIntake):
            return _Blocking(attribute)
        if not callable(attribute):
            return attribute

        def call(*args: object, **kwargs: object) -> Any:
            answer = attribute(*args, **kwargs)
            if inspect.iscoroutine(answer):
                return LOOP.run(answer)
            if isinstance(answer, AsyncIterator):
                return self._each(answer)
            return _Blocking(answer)

        return call

    def _each(self, answers: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(answers, None)

        while (answer := LOOP.run(following())) is not None:
            yield answer


class BlockingSystem(_Blocking):
    """An AsyncCryptoOrderSystem that is opened and closed like a CryptoOrderSystem."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        async def opened() -> AsyncCryptoOrderSystem:
            return await AsyncCryptoOrderSystem(*args, **kwargs).__aenter__()

        super().__init__(LOOP.run(opened()))

    def close(self) -> None:
        LOOP.run(self._wrapped.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BlockingWorker(_Blocking):
    """An AsyncWorker that is run and stopped like a Worker."""

    def __init__(self, system: BlockingSystem, streams: Iterable[int] | None = None) -> None:
        super().__init__(AsyncWorker(system._wrapped, streams))

    def stop(self) -> None:
        async def stop() -> None:
            self._wrapped.stop()

        LOOP.run(stop())


def worker_of(
    system: CryptoOrderSystem | BlockingSystem, streams: Iterable[int] | None = None
) -> Worker | BlockingWorker:
    """Return a worker of the system's API."""
    if isinstance(system, BlockingSystem):
        return BlockingWorker(system, streams)
    return Worker(system, streams)


class BlockingClient(redis.asyncio.Redis):
    """A client for an AsyncCryptoOrderSystem. The test that hands it in closes it."""

    def close(self) -> None:  # type: ignore[override]
        LOOP.run(self.aclose())


class BlockingClusterClient(redis.asyncio.RedisCluster):
    """The same for a cluster. It is made in the loop, which it belongs to."""

    def close(self) -> None:  # type: ignore[override]
        LOOP.run(self.aclose())
