"""The command that serves a page to look at."""

import asyncio
import json
from typing import Annotated

import typer

from cryptoorders_redis.aio import AsyncCryptoOrderSystem
from cryptoorders_redis.cli.listen import Address
from cryptoorders_redis.cli.options import (
    DEFAULT_NAMESPACE,
    Json,
    Namespace,
    Streams,
    Url,
    exit_on_refusal,
    explain_missing_store,
)
from cryptoorders_redis.cli.screen import print_error
from cryptoorders_redis.cli.signals import ended_by_signal

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1", "[::1]", "[")
"""The last ones are what releases of starlette make of [::1]. It is no name of somebody else."""


def web(
    *,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen. Port 0 takes a free one.")
    ] = "127.0.0.1:8080",
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Answer to this name too, as a proxy in front of it may send it."),
    ] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Serve a page that shows counts, rates and the newest orders, live, until SIGTERM or Ctrl-C.

    It only reads. It has no login: everybody who can reach the address sees all orders. So it listens on this
    machine only unless you say otherwise, and then it answers only to its names.
    """
    with exit_on_refusal(), explain_missing_store(url):
        # One attempt a look: the next look is the next attempt, and an error is shown at once.
        system = AsyncCryptoOrderSystem(
            streams, url=url, namespace=namespace, create=False, deadline_seconds=0
        )
        asyncio.run(_serve(system, Address.parse(listen), host or [], as_json=as_json))


async def _serve(
    system: AsyncCryptoOrderSystem, address: Address, names: list[str], *, as_json: bool
) -> None:
    try:
        from cryptoorders_redis.web import application
        from cryptoorders_redis.web.server import make_server
    except ImportError as error:
        raise ValueError(error) from error
    hosts = [address.host, *names, *LOOPBACK_NAMES] if address.is_loopback or names else []
    server = make_server(application(system), hosts)

    def stop() -> None:
        server.should_exit = True

    with address.open() as listener:
        async with system:
            _announce(address.with_port(listener.getsockname()[1]), as_json=as_json)
            # uvicorn raises a signal again when it has ended: that must not end this process as a failure.
            with ended_by_signal(stop):
                await server.serve(sockets=[listener])


def _announce(address: Address, *, as_json: bool) -> None:
    if not address.is_loopback:
        print_error("there is no login: everybody who can reach this address sees all orders")
    print(json.dumps({"op": "web", "url": address.url}) if as_json else f"serving {address.url}", flush=True)
