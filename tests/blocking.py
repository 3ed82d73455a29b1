"""The asynchronous face behind blocking calls, so that one suite of tests proves both."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import redis.asyncio

from cryptoorders_redis import AsyncCryptoOrderSystem

RUNNER = asyncio.Runner()
"""The event loop of all of them; a fixture closes it at the end."""


class _Blocking:
    """Whatever the wrapped object has to await is run to its end."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._wrapped, name)
        if not callable(attribute):
            return attribute

        def call(*args: object, **kwargs: object) -> Any:
            answer = attribute(*args, **kwargs)
            if inspect.iscoroutine(answer):
                return RUNNER.run(answer)
            if isinstance(answer, AsyncIterator):
                return self._each(answer)
            return _Blocking(answer)

        return call

    def _each(self, answers: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(answers, None)

        while (answer := RUNNER.run(following())) is not None:
            yield answer


class BlockingSystem(_Blocking):
    """An AsyncCryptoOrderSystem, opened and closed where a CryptoOrderSystem would be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        async def opened() -> AsyncCryptoOrderSystem:
            return await AsyncCryptoOrderSystem(*args, **kwargs).__aenter__()

        super().__init__(RUNNER.run(opened()))

    def close(self) -> None:
        RUNNER.run(self._wrapped.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BlockingClient(redis.asyncio.Redis):
    """A client to hand in to an AsyncCryptoOrderSystem, which its test closes."""

    def close(self) -> None:  # type: ignore[override]
        RUNNER.run(self.aclose())
