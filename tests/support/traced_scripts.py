"""Changes the scripts that the library sends: to have their commands traced, or strict rules applied."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import redis

from cryptoorders_redis.schema import scripts
from cryptoorders_redis.transport import resp

_TRACER = """
local redis = (function(redis)
  local list = 'trace' .. string.match(KEYS[1], '^{.-}')
  local namespace = string.match(KEYS[1], '^({[^:}]+)')
  redis.call('RPUSH', list, cjson.encode({'SCRIPT', KEYS}))
  local function traced(call)
    return function(...)
      local reply = call(...)
      local keys, are_gone = {}, {}
      for i = 2, select('#', ...) do
        local word = tostring(select(i, ...))
        if string.sub(word, 1, #namespace) == namespace then
          keys[#keys + 1], are_gone[#are_gone + 1] = word, redis.call('EXISTS', word) == 0
        end
      end
      redis.call('RPUSH', list, cjson.encode({(select(1, ...)), keys, are_gone}))
      return reply
    end
  end
  return setmetatable({call = traced(redis.call), pcall = traced(redis.pcall)}, {__index = redis})
end)(redis)
"""
"""Writes each command of a script to a list in its slot: its name, its keys, and whether each is gone now."""


class Traced(NamedTuple):
    """One command of a script."""

    command: str
    keys: list[str]
    are_gone: list[bool]


class Run(NamedTuple):
    """One run of a script."""

    declared: list[str]
    commands: list[Traced]


def change_scripts(monkeypatch: pytest.MonkeyPatch, change: Callable[[str, str], str]) -> None:
    """Have each script of lua/cluster/ and of the repair changed, by its name and text, before it is sent."""
    original = scripts.resolve_includes

    def resolve_includes(name: str, folder: Any) -> str:
        text = original(name, folder)
        return change(name, text) if name.startswith(("cluster/", "mend_")) else text

    monkeypatch.setattr(scripts, "resolve_includes", resolve_includes)
    changed = dict[str, scripts.Script]()

    def script(name: str) -> scripts.Script:
        if name not in changed:
            changed[name] = scripts.script.__wrapped__(name)
        return changed[name]

    monkeypatch.setattr(resp, "script", script)
    # Without its cache.
    monkeypatch.setattr(resp, "_head", getattr(resp._head, "__wrapped__", resp._head))


def with_trace(text: str) -> str:
    """Return a script that traces itself."""
    return _TRACER + text


def runs_in(client: redis.RedisCluster, slots: list[str]) -> Iterator[Run]:
    """Yield what the traced scripts have run in these slots, and delete it."""
    for slot in slots:
        run: Run | None = None
        for line in client.lrange("trace" + slot, 0, -1):
            name, *rest = json.loads(line)
            if name == "SCRIPT":
                if run:
                    yield run
                run = Run(list(rest[0]), [])
            else:
                assert run
                run.commands.append(Traced(name, list(rest[0]), list(rest[1])))
        if run:
            yield run
        client.delete("trace" + slot)


READS = {
    "EXISTS", "GET", "HEXISTS", "HGET", "HMGET", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "ZMSCORE",
    "ZCARD", "ZRANGE", "ZRANGEBYSCORE", "ZSCORE",
}  # fmt: skip
WRITES = {
    "DEL", "EXPIRE", "HDEL", "HINCRBY", "HSET", "INCR", "PERSIST", "SADD", "SET", "SETEX", "SREM", "UNLINK",
    "XADD", "XTRIM", "ZADD", "ZREM",
}  # fmt: skip


def breaches_in(run: Run) -> list[str]:
    """Return how a run of a script breaks the rule for keys on a Redis Cluster.

    Each key is declared, or it is read before the script's first write: then a server whose slot is on its
    way can only stop a script that has written nothing. And no key is touched after a command has removed it,
    for such a key is sought in the other node.
    """
    found: list[str] = []
    read: set[str] = set()
    gone: set[str] = set()
    has_written = False
    for command, keys, are_gone in run.commands:
        assert not keys or command in READS | WRITES, f"{command} is neither known to read nor to write"
        for key, is_gone in zip(keys, are_gone, strict=True):
            kind = re.sub(r"^\{.*?\}:?", "", key)
            if key not in run.declared and key not in read and (has_written or command in WRITES):
                found.append(f"{command} {kind}: not declared, and not read before the first write")
            if key in gone:
                found.append(f"{command} {kind}: touched again after it was emptied")
            if command in READS and not has_written:
                read.add(key)
            if command in WRITES and is_gone:
                gone.add(key)
        has_written = has_written or command in WRITES
    return found
