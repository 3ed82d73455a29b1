"""The options that every command has, and the store that they open."""

import contextlib
from collections.abc import Generator
from typing import Annotated

import typer

from cryptoorders_redis import errors
from cryptoorders_redis.cli.screen import complain
from cryptoorders_redis.system import CryptoOrderSystem
from cryptoorders_redis.transport.endpoint import URL_VARIABLE

URL_HELP = "The store: redis://, rediss://, unix://, file:DIR, or memory:// (ends with the command)."
NAMESPACE_HELP = "Which orders, of all that the server holds."
STREAMS_HELP = "Streams to create the namespace with; an error if it has another number."

Url = Annotated[str | None, typer.Option(envvar=URL_VARIABLE, help=URL_HELP)]
Namespace = Annotated[str, typer.Option(envvar="CRYPTOORDERS_NAMESPACE", help=NAMESPACE_HELP)]
Streams = Annotated[int | None, typer.Option(envvar="CRYPTOORDERS_STREAMS", help=STREAMS_HELP)]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, one value a line.")]

NO_SERVER = "start a Redis server, or use --url file:./orders for a private one"

DEFAULT_NAMESPACE = "cryptoorders"


@contextlib.contextmanager
def store(
    url: str | None,
    namespace: str,
    streams: int | None,
    *,
    create: bool = False,
    deadline_seconds: float = 10.0,
) -> Generator[CryptoOrderSystem]:
    """Open a store for a command. Only one that places orders creates a namespace."""
    with refusals_end_it():
        with _said_what_to_do(url):
            system = CryptoOrderSystem(
                streams, url=url, namespace=namespace, create=create, deadline_seconds=deadline_seconds
            )
        with system:
            yield system


@contextlib.contextmanager
def _said_what_to_do(url: str | None) -> Generator[None]:
    """Tell what to do where there is no namespace, or no store for somebody who named none."""
    try:
        yield
    except errors.NoSuchNamespace as error:
        raise errors.NoSuchNamespace(f"{error}; `cryptoorders place` and `replay` create one") from error
    except errors.StoreUnavailable as error:
        if url:
            raise
        raise errors.StoreUnavailable(f"{error}; {NO_SERVER}") from error


@contextlib.contextmanager
def refusals_end_it() -> Generator[None]:
    """Let what a store refuses end the command with one line and exit code 2."""
    try:
        yield
    except (errors.CryptoOrdersError, TypeError, ValueError) as error:
        complain(f"cryptoorders: {error}")
        raise typer.Exit(2) from error
