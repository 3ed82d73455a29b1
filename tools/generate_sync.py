"""Writes the sync API from the async API: cryptoorders_redis/system.py from aio.py, and so on.

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

MODULES = {
    "aio.py": "system.py",
    "aio_intake.py": "intake.py",
    "workers/aio_worker.py": "workers/worker.py",
}
"""Each module of the async API, and the module of the sync API that is written from it."""

NAMES = {
    "AsyncCryptoOrderSystem": "CryptoOrderSystem",
    "AsyncUserOrders": "UserOrders",
    "AsyncIntake": "Intake",
    "AsyncWorker": "Worker",
    "AsyncPause": "Pause",
    "AsyncClusterConnections": "ClusterConnections",
    "AsyncConnections": "Connections",
    "AsyncDriver": "Driver",
    "AsyncGenerator": "Generator",
    "aio_cluster_connections": "cluster_connections",
    "aio_connections": "connections",
    "aio_driver": "driver",
    "aio_intake": "intake",
    "aio_pause": "pause",
    "aio": "system",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "redis.asyncio": "redis",
}
"""Replaced wherever they stand as whole words: in code, in docstrings and in messages."""

_OF_SYSTEM = (
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
_OF_INTAKE = (
    (
        '"""The intake of the async API. `make generate` writes intake.py from this file."""',
        "# Generated from aio_intake.py by tools/generate_sync.py: edit that, then run `make generate`.\n"
        '"""The intake of the sync API."""',
    ),
)

_OF_WORKER = (
    (
        '"""The worker of the async API. `make generate` writes worker.py from this file."""',
        "# Generated from aio_worker.py by tools/generate_sync.py: edit that, then run `make generate`.\n"
        '"""The worker of the sync API."""',
    ),
    (
        """\
        >>> import asyncio
        >>> from cryptoorders_redis import AsyncCryptoOrderSystem, Event
        >>> async def main():
        ...     async with AsyncCryptoOrderSystem(url="memory://") as system:
        ...         await system.submit(Event("pause", "alice", 2_000, "order1"))
        ...         await system.submit(Event("place", "alice", 1_000, "order1", "BTC", "0.5", 60_000))
        ...         await system.intake.flush()
        ...         await AsyncWorker(system).run_until_empty()
        ...         return await system.display_all_live_orders()
        >>> asyncio.run(main())
        ['order1(paused)']
""",
        """\
        >>> from cryptoorders_redis import CryptoOrderSystem, Event
        >>> system = CryptoOrderSystem(url="memory://")
        >>> system.submit(Event("pause", "alice", 2_000, "order1"))
        <Submission.ACCEPTED: 'ACCEPTED'>
        >>> system.submit(Event("place", "alice", 1_000, "order1", "BTC", "0.5", 60_000))
        <Submission.ACCEPTED: 'ACCEPTED'>
        >>> system.intake.flush()
        >>> Worker(system).run_until_empty()
        2
        >>> system.display_all_live_orders()
        ['order1(paused)']
""",
    ),
)

REPLACEMENTS = {"aio.py": _OF_SYSTEM, "aio_intake.py": _OF_INTAKE, "workers/aio_worker.py": _OF_WORKER}
"""Of each module pairs of what it says and what the sync API says instead. Each must occur exactly once."""


def generate(module: str, async_source: str) -> str:
    """Return the source of the sync API's module for a module of the async API.

    Raises:
        ValueError: a replacement does not occur exactly once, or an async word was not replaced.
    """
    source = async_source
    for old, new in REPLACEMENTS[module]:
        if source.count(old) != 1:
            raise ValueError(f"a replacement occurs {source.count(old)} times, not once: {old!r}")
        source = source.replace(old, new)
    source = _without_async(source)
    words = re.compile(r"\b(" + "|".join(map(re.escape, NAMES)) + r")\b")
    source = words.sub(lambda word: NAMES[word[0]], source)
    if left := re.search(r".*(\b|_)(async|await|asyncio)(\b|_).*|.*Async[A-Z].*", source):
        raise ValueError(f"the sync API would still speak of async, add a replacement: {left[0].strip()!r}")
    return _formatted(PACKAGE / MODULES[module], source)


def _without_async(source: str) -> str:
    """Remove the keywords `async` and `await`, each with the blanks that follow it."""
    lines = source.splitlines(keepends=True)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    keywords = [token for token in tokens if token.string in ("async", "await")]
    for keyword in reversed(keywords):  # from the end, so that the positions before it stay right
        row, column = keyword.start[0] - 1, keyword.start[1]
        lines[row] = lines[row][:column] + lines[row][keyword.end[1] :].lstrip(" ")
    return "".join(lines)


def _formatted(path: Path, source: str) -> str:
    for what in (("check", "--select", "I", "--fix", "--quiet"), ("format",)):
        command = [sys.executable, "-m", "ruff", *what, "--stdin-filename", str(path), "-"]
        source = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    return source


def main(arguments: list[str]) -> None:
    if arguments not in ([], ["--check"]):
        sys.exit("usage: python -m tools.generate_sync [--check]")
    for async_name, sync_name in MODULES.items():
        generated = generate(async_name, (PACKAGE / async_name).read_text())
        path = PACKAGE / sync_name
        if not arguments:
            path.write_text(generated)
        elif path.read_text() != generated:
            sys.exit(f"{sync_name} is not what {async_name} generates: edit that, then run `make generate`")


if __name__ == "__main__":
    main(sys.argv[1:])
