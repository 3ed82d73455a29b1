"""The options that all commands share, and the opening of the store."""

import contextlib
from collections.abc import Generator
from typing import Annotated

import typer

from cryptoorders_redis import errors
from cryptoorders_redis.cli.screen import print_error
from cryptoorders_redis.operations.copying import CopyFailed
from cryptoorders_redis.system import CryptoOrderSystem
from cryptoorders_redis.transport.endpoint import URL_VARIABLE

URL_HELP = (
    "The store: redis://, rediss://, unix://, redis+cluster://, redis+sentinel://, file:DIR, or memory:// "
    "(lost when the command ends)."
)
NAMESPACE_HELP = "The name of the set of orders on the server."
STREAMS_HELP = "The number of streams of a new namespace. An error if the namespace has another number."

Url = Annotated[str | None, typer.Option(envvar=URL_VARIABLE, help=URL_HELP)]
Namespace = Annotated[str, typer.Option(envvar="CRYPTOORDERS_NAMESPACE", help=NAMESPACE_HELP)]
Streams = Annotated[int | None, typer.Option(envvar="CRYPTOORDERS_STREAMS", help=STREAMS_HELP)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one value a line.")]

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
    """Open the store of a command. Only a command that places orders creates a namespace."""
    with exit_on_refusal():
        with explain_missing_store(url):
            system = CryptoOrderSystem(
                streams, url=url, namespace=namespace, create=create, deadline_seconds=deadline_seconds
            )
        with system:
            yield system


@contextlib.contextmanager
def explain_missing_store(url: str | None) -> Generator[None]:
    """Add what to do to an error about a missing namespace, or about a missing server if no URL was given."""
    try:
        yield
    except errors.NoSuchNamespace as error:
        raise errors.NoSuchNamespace(
            f"{error}; `cryptoorders place`, `replay` and `submit` create one"
        ) from error
    except errors.StoreUnavailable as error:
        if url:
            raise
        raise errors.StoreUnavailable(f"{error}; {NO_SERVER}") from error


@contextlib.contextmanager
def exit_on_refusal() -> Generator[None]:
    """End the command with one line and exit code 2 when the store or the input is refused."""
    try:
        yield
    except (errors.CryptoOrdersError, TypeError, ValueError) as error:
        print_error(f"cryptoorders: {error}")
        raise typer.Exit(2) from error


@contextlib.contextmanager
def explain_half_made(advice: str) -> Generator[None]:
    """End the command with one line that says what to do, when a namespace is left that nobody can use."""
    try:
        yield
    except KeyboardInterrupt:
        print_error(f"interrupted; {advice}")
        raise typer.Exit(130) from None
    except (errors.CryptoOrdersError, OSError, ValueError) as error:
        print_error(f"cryptoorders: {error}; {advice}")
        raise typer.Exit(1 if isinstance(error, CopyFailed) else 2) from error
