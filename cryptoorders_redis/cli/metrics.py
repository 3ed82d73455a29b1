"""The command that serves the numbers of a store to Prometheus."""

import dataclasses
import json
import threading
from contextlib import ExitStack
from typing import Annotated

import typer

from cryptoorders_redis.cli.listen import Address
from cryptoorders_redis.cli.options import (
    DEFAULT_NAMESPACE,
    Json,
    Namespace,
    Streams,
    Url,
    exit_on_refusal,
    store,
)
from cryptoorders_redis.cli.screen import print_error
from cryptoorders_redis.cli.signals import ended_by_signal

DEADLINE_SECONDS = 5.0
"""Below the 10 s that Prometheus waits for a scrape."""


def metrics(
    *,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The address to serve at; port 0 for any free one.")
    ] = "127.0.0.1:9464",
    per_stream: Annotated[
        bool, typer.Option("--per-stream", help="Label by stream also above 64 streams.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the metrics, and exit.")] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Serve the numbers of the store to Prometheus, until SIGTERM or Ctrl-C. Changes nothing.

    During an outage of the store, and where its namespace was dropped, cryptoorders_up is 0. At the start
    both must be there. Only this machine can ask, unless you say otherwise: there is no password.
    """
    try:
        from cryptoorders_redis.metrics import StoreCollector, format_metrics, serve
    except ImportError as error:
        print_error(f"cryptoorders: {error}")
        raise typer.Exit(2) from error

    with exit_on_refusal():
        address = Address.parse(listen)
    with store(url, namespace, streams, deadline_seconds=DEADLINE_SECONDS) as system, ExitStack() as stack:
        collector = StoreCollector(system, per_stream=per_stream)
        if once:
            read = dataclasses.asdict(system.metrics()) if as_json else None
            print(json.dumps(read, default=str) if as_json else format_metrics(collector).rstrip())
            return
        stop = threading.Event()
        stack.enter_context(ended_by_signal(stop.set))
        try:
            port = stack.enter_context(serve(collector, address.host, address.port))
        except OSError as error:
            raise ValueError(f"cannot listen at {listen}: {error.strerror or error}") from error
        url = f"{address.with_port(port).url}metrics"
        print(json.dumps({"op": "metrics", "url": url}) if as_json else f"serving {url}", flush=True)
        stop.wait()
