"""The demo: a small night of orders, replayed and listed."""

import json
from pathlib import Path

from rich.console import Console

from cryptoorders_redis import screen
from cryptoorders_redis.replay import Replay, lines_of
from cryptoorders_redis.system import CryptoOrderSystem

USER = "alice"
"""Whose orders the demo cancels together at its end."""

IN_PYTHON = """\
from cryptoorders_redis import CryptoOrderSystem

system = CryptoOrderSystem(num_streams=3, url="redis://localhost:6379/0")
system.place("order1", "alice", "BTC", "0.5", 60_000)    # True
system.pause("order1")                                   # True
system.display_all_live_orders()                         # ['order1(paused)']"""


def run(system: CryptoOrderSystem, *, as_json: bool) -> None:
    """Replay the example file on a store without orders, and show what is live then.

    Raises:
        ValueError: the store holds orders.
    """
    if live := system.count():
        raise ValueError(f"the demo wants a namespace without orders, and this one has {live}")
    path = example_file()
    replay = Replay(system)
    with path.open("rb") as file:
        refusals = list(replay.run(lines_of(file)))
    assert not refusals, refusals
    if as_json:
        summary = screen.replay_fields(replay, finished=True)
        print(json.dumps(summary | {"live": [screen.as_fields(order) for order in system.live_orders()]}))
        return
    console = Console()
    console.print(f"\n[bold]A night of orders[/]: {path.name}, {replay.line} commands, one atomic step each")
    console.print(screen.replay_table(replay))
    console.print(
        f"[bold]{system.count()} are live[/], in the order they were placed; a pause keeps the place"
    )
    console.print(screen.orders_table(system.live_orders()))
    cancelled = system.cancel_all_by_user(USER)
    console.print(f"[bold]cancel_all_by_user({USER!r})[/] → {cancelled}, all at once\n")
    console.print("[bold]display_all_live_orders()[/]")
    console.print(system.display_all_live_orders())
    console.print("\n[bold]The same from Python[/], in as many processes as you like")
    console.print(IN_PYTHON, markup=False)


def example_file() -> Path:
    """Return the example: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "examples", package.parent / "examples"):
        if (path := folder / "night.jsonl").is_file():
            return path
    raise ValueError(f"the example file is neither in {package} nor beside it")
