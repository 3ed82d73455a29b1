"""The commands of the program `cryptoorders`."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, BinaryIO

import typer

from cryptoorders_redis import __version__, errors, looking, options, screen
from cryptoorders_redis import demo as demonstration
from cryptoorders_redis.commands import Op, lines_of
from cryptoorders_redis.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store
from cryptoorders_redis.replay import WINDOW, Replay
from cryptoorders_redis.replay_view import as_lines, show_replay

EXIT_CODES = (
    "Exit codes: 0 done; 1 the answer is no (or, of a replay, lines were refused); "
    "2 bad input, a store that cannot be reached or does not serve, or an output that is closed or full; "
    "130 interrupted."
)

# rich_markup_mode: what stands in brackets in a message is part of the message.
app = typer.Typer(
    help=f"Live crypto orders in Redis, shared by any number of processes.\n\n{EXIT_CODES}",
    epilog="An argument that begins with - goes after --, as in: cryptoorders cancel -- -17",
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
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and end."),
    ] = False,
) -> None:
    """Take the options that go before a command."""


OrderId = Annotated[str, typer.Argument(help="The order's id.")]
OrderIds = Annotated[list[str], typer.Argument(help="The ids of one order or more.")]
UserId = Annotated[str, typer.Argument(help="The user's id.")]


@app.command()
def place(
    order_id: OrderId,
    user_id: UserId,
    currency: str,
    amount: Annotated[str, typer.Argument(help="Above zero; every digit is kept.")],
    price: Annotated[str, typer.Argument(help="Zero or more; every digit is kept.")],
    *,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Place an order. Exits with 1 if the id is live already."""
    with store(url, namespace, streams, create=True) as system:
        done = system.place(order_id, user_id, currency, amount, price)
    _answer("place", [(order_id, done)], "it is live already", as_json)


@app.command()
def amend(
    order_id: OrderId,
    *,
    amount: Annotated[str | None, typer.Option(help="The new amount.")] = None,
    price: Annotated[str | None, typer.Option(help="The new price.")] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Change an order's amount, price, or both; it keeps its place. Exits with 1 if it is not live."""
    with store(url, namespace, streams) as system:
        done = system.amend(order_id, amount=amount, price=price)
    _answer("amend", [(order_id, done)], "it is not live", as_json)


@app.command()
def pause(
    order_ids: OrderIds,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Pause orders. Exits with 1 if one of them is not ACTIVE."""
    with store(url, namespace, streams) as system:
        done = _each(order_ids, system.pause, system.pause_many)
    _answer("pause", zip(order_ids, done, strict=True), "it is not live, or paused already", as_json)


@app.command()
def resume(
    order_ids: OrderIds,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Resume paused orders. Exits with 1 if one of them is not PAUSED."""
    with store(url, namespace, streams) as system:
        done = _each(order_ids, system.resume, system.resume_many)
    _answer("resume", zip(order_ids, done, strict=True), "it is not live, or not paused", as_json)


@app.command()
def cancel(
    order_ids: OrderIds,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Cancel orders. Exits with 1 if one of them is not live."""
    with store(url, namespace, streams) as system:
        done = _each(order_ids, system.cancel, system.cancel_many)
    _answer("cancel", zip(order_ids, done, strict=True), "it is not live", as_json)


@app.command()
def cancel_all(
    user_id: UserId,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Cancel all of a user's orders, at once. Exits with 0 also if there were none."""
    with store(url, namespace, streams) as system:
        cancelled = system.cancel_all_by_user(user_id)
    if as_json:
        print(json.dumps({"op": Op.CANCEL_ALL_BY_USER, "user_id": user_id, "cancelled": cancelled}))
    else:
        print(f"cancelled {cancelled} of {screen.visible(user_id)}")


for command in (looking.get, looking.live, looking.count, looking.stats, looking.watch, looking.verify):
    app.command()(command)


@app.command()
def drop(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Remove a namespace with all its orders. This cannot be undone. Without --yes a person is asked."""
    with store(url, namespace, streams) as system:
        try:
            live = system.count()
        except errors.NoSuchNamespace:  # half dropped: what is left is removed
            live = 0
        if not yes:
            if not sys.stdin.isatty():
                raise ValueError(f"to drop namespace {namespace!r} with {live} live orders, give --yes")
            typer.confirm(f"Drop namespace {namespace!r} with {live} live orders?", abort=True, err=True)
        system.drop()
    if as_json:
        print(json.dumps({"op": "drop", "namespace": namespace, "live": live}))
    else:
        print(f"dropped namespace {namespace} with {live} live orders")


@app.command()
def replay(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="A file of JSON Lines; - for stdin.")],
    *,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first refused line; what came before stays.")
    ] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Carry out commands, one a line, and sum up what was applied, ignored and refused.

    {"op": "place", "order_id": .., "user_id": .., "currency": .., "amount": .., "price": ..};
    {"op": "pause", "order_id": ..}, and so resume and cancel;
    {"op": "amend", "order_id": .., "amount": .., "price": ..}, of which one may be left out;
    {"op": "cancel_all_by_user", "user_id": ..}.
    A line that is no such command is reported with its number and skipped; the exit code is then 1.
    """
    with store(url, namespace, streams, create=True) as system:
        # A pipe may stay open for days: what comes through one is carried out as it comes.
        run = Replay(system, WINDOW if screen.is_a_file(file) else 1)
        code, finished = _run_through(run, file, strict)
    show_replay(run, finished=finished, as_json=as_json)
    raise typer.Exit(code)


@app.command()
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
        demonstration.run(url, namespace, streams, as_json=as_json)


def _each(
    order_ids: list[str], one: Callable[[str], bool], many: Callable[[list[str]], list[bool]]
) -> list[bool]:
    return many(order_ids) if len(order_ids) > 1 else [one(order_ids[0])]


def _answer(op: str, answers: Iterable[tuple[str, bool]], otherwise: str, as_json: bool) -> None:
    past = {"cancel": "cancelled"}.get(op, f"{op.removesuffix('e')}ed")
    all_done = True
    for order_id, answer in answers:
        all_done &= answer
        if as_json:
            print(json.dumps({"op": op, "order_id": order_id, "done": answer}))
        else:
            shown = screen.visible(order_id)
            print(f"{past} {shown}" if answer else f"not {past}: {shown}: {otherwise}")
    if not all_done:
        raise typer.Exit(1)


def _run_through(run: Replay, file: BinaryIO, strict: bool) -> tuple[int, bool]:
    """Carry a file out, and return the exit code and whether it was carried out to its end."""
    try:
        with screen.progress(lines_of(file), file) as lines:
            for refusal in run.run(lines):
                screen.complain(f"line {refusal.line}: {refusal.reason}")
                if strict:
                    screen.complain("stopped there (--strict); what came before it stays applied")
                    return 1, False
    except KeyboardInterrupt:
        screen.complain(f"interrupted; line {run.line} was the last begun")
        if run.unanswered:
            screen.complain(f"{as_lines(run.unanswered)} may have been carried out or not")
        return 130, False
    except errors.CryptoOrdersError as error:
        lines = f"line {run.line}" if run.since >= run.line else f"lines {run.since} to {run.line}"
        screen.complain(f"{lines}: {error}; stopped there, what came before it stays applied")
        return 2, False
    except OSError as error:
        screen.complain(f"cannot read on after line {run.line}: {error}")
        return 2, False
    return (1 if run.refused else 0), True
