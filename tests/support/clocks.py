"""A server's clock that a test moves: scripts and snapshots read it in a list, as TIME would say it."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis

from cryptoorders_redis.order import EPOCH
from tests.support.servers import REPOSITORY


class Clock:
    """A clock that stands until it is moved.

    Attributes:
        now: what it says.
        command: what a snapshot sends in place of TIME.
        scripts: a copy of the library's scripts that read it.
    """

    def __init__(self, raw: redis.Redis, key: str, folder: Path) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.command = ("LRANGE", key, 0, 1)
        self.scripts = shutil.copytree(REPOSITORY / "lua", folder / "lua-by-a-clock")
        self._raw, self._key = raw, key
        for path in self.scripts.rglob("*.lua"):
            text = path.read_text().replace("redis.call('TIME')", f"redis.call('LRANGE', '{key}', 0, 1)")
            path.write_text(text)
        self.tick(0)

    def tick(self, seconds: float) -> None:
        """Move the clock."""
        self.now += timedelta(seconds=seconds)
        number = (self.now - EPOCH) // timedelta(microseconds=1)
        with self._raw.pipeline() as pipe:
            pipe.delete(self._key)
            pipe.rpush(self._key, number // 1_000_000, number % 1_000_000)
            pipe.execute()

    def break_script(self, file: str, good: str, bad: str) -> None:
        """Plant a bug in the scripts."""
        path = self.scripts / file
        text = path.read_text()
        assert text.count(good) == 1, (file, good)
        path.write_text(text.replace(good, bad))

    def remove(self) -> None:
        """Remove it from the server."""
        self._raw.delete(self._key)
