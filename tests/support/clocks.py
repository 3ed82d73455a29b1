"""A server's clock that a test moves: scripts and snapshots read a list of seconds and microseconds."""

import shutil
from datetime import datetime
from pathlib import Path

import redis

from cryptoorders_redis.order import EPOCH
from tests.support.servers import REPOSITORY

CLOCK = "{clock}:of-the-tests"


def scripts_by_a_clock(tmp_path: Path, key: str = CLOCK) -> Path:
    """Return a copy of the library's scripts that read the clock at a key; it must be set before."""
    folder = shutil.copytree(REPOSITORY / "lua", tmp_path / "lua-by-a-clock")
    count = 0
    for path in folder.rglob("*.lua"):
        text = path.read_text()
        count += text.count("redis.call('TIME')")
        path.write_text(text.replace("redis.call('TIME')", f"redis.call('LRANGE', '{key}', 0, 1)"))
    assert count >= 2
    return folder


def read_clock(key: str = CLOCK) -> tuple[str, str, int, int]:
    """Return the command that a snapshot sends in place of TIME."""
    return ("LRANGE", key, 0, 1)


def set_clock(raw: redis.Redis, now: datetime, key: str = CLOCK) -> None:
    """Set the clock."""
    microseconds = (now - EPOCH).total_seconds() * 1_000_000
    with raw.pipeline() as pipe:
        pipe.delete(key)
        pipe.rpush(key, int(microseconds) // 1_000_000, int(microseconds) % 1_000_000)
        pipe.execute()
