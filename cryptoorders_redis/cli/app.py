"""The commands of the program `cryptoorders`."""

from typing import Annotated

import typer

from cryptoorders_redis.cli import (
    configure,
    copy,
    demo,
    follow,
    intake,
    metrics,
    orders,
    queries,
    replay,
    resize,
    submit,
    web,
    worker,
)
from cryptoorders_redis.cli.files import export_orders, import_orders
from cryptoorders_redis.version import __version__

EXIT_CODES = (
    "Exit codes: 0 done; 1 the answer is no, or lines of a file were refused; "
    "2 illegal input, a store that cannot be reached or does not serve, or an output that is closed or full; "
    "130 interrupted."
)

# No rich_markup_mode: text in brackets is part of a message, not markup.
app: typer.Typer = typer.Typer(
    help=f"Live crypto orders in Redis, shared by any number of processes.\n\n{EXIT_CODES}",
    epilog="Put -- before an argument that begins with -, as in: cryptoorders cancel -- -17",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"cryptoorders {__version__}")
        raise typer.Exit


@app.callback()
def program(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Parse the options that come before a command."""


for _command in (
    orders.place, orders.amend, orders.reduce, orders.pause, orders.resume, orders.cancel, orders.cancel_all,
    orders.cancel_all_after,
    queries.get, queries.live, queries.count, queries.stats, queries.watch, queries.verify, queries.repair,
    follow.follow, orders.drop, configure.configure, copy.copy, resize.resize, replay.replay, submit.submit,
    worker.worker, metrics.metrics, web.web, demo.demo,
):  # fmt: skip
    app.command()(_command)
app.command("export")(export_orders)
app.command("import")(import_orders)
app.add_typer(intake.app, name="intake")
