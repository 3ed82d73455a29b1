"""What the Lua scripts' headers say, and what Python has sent to the scripts."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import redis

from cryptoorders_redis import CryptoOrderSystem, Event, NewOrder, Worker
from cryptoorders_redis.operations import copying
from cryptoorders_redis.schema.copies import CopiedOrder
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.schema.records import encode_record
from cryptoorders_redis.schema.scripts import script
from tests.support.consistency import Client, Names
from tests.support.model import live_order
from tests.support.recording import commands_in
from tests.support.servers import REPOSITORY

LUA = REPOSITORY / "lua"

STANDALONE_SCRIPTS = sorted(path.stem for path in LUA.glob("*.lua"))
"""Some of them are for Redis Cluster too."""

CLUSTER_SCRIPTS = sorted(f"cluster/{path.stem}" for path in (LUA / "cluster").glob("*.lua"))

SCRIPTS = STANDALONE_SCRIPTS + CLUSTER_SCRIPTS

USER, ORDER = "{u}:user:\n", "{o}:orders"

NEVER = datetime(2999, 1, 1, tzinfo=UTC)

NEVER_EXPIRES = datetime(2200, 1, 1, tzinfo=UTC)


OF_DEADLINES: dict[str, Callable[[str], object]] = {
    "timed": lambda text: text == "" or 1 <= int(text) <= 9,
    "expires_at": lambda text: text in ("", "+1") or re.fullmatch(r"7\d{15}", text),
    "microseconds": {"60000000", "0"}.__contains__,
}
"""The kinds of arguments about deadlines."""

OF_THE_INTAKE: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(("window", "quiet"), "5000000".__eq__),
    "ahead": "60000000".__eq__,
    "room": "100000".__eq__,
    "late": "apply".__eq__,
    "remember": "3600000000".__eq__,
    "events": lambda text: text.isdigit() or text in {"e1", "e2", "e3", "e9"} or "op" in json.loads(text),
    "wanted": lambda text: text.isdigit() or text == "e3",
    "event_ids": "e1".__eq__,
    "worker": str.isprintable,
    "dead_after": "3000000".__eq__,
    "is_ending": {"", "1"}.__contains__,
    "newest": re.compile(r"-1|\d+").fullmatch,
}
"""The kinds of arguments that only the scripts of the intake have."""

OF_REPAIR: dict[str, Callable[[str], object]] = {
    "is_dry": "".__eq__,
    "kind": "zset".__eq__,
    "settings_epoch": re.compile(r"0|\d{16}").fullmatch,
    "new_entry": re.compile(r"[0-6]?").fullmatch,
    "entry": re.compile(r"[0-6]?( [\w-]+)?").fullmatch,
    "number": "".__eq__,
    "is_paused": "".__eq__,
    "op": {"", "cancel", "left"}.__contains__,
    "announced": {"", "1"}.__contains__,
    "sets": "".__eq__,
    "member": "none".__eq__,
    "field": {"late", "epoch"}.__contains__,
    "event_id": "e9".__eq__,
}
"""The kinds of arguments that only the scripts of the repair have."""


class Run(NamedTuple):
    """A run of a script, as it was sent."""

    script: str
    keys: list[bytes]
    args: list[bytes]


def header(name: str, field: str) -> list[str]:
    """Return the words after `--- FIELD:`; what is in parentheses is a remark."""
    text = (LUA / f"{name}.lua").read_text()
    lines = re.findall(rf"^--- {field}:(.*(?:\n--- [^@A-Z].*)*)$", text, re.MULTILINE)
    assert len(lines) == 1, f"{name}.lua must have one line --- {field}:"
    return re.sub(r"\(.*?\)|--- ", "", lines[0], flags=re.DOTALL).split()


def unpacked(name: str, table: str) -> list[str]:
    """Return the names that the code gives to KEYS or ARGV in their order, `name...` for the rest."""
    code = re.sub(r"--.*", "", (LUA / f"{name}.lua").read_text())
    forms = (
        rf"^local (?P<fixed>[\w, \n]+) =\s+unpack\({table}(?:, 1, (?P<last>\d+))?\)$",
        rf"^local (?P<first>\w+) = {table}\[1\]$",
        rf"^local (?P<rest>\w+)(?:, first\w*)? = "
        rf"(?:\{{unpack\({table}, (?P<from>\d+)\)\}}|{table}, (?P<at>\d+))$",
    )
    names: list[str] = []
    mentions = 0
    for form in forms:
        for found in re.finditer(form, code, re.MULTILINE):
            mentions += 1
            groups = found.groupdict()
            if fixed := groups.get("fixed"):
                words = re.split(r",\s+", fixed)
                assert groups["last"] in (None, str(len(words))), name
                names += words
            elif first := groups.get("first"):
                names.append(first)
            else:
                assert int(groups["from"] or groups["at"]) == len(names) + 1, name
                names.append(f"{groups['rest']}...")
    rest = re.findall(rf"^local (\w+) = {table}$", code, re.MULTILINE)
    assert len(re.findall(rf"\b{table}\b", code)) == mentions + len(rest), name
    return [*names, *(f"{word}..." for word in rest)]


def runs_in(sent: bytes) -> list[Run]:
    """Return each run of a script in bytes that were sent."""
    names = {script(name).sha: name for name in SCRIPTS} | {script(name).source: name for name in SCRIPTS}
    runs: list[Run] = []
    for command in commands_in(sent):
        if command[0] in (b"EVALSHA", b"EVAL"):
            first_arg = 3 + int(command[2])
            runs.append(Run(names[command[1]], command[3:first_arg], command[first_arg:]))
    return runs


def named(names: list[str], values: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Return each value with its name; a name with dots behind it takes all that are left."""
    if names and names[-1].endswith("..."):
        rest = names[-1][:-3]
        names = [*names[:-1], *[rest] * max(0, len(values) - len(names) + 1)]
    assert len(names) == len(values)
    return list(zip(names, values, strict=True))


def matches(pattern: str) -> Callable[[str], object]:
    """Return what a text is checked with that must match a pattern."""
    return re.compile(pattern, re.DOTALL).fullmatch


def assert_named(
    name: str, values: Sequence[tuple[str, bytes]], kinds: Mapping[str, Callable[[str], object]]
) -> None:
    """Fail unless each value that was sent to a script is of the kind that the script's header says."""
    for kind, value in values:
        assert kinds[kind](value.decode()), (name, kind, value)


def is_record(text: str) -> bool:
    """Return whether a text is a record of a new order."""
    return json.loads(text).keys() == {"user_id", "currency", "amount", "price"}


def at_full_memory_refuses_transactions(raw: redis.Redis) -> bool:
    """Return whether this server refuses an EXEC that only reads: `snapshot` is there for that."""
    with raw.pipeline() as pipe:
        pipe.exists("nothing")
        try:
            pipe.execute()
        except redis.RedisError:
            return True
    return False


def make_every_call(system: CryptoOrderSystem) -> None:
    """Make each call that changes or reads orders, and leave one order of the user."""
    user = system.user(USER)
    system.place(ORDER, USER, "BTC", 1, 1)
    system.place(ORDER, USER, "BTC", 1, 1)
    user.place(ORDER + "2", "BTC", 1, 1)
    for api in (system, user):
        api.pause(ORDER)
        api.resume(ORDER)
        api.pause(ORDER)
        api.cancel(ORDER)
        system.place(ORDER, USER, "BTC", 1, 1)
    system.configure(feed=50)
    system.get(ORDER)
    have_deadlines(system)
    user.amend(ORDER, amount=2)
    user.reduce(ORDER, 1)
    many = [(ORDER + "2", USER, "BTC", 1, 1), (ORDER, USER, "BTC", 1, 1)]
    system.place_many(many)
    for change_many in (system.pause_many, system.resume_many, system.cancel_many):
        change_many([ORDER + "2"])
    list(system.live_orders())
    list(system.live_orders(user_id=USER))
    list(system.live_orders(after=live_order(system, ORDER).sequence, placed_before=NEVER, limit=3))
    system.summary()
    system.metrics()
    system.stats()
    system.display_all_live_orders()
    user.display_all_live_orders()
    take_events(system)
    system.verify()


def have_deadlines(system: CryptoOrderSystem) -> None:
    """Make each call about deadlines, and let some pass."""
    system.cancel(ORDER + "2")
    assert system.place(ORDER + "2", USER, "BTC", 1, 1, expires_at=NEVER_EXPIRES)
    system.cancel(ORDER + "2")
    system.cancel_all_after(USER, 60)
    system.cancel_all_deadline(USER)
    system.cancel_all_after(USER, 0)
    assert system.place_many([(ORDER + "2", USER, "BTC", 1, 1, None, timedelta(microseconds=1))]) == [True]
    assert system.get(ORDER + "2") is None
    system.user(USER).place(ORDER + "2", "BTC", 1, 1)


def take_events(system: CryptoOrderSystem) -> None:
    """Make each call of the intake. The events place one order of the user, unless it is there."""
    system.intake.configure(window=5)
    system.submit_many([pause_event(1), Event("place", USER, 2, ORDER, "BTC", 1, 1, "e2")])
    system.submit(Event("pause", USER, 8_000_000_000_000, ORDER, event_id="e3"))
    system.intake.resubmit(["e3"])
    system.intake.flush()
    Worker(system).run_until_empty()
    system.outcome("e1", USER)
    system.intake.stats()
    system.intake.dead_letters()


def damage_and_repair(system: CryptoOrderSystem, raw: Client, namespace: str) -> None:
    """Damage something of each kind in a namespace of 7 streams with one order, and repair it."""
    stream, names = stream_of_user(USER, 7), Names(raw, namespace)
    slot = f"{{{namespace}:{stream}}}:"
    raw.hdel(names.directory_of(ORDER), ORDER)
    raw.zadd(f"{slot}due", {f"o:{ORDER}": 7e15, "none": 7e15})
    raw.set(names.sequence_of(stream), 1)
    raw.set(f"{slot}changed", 1)
    raw.set(f"{slot}waiting", "x")
    raw.hset(names.config, "most_streams", "x")
    system.repair()
    system.submit(pause_event(9))
    raw.zrem(f"{slot}waiting", "e9")
    raw.hset(f"{slot}intake", "late", "x")
    system.repair()
    assert system.verify() == []


def pause_event(number: int) -> Event:
    """Return an event of the user that changes nothing."""
    return Event("pause", USER, number, ORDER + "2", event_id=f"e{number}")


def copy_an_order(system: CryptoOrderSystem) -> None:
    """Make each call of a copy, into the namespace of a system that was dropped."""
    record = encode_record(NewOrder(ORDER, USER, "BTC", 1, 1))
    copied = [CopiedOrder(ORDER, USER, record, 17, is_paused=True)]
    system._run(copying.begin(system._store, system._store.settings))
    system._run(copying.write_orders(system._store, stream_of_user(USER, 7), 17, copied))
    system._run(copying.finish(system._store))
