"""The command that applies events, and looks whether somebody does."""

import json
from typing import Annotated

import typer

from cryptoorders_redis.cli import intake_view
from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Url, store
from cryptoorders_redis.cli.signals import ended_by_signal
from cryptoorders_redis.system import CryptoOrderSystem
from cryptoorders_redis.workers.worker import Worker


def worker(
    *,
    streams: Annotated[
        str | None,
        typer.Option(
            metavar="0,3",
            help="The numbers of the streams to take. Without it all workers share all streams.",
        ),
    ] = None,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when no event waits that becomes due by time alone.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Only say whether workers live, and how far they are behind.")
    ] = False,
    max_lag: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, help="With --status: exit with 1 if they are further behind."),
    ] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    as_json: Json = False,
) -> None:
    """Apply submitted events when they are due, until SIGTERM or Ctrl-C.

    Start as many as you like: they share the streams, and take over from one that is dead.
    With --status nothing is applied. It exits with 1 if no worker lives, or if the first event that waits has
    been due for longer than --max-lag.
    """
    with store(url, namespace, None) as system:
        if max_lag is not None and not status:
            raise ValueError("--max-lag is for --status")
        if status:
            found = system.intake.stats()
            intake_view.show_status(found, as_json=as_json)
            if not found.workers or (max_lag is not None and found.lag_seconds > max_lag):
                raise typer.Exit(1)
            return
        runner = Worker(system, None if streams is None else _parse_streams(streams, system))
        with ended_by_signal(runner.stop):
            if until_empty:
                runner.run_until_empty()
            else:
                runner.run()
    if as_json:
        print(json.dumps({"op": "worker", "name": runner.name, "applied": runner.applied}))
    else:
        print(f"applied {runner.applied} events")


def _parse_streams(text: str, system: CryptoOrderSystem) -> list[int]:
    there = range(len(system.intake.stats().streams))
    wanted = text.split(",")
    for stream in wanted:
        if not stream.isdecimal() or int(stream) not in there:
            raise ValueError(f"--streams has no stream {stream!r}: the numbers are 0 to {there[-1]}")
    return [int(stream) for stream in wanted]
