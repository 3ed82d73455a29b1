"""Writes the sync API, cryptoorders_redis/system.py, from the async API, cryptoorders_redis/aio.py.

Run `python -m tools.generate_sync` to write it. With `--check` nothing is written: the exit code is 1 if the
file is stale. Where the two APIs differ by more than `await` and names, REPLACEMENTS says so.
"""

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "cryptoorders_redis"
ASYNC_API = PACKAGE / "aio.py"
SYNC_API = PACKAGE / "system.py"

STALE = "system.py is not what aio.py generates: edit aio.py only, then run `make generate`"

NAMES = {
    "AsyncCryptoOrderSystem": "CryptoOrderSystem",
    "AsyncUserOrders": "UserOrders",
    "AsyncClusterConnections": "ClusterConnections",
    "AsyncConnections": "Connections",
    "AsyncDriver": "Driver",
    "AsyncGenerator": "Generator",
    "aio_cluster_connections": "cluster_connections",
    "aio_connections": "connections",
    "aio_driver": "driver",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "redis.asyncio": "redis",
}
"""Replaced wherever they stand as whole words: in code, in docstrings and in messages."""

REPLACEMENTS = (
    (
        '"""The async API. `make generate` writes the sync API, system.py, from this file."""',
        "# Generated from aio.py by tools/generate_sync.py: edit aio.py, then run `make generate`.\n"
        '"""The sync API."""',
    ),
    (
        """\
    One object serves any number of tasks of one event loop. All calls share two connections: one for short
    replies and one for long ones. `async with`, or else the first call, joins the namespace or creates it.
    A call that is cancelled may have taken effect or not. It never receives the reply to another call.
""",
        """\
    One object serves any number of threads, and a child process after a fork. All calls share at most 50
    connections. The constructor joins the namespace or creates it.
""",
    ),
    (
        """\
        >>> import asyncio
        >>> async def main():
        ...     async with AsyncCryptoOrderSystem(num_streams=3, url="memory://") as system:
        ...         await system.place("order1", "alice", "BTC", "0.5", 60_000)
        ...         await system.pause("order1")
        ...         return await system.display_all_live_orders()
        >>> asyncio.run(main())
        ['order1(paused)']
""",
        """\
        >>> system = CryptoOrderSystem(num_streams=3, url="memory://")
        >>> system.place("order1", "alice", "BTC", "0.5", 60_000)
        True
        >>> system.pause("order1")
        True
        >>> system.display_all_live_orders()
        ['order1(paused)']
""",
    ),
    (
        "Check the arguments. `async with` or the first call joins the namespace, or creates it.\n",
        "Join a namespace of orders, or create it.\n",
    ),
    (
        """\
            NoSuchNamespace: From `async with` or the first call: the namespace does not exist, and `create`
                is False.
            ConfigurationMismatch: From `async with` or the first call: the namespace has another
                num_streams or placement.
            SchemaVersionMismatch: From `async with` or the first call: this release does not know the
                schema version of the data.
""",
        """\
            NoSuchNamespace: The namespace does not exist, and `create` is False.
            ConfigurationMismatch: The namespace has another num_streams or placement.
            SchemaVersionMismatch: This release does not know the schema version of the data.
""",
    ),
    (
        """\
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncCryptoOrderSystem(url="memory://") as system:
            ...         for number in range(5):
            ...             await system.place(f"order{number}", "alice", "BTC", "0.5", 60_000)
            ...         page = [order async for order in system.live_orders(limit=2)]
            ...         following = system.live_orders(limit=2, after=page[-1].sequence)
            ...         return [order.order_id async for order in following]
            >>> asyncio.run(main())
""",
        """\
            >>> system = CryptoOrderSystem(url="memory://")
            >>> for number in range(5):
            ...     _ = system.place(f"order{number}", "alice", "BTC", "0.5", 60_000)
            >>> page = list(system.live_orders(limit=2))
            >>> [order.order_id for order in system.live_orders(limit=2, after=page[-1].sequence)]
""",
    ),
    # Faster than a loop. Async generators cannot delegate.
    (
        """\
                for order in page:
                    yield order
""",
        """\
                yield from page
""",
    ),
    (
        """\
                for change in page:
                    yield change
""",
        """\
                yield from page
""",
    ),
    (
        """\
        >>> import asyncio
        >>> async def main():
        ...     async with AsyncCryptoOrderSystem(url="memory://") as system:
        ...         alice = system.user("alice")
        ...         await alice.place("order1", "BTC", "0.5", 60_000)
        ...         return await alice.cancel_all()
        >>> asyncio.run(main())
        1
""",
        """\
        >>> alice = CryptoOrderSystem(url="memory://").user("alice")
        >>> alice.place("order1", "BTC", "0.5", 60_000)
        True
        >>> alice.cancel_all()
        1
""",
    ),
)
"""Pairs of what the async API says and what the sync API says instead. Each must occur exactly once."""


def generate(async_source: str) -> str:
    """Return the sync API's source.

    Raises:
        ValueError: a replacement does not occur exactly once, or an async word was not replaced.
    """
    source = async_source
    for old, new in REPLACEMENTS:
        if source.count(old) != 1:
            raise ValueError(f"a replacement occurs {source.count(old)} times, not once: {old!r}")
        source = source.replace(old, new)
    source = _without_async(source)
    words = re.compile(r"\b(" + "|".join(map(re.escape, NAMES)) + r")\b")
    source = words.sub(lambda word: NAMES[word[0]], source)
    if left := re.search(r".*(\b|_)(async|await|asyncio)(\b|_).*|.*Async[A-Z].*", source):
        raise ValueError(f"the sync API would still speak of async, add a replacement: {left[0].strip()!r}")
    return _formatted(source)


def _without_async(source: str) -> str:
    """Remove the keywords `async` and `await`, each with the blanks that follow it."""
    lines = source.splitlines(keepends=True)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    keywords = [token for token in tokens if token.string in ("async", "await")]
    for keyword in reversed(keywords):  # from the end, so that the positions before it stay right
        row, column = keyword.start[0] - 1, keyword.start[1]
        lines[row] = lines[row][:column] + lines[row][keyword.end[1] :].lstrip(" ")
    return "".join(lines)


def _formatted(source: str) -> str:
    for what in (("check", "--select", "I", "--fix", "--quiet"), ("format",)):
        command = [sys.executable, "-m", "ruff", *what, "--stdin-filename", str(SYNC_API), "-"]
        source = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    return source


def main(arguments: list[str]) -> None:
    generated = generate(ASYNC_API.read_text())
    if arguments == ["--check"]:
        if SYNC_API.read_text() != generated:
            sys.exit(STALE)
    elif arguments:
        sys.exit("usage: python -m tools.generate_sync [--check]")
    else:
        SYNC_API.write_text(generated)


if __name__ == "__main__":
    main(sys.argv[1:])
