"""The demo: a night of orders, a race of processes, and a crash, on a store of its own."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cryptoorders_redis import errors
from cryptoorders_redis.cli import options, screen
from cryptoorders_redis.cli.options import Json
from cryptoorders_redis.cli.replay import replay_fields, replay_table, show_replay
from cryptoorders_redis.cli.tables import orders_table
from cryptoorders_redis.replay.commands import read_lines
from cryptoorders_redis.replay.runner import Replay
from cryptoorders_redis.system import CryptoOrderSystem
from cryptoorders_redis.transport.embedded.server_process import server_program

USER = "alice"
"""Whose orders are cancelled together."""

RACERS = 4
RACE_ORDERS = 1500

IN_PYTHON = """\
from cryptoorders_redis import CryptoOrderSystem

system = CryptoOrderSystem(num_streams=3, url="file:./orders")
system.place("order1", "alice", "BTC", "0.5", 60_000)    # True
system.pause("order1")                                   # True
system.display_all_live_orders()                         # ['order1(paused)']"""


def demo(
    url: Annotated[str | None, typer.Option(help=options.URL_HELP)] = None,
    namespace: Annotated[str, typer.Option(help=options.NAMESPACE_HELP)] = "cryptoorders-demo",
    streams: Annotated[int, typer.Option(help=options.STREAMS_HELP)] = 3,
    as_json: Json = False,
) -> None:
    """Show what this is: a night of orders, a race of processes, and a crash.

    Its store is a private server in a folder that is thrown away, whatever the environment says; one
    that is named by --url must hold no orders, and is not crashed.
    """
    with options.refusals_end_it():
        run(url, namespace, streams, as_json=as_json)


def run(url: str | None, namespace: str, num_streams: int, *, as_json: bool) -> None:
    """Run the demo, by default on a private server in a folder that is thrown away.

    Raises:
        ValueError: the store of the url holds orders.
    """
    if not url:
        try:
            server_program()
        except errors.StoreUnavailable as error:
            screen.complain(f"{error}. So this is shown in memory, without the race and the crash.")
            url = "memory://"
    folder = Path(tempfile.mkdtemp(prefix="cor-demo-"))
    try:
        where = url or f"file:{folder}"
        with CryptoOrderSystem(num_streams, url=where, namespace=namespace) as system:
            if live := system.count():
                raise ValueError(f"the demo wants a namespace without orders, and this one has {live}")
            if as_json:
                summary = replay_fields(_replay_example(system), finished=True)
                orders = [order.to_dict() for order in system.live_orders()]
                print(json.dumps(summary | {"live": orders}))
                return
            console = Console()
            _show_a_night(console, system)
            if not where.startswith("memory:"):  # no other process could reach that
                _show_a_race(console, system, ["--url", where, "--namespace", namespace])
            if not url:
                _show_a_crash(console, system, folder)
            console.print("\n[bold]The same from Python[/], in as many processes as you like:\n")
            print(IN_PYTHON)
    finally:
        shutil.rmtree(folder)


def _replay_example(system: CryptoOrderSystem) -> Replay:
    replay = Replay(system)
    with example_file().open("rb") as file:
        refusals = list(replay.run(read_lines(file)))
    assert not refusals, refusals
    return replay


def _show_a_night(console: Console, system: CryptoOrderSystem) -> None:
    replay = _replay_example(system)
    name = example_file().name
    console.print(f"\n[bold]A night of orders[/]: {name}, {replay.line} commands, one atomic step each")
    if table := replay_table(replay, console.width):
        console.print(table)
    else:
        show_replay(replay, finished=True, as_json=False)
    console.print(
        f"[bold]{system.count()} are live[/], in the order they were placed; a pause keeps the place"
    )
    console.print(orders_table(system.live_orders(), console.width))
    cancelled = system.cancel_all_by_user(USER)
    arrow = "->" if screen.is_ascii() else "→"
    console.print(f"[bold]cancel_all_by_user({USER!r})[/] {arrow} {cancelled}, all at one moment")


def _show_a_race(console: Console, system: CryptoOrderSystem, options: list[str]) -> None:
    console.print(
        f"\n[bold]{RACERS} processes[/] place the same {RACE_ORDERS} orders at the same time, "
        "and pause every third"
    )
    live = system.count()
    answers = _race([sys.executable, "-m", "cryptoorders_redis", "replay", "-", "--json", *options])
    table = Table("process", "placed", "paused", box=box.SIMPLE_HEAD)
    for number, answer in enumerate(answers, start=1):
        table.add_row(str(number), str(answer["applied"]["place"]), str(answer["applied"]["pause"]))
    table.add_section()
    placed, paused = (sum(answer["applied"][op] for answer in answers) for op in ("place", "pause"))
    table.add_row("in all", str(placed), str(paused))
    console.print(table)
    console.print(
        f"Each once, by whoever was first: [bold]{system.count() - live} more are live[/], "
        f"and verify() finds {len(system.verify())} inconsistencies"
    )


def _race(command: list[str]) -> list[dict[str, Any]]:
    """Return what several runs of the command, started together, said of what they had applied."""
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(RACERS)
    ]

    def feed(number: int) -> dict[str, Any]:
        printed, _ = racers[number].communicate(_race_commands(number))
        return json.loads(printed)

    with ThreadPoolExecutor(RACERS) as feeding:
        return list(feeding.map(feed, range(RACERS)))


def _race_commands(racer: int) -> str:
    """Return the same orders for each racer, in an order of its own."""
    numbers = list(range(RACE_ORDERS))
    random.Random(racer).shuffle(numbers)
    lines: list[dict[str, object]] = []
    for number in numbers:
        order_id, user_id = f"race-{number}", f"user-{number % 7}"
        new = {"order_id": order_id, "user_id": user_id, "currency": "BTC", "amount": 1, "price": number}
        lines.append({"op": "place", **new})
        if number % 3 == 0:
            lines.append({"op": "pause", "order_id": order_id})
    return "".join(json.dumps(line) + "\n" for line in lines)


def _show_a_crash(console: Console, system: CryptoOrderSystem, folder: Path) -> None:
    listing = system.display_all_live_orders()
    pid = int((folder / "redis.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    console.print(f"\n[bold]kill -9 {pid}[/]: the server is gone, with {len(listing)} orders live")
    again = system.display_all_live_orders()
    same = "the same listing" if again == listing else "ANOTHER LISTING"
    console.print(f"the next call started it again and found [bold]{same}[/]:")
    console.print(f"{', '.join(again[:6])}, ... {again[-1]}", markup=False, highlight=False)


def example_file() -> Path:
    """Return the example: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parent.parent
    for folder in (package / "examples", package.parent / "examples"):
        if (path := folder / "night.jsonl").is_file():
            return path
    raise ValueError(f"the example file is neither in {package} nor beside it")
