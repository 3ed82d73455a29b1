"""The code that is explored: the scripts with a clock that stands still, and with changes that break them."""

import contextlib
import inspect
import shutil
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple
from unittest import mock

from cryptoorders_redis.schema import scripts
from cryptoorders_redis.transport import resp
from tests.support.servers import REPOSITORY

CLOCK = "clock"
"""The key that is the clock of the explored server, in microseconds since 1970."""

_TICK = f"string.format('%.0f', redis.call('INCR', '{CLOCK}'))"
"""What must not happen twice at one moment: namespaces and sessions are known by when they began."""


class Change(NamedTuple):
    """A text in a file of `lua/` that stands there once, and what replaces it."""

    file: str
    good: str
    bad: str


_FROZEN = (
    Change(
        "include/clock.lua",
        "local now = redis.call('TIME')\n  return string.format('%.0f', now[1] * 1000000 + now[2])",
        f"return redis.call('GET', '{CLOCK}')",
    ),
    Change(
        "include/next_sequence.lua",
        "local first = now[1] .. string.sub('000000', #now[2] + 1) .. now[2]",
        f"local first = redis.call('GET', '{CLOCK}')",
    ),
    Change("begin_sessions.lua", "clock_text()", _TICK),
    Change("include/next_epoch.lua", "clock_text()", _TICK),
)


@contextlib.contextmanager
def explored_scripts(*changes: Change) -> Iterator[Path]:
    """Let everything in this process run a copy of the scripts whose clock is a key. Gives the folder."""
    folder = Path(tempfile.mkdtemp(prefix="cor-"))
    try:
        lua = shutil.copytree(REPOSITORY / "lua", folder / "lua")
        for change in (*_FROZEN, *changes):
            text = (lua / change.file).read_text()
            assert text.count(change.good) == 1, change
            (lua / change.file).write_text(text.replace(change.good, change.bad))
        with mock.patch.object(scripts, "_folder", return_value=lua):
            _forget_scripts()
            yield lua
    finally:
        _forget_scripts()
        shutil.rmtree(folder)


def rewritten(function: Callable[..., Any], *changes: tuple[str, str]) -> Callable[..., Any]:
    """Return a function of the library with texts in it replaced, each of which stands there once."""
    assert isinstance(function, FunctionType)
    source = textwrap.dedent(inspect.getsource(function))
    for good, bad in changes:
        assert source.count(good) == 1, good
        source = source.replace(good, bad)
    known = dict(function.__globals__)
    exec(compile(f"from __future__ import annotations\n{source}", "rewritten", "exec"), known)
    return known[function.__name__]


def _forget_scripts() -> None:
    scripts.script.cache_clear()
    resp._head.cache_clear()
