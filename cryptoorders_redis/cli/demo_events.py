"""The part of the demo that applies events which come out of order."""

import json
import secrets
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from rich.console import Console

from cryptoorders_redis.event import FIELDS, OPTIONAL_FIELDS, Event, Op
from cryptoorders_redis.replay.commands import parse_event, read_lines
from cryptoorders_redis.replay.runner import Replay
from cryptoorders_redis.system import CryptoOrderSystem
from cryptoorders_redis.workers.worker import Worker


def show_events(console: Console, file: Path, url: str, num_streams: int) -> None:
    """Submit the events of a file twice, apply them, and compare with the file in order."""
    with file.open("rb") as lines:
        events = [parse_event(line, str(number)) for number, line in enumerate(read_lines(lines))]
    times = [int(str(event.event_time)) for event in events]
    newest = list(accumulate(times, max))
    behind = sum(time < before for before, time in zip(newest, times[1:], strict=False))
    console.print(
        f"\n[bold]Events out of order[/]: {file.name}, {len(events)} lines, and {behind} of them come after "
        "an event that happened later"
    )
    with CryptoOrderSystem(num_streams, url=url, namespace=f"demo-events-{secrets.token_hex(4)}") as system:
        answers = Counter(system.submit_many(events * 2))
        system.intake.flush()
        applied = Worker(system).run_until_empty()
        listing = sorted(system.display_all_live_orders())
        system.drop()
    counts = ", ".join(f"{number} {answer.lower()}" for answer, number in answers.items())
    console.print(
        f"submitted twice: {counts}; a worker applied {applied}, each once, in the order of its time"
    )
    same = "the same orders" if listing == _replay_in_order(events) else "OTHER ORDERS"
    console.print(f"live are [bold]{same}[/] as by the calls in order:")
    console.print(", ".join(listing), markup=False, highlight=False)


def _replay_in_order(events: Sequence[Event]) -> list[str]:
    """Make the calls that the events ask for, each once and in order; return the listing, sorted."""
    ordered = sorted(events, key=lambda event: (event.event_time, event.event_id))
    once = [ordered[0], *(event for before, event in pairwise(ordered) if event != before)]
    with CryptoOrderSystem(url=f"memory://{secrets.token_hex(4)}") as system:
        assert not list(Replay(system).run(map(_command_line, once)))
        return sorted(system.display_all_live_orders())


def _command_line(event: Event) -> bytes:
    op = Op(event.op)
    fields = {name: getattr(event, name) for name in (*FIELDS[op], *OPTIONAL_FIELDS.get(op, ()))}
    given = {name: value for name, value in fields.items() if value is not None}
    return json.dumps({"op": op, **given}).encode()
