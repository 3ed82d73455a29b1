"""The commands that export all live orders into a file, and import them from one."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cryptoorders_redis.cli import screen
from cryptoorders_redis.cli.options import (
    DEFAULT_NAMESPACE,
    Json,
    Namespace,
    Streams,
    Url,
    exit_on_refusal,
    explain_half_made,
    explain_missing_store,
)
from cryptoorders_redis.copying.orders_file import Export, Import
from cryptoorders_redis.operations import copying
from cryptoorders_redis.operations.store import check_num_streams
from cryptoorders_redis.replay.commands import read_lines
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.copies import MAX_LINE_BYTES
from cryptoorders_redis.schema.placement import PLACEMENTS, Placement
from cryptoorders_redis.transport.link import Link

STDOUT = "-"

_PLACEMENTS = " or ".join(PLACEMENTS)

HALF_MADE = "nobody can use the half-made namespace: import again, or drop it"


def export_orders(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to write, or - for stdout.")],
    *,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Write CSV, for other programs. It cannot be imported.")
    ] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Write all live orders into a file of JSON Lines, one order a line, in placement order.

    Everything of an order is kept. Other programs may write meanwhile. An order that is live from the
    beginning to the end is in the file once. One that is placed or cancelled meanwhile may be in it or not.
    The file appears when it is complete. With - the result is printed to stderr.
    """
    with exit_on_refusal():
        with explain_missing_store(url):
            source = Link(url, namespace, lambda store: store.open(streams, None, create=False))
        with source:
            made = Export(source)
            try:
                with open_output(file) as write, screen.show_count(made.expected) as advance:
                    for number, text in made.csv() if as_csv else made.lines():
                        write(text)
                        advance(number)
            except KeyboardInterrupt:
                screen.print_error("interrupted; the export is not complete")
                raise typer.Exit(130) from None
            except OSError as error:
                raise ValueError(f"cannot write {file}: {error.strerror}") from error
            settings = source.store.settings
    fields = {"op": "export", "file": file, "live": made.num_orders, "paused": made.num_paused}
    fields |= {"streams": settings.num_streams, "placement": settings.placement}
    fields |= {"events_waiting": made.events_waiting}
    text = (
        f"exported {made.num_orders} live orders, {made.num_paused} of them paused; the namespace has "
        f"{settings.num_streams} streams, placement {settings.placement}"
    )
    print(json.dumps(fields) if as_json else text, file=sys.stderr if file == STDOUT else sys.stdout)
    if made.events_waiting:
        screen.print_error(
            f"warning: {made.events_waiting} events wait, and are not in the file: to have them too, let "
            "workers apply them and export again"
        )


@contextlib.contextmanager
def open_output(file: str) -> Generator[Callable[[bytes], object]]:
    """Yield what writes to a file, which is there when all was written; or to stdout, or to a device."""
    path = Path(file)
    if file == STDOUT:
        sys.stdout.flush()
        yield _show if sys.stdout.isatty() else sys.stdout.buffer.write
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        with path.open("wb") as device:
            yield device.write
    else:
        path = path.resolve()  # a link stays a link
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with open(number, "wb") as part:  # noqa: PTH123 - a file that is open already
                yield part.write
                part.flush()
                os.fsync(number)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink()
            raise


def _show(text: bytes) -> None:
    """Print to a terminal what it may not take for commands."""
    for line in text.decode().removesuffix("\n").split("\n"):
        print(screen.escape_unsafe(line))


def parse_placement(text: str) -> Placement:
    """Return the placement of that name."""
    for placement in PLACEMENTS:
        if text == placement:
            return placement
    raise typer.BadParameter(f"{text!r} is not {_PLACEMENTS}")


def import_orders(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="A file that export wrote, or - for stdin.")],
    *,
    expected: Annotated[
        int | None,
        typer.Option("--orders", metavar="N", help="Refuse a file that has another number of orders."),
    ] = None,
    placement: Annotated[
        Placement,
        typer.Option(parser=parse_placement, metavar="NAME", help=f"How users are spread: {_PLACEMENTS}."),
    ] = "modulo",
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Create a namespace with all orders of a file that `export` wrote.

    The namespace must not exist yet. Until all orders were written, nobody can use it. After an error or an
    interruption, import again. A line that is no order ends the import: it is reported with its number.
    """
    with exit_on_refusal():
        num_streams = 1 if streams is None else streams
        check_num_streams(num_streams)
        settings = Settings("", num_streams, placement)
        lines = read_lines(file, MAX_LINE_BYTES)
        with screen.show_progress(lines, file) as shown:
            made = Import(shown, settings, expected)
            with explain_missing_store(url):
                target = Link(url, namespace, partial(copying.begin, source=settings))
            with target, explain_half_made(HALF_MADE):
                made.run(target)
    counts = {"live": made.num_orders, "paused": made.num_paused, "streams": settings.num_streams}
    if as_json:
        print(json.dumps({"op": "import", "url": target.where, "namespace": namespace, **counts}))
    else:
        print(
            f"imported {made.num_orders} live orders, {made.num_paused} of them paused, into namespace "
            f"{namespace} of {target.where}"
        )
