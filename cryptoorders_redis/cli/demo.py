"""The demo: a night of orders, events out of order, a race of processes and a crash."""

import contextlib
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cryptoorders_redis import errors
from cryptoorders_redis.cli import options, screen
from cryptoorders_redis.cli.demo_events import show_events
from cryptoorders_redis.cli.options import Json
from cryptoorders_redis.cli.replay import make_summary_table, print_summary, summary_fields
from cryptoorders_redis.cli.tables import make_orders_table
from cryptoorders_redis.replay.commands import read_lines
from cryptoorders_redis.replay.runner import Replay
from cryptoorders_redis.system import CryptoOrderSystem
from cryptoorders_redis.transport.embedded.server_process import find_server_program

USER = "alice"
"""The user whose orders are cancelled together."""

NIGHT, EVENTS = "night.jsonl", "events.jsonl"
"""The example files."""

RACERS = 4
RACE_ORDERS = 1500

PYTHON_EXAMPLE = """\
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
    """Show the store at work: a night of orders, events out of order, a race of processes and a crash.

    The demo starts a private server in a temporary folder. It ignores the environment variables of the other
    commands. A store given by --url must hold no orders in this namespace, and its server is not crashed.
    """
    with options.exit_on_refusal():
        run(url, namespace, streams, as_json=as_json)


def run(url: str | None, namespace: str, num_streams: int, *, as_json: bool) -> None:
    """Run the demo. Without a URL it runs on a private server in a temporary folder.

    Raises:
        ValueError: the namespace holds orders.
    """
    if not url:
        try:
            find_server_program()
        except errors.StoreUnavailable as error:
            screen.print_error(f"{error}. So the demo runs in memory, without the race and the crash.")
            url = "memory://"
    folder = Path(tempfile.mkdtemp(prefix="cor-demo-"))
    try:
        where = url or f"file:{folder}"
        with CryptoOrderSystem(num_streams, url=where, namespace=namespace) as system:
            if live := system.count():
                raise ValueError(
                    f"the demo needs a namespace without orders, and {namespace!r} has {live}: "
                    "use another --namespace"
                )
            if as_json:
                summary = summary_fields(_replay_example(system), finished=True)
                orders = [order.to_dict() for order in system.live_orders()]
                print(json.dumps(summary | {"live": orders}))
                return
            console = Console()
            _show_a_night(console, system)
            with _without_warnings():  # that what is compared with is in memory
                show_events(console, find_example_file(EVENTS), where, num_streams)
            if not where.startswith("memory:"):  # other processes cannot reach it
                _show_a_race(console, system, ["--url", where, "--namespace", namespace])
            if not url:
                _show_a_crash(console, system, folder)
            console.print("\n[bold]The same from Python[/], in any number of processes:\n")
            print(PYTHON_EXAMPLE)
    finally:
        shutil.rmtree(folder)


def _replay_example(system: CryptoOrderSystem) -> Replay:
    replay = Replay(system)
    with find_example_file().open("rb") as file:
        refusals = list(replay.run(read_lines(file)))
    assert not refusals, refusals
    return replay


def _show_a_night(console: Console, system: CryptoOrderSystem) -> None:
    replay = _replay_example(system)
    name = find_example_file().name
    console.print(f"\n[bold]A night of orders[/]: {name}, {replay.line} commands, one atomic step each")
    if table := make_summary_table(replay, console.width):
        console.print(table)
    else:
        print_summary(replay, finished=True, as_json=False)
    console.print(
        f"[bold]{system.count()} are live[/], in placement order; a paused order keeps its position"
    )
    console.print(make_orders_table(system.live_orders(), console.width))
    cancelled = system.cancel_all_by_user(USER)
    arrow = "->" if screen.is_ascii() else "→"
    console.print(f"[bold]cancel_all_by_user({USER!r})[/] {arrow} {cancelled}, in one atomic step")


def _show_a_race(console: Console, system: CryptoOrderSystem, options: list[str]) -> None:
    console.print(
        f"\n[bold]{RACERS} processes[/] place the same {RACE_ORDERS} orders at the same time, "
        "and pause every third"
    )
    live = system.count()
    answers = _run_race([sys.executable, "-m", "cryptoorders_redis", "replay", "-", "--json", *options])
    table = Table("process", "placed", "paused", box=box.SIMPLE_HEAD)
    for number, answer in enumerate(answers, start=1):
        table.add_row(str(number), str(answer["applied"]["place"]), str(answer["applied"]["pause"]))
    table.add_section()
    placed, paused = (sum(answer["applied"][op] for answer in answers) for op in ("place", "pause"))
    table.add_row("in all", str(placed), str(paused))
    console.print(table)
    console.print(
        f"Each was placed once: [bold]{system.count() - live} more are live[/], "
        f"and verify() finds {len(system.verify())} inconsistencies"
    )


def _run_race(command: list[str]) -> list[dict[str, Any]]:
    """Run the command in several processes at the same time, and return their summaries."""
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(RACERS)
    ]

    def feed(number: int) -> dict[str, Any]:
        printed, _ = racers[number].communicate(_make_race_commands(number))
        return json.loads(printed)

    with ThreadPoolExecutor(RACERS) as feeding:
        return list(feeding.map(feed, range(RACERS)))


def _make_race_commands(racer: int) -> str:
    """Make the commands of one racer: the same orders for all racers, shuffled differently."""
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
    console.print(f"\n[bold]kill -9 {pid}[/]: the server is killed, with {len(listing)} orders live")
    with _without_warnings():  # the one about the crash
        again = system.display_all_live_orders()
    same = "the same listing" if again == listing else "A DIFFERENT LISTING"
    console.print(f"the next call started it again, and found [bold]{same}[/]:")
    console.print(f"{', '.join(again[:6])}, ... {again[-1]}", markup=False, highlight=False)


@contextlib.contextmanager
def _without_warnings() -> Generator[None]:
    logger = logging.getLogger("cryptoorders_redis")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def find_example_file(name: str = NIGHT) -> Path:
    """Find an example file: inside the package in a wheel, next to it in a checkout."""
    package = Path(__file__).parent.parent
    for folder in (package / "examples", package.parent / "examples"):
        if (path := folder / name).is_file():
            return path
    raise ValueError(f"the example {name} is neither in {package} nor next to it: reinstall the package")
