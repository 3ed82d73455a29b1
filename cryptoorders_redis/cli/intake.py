"""The commands about the intake of events: its settings, its state and its dead letters."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from cryptoorders_redis.cli import intake_view
from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store
from cryptoorders_redis.cli.screen import escape_unsafe
from cryptoorders_redis.operations.intake.dead_letters import MOST_LETTERS
from cryptoorders_redis.system import CryptoOrderSystem

app: typer.Typer = typer.Typer(
    help="Set how submitted events are taken, and look what became of them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class _Late(StrEnum):
    APPLY = "apply"
    REJECT = "reject"


def _parse_quiet(text: str) -> float | None:
    if text == "never":
        return None
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number of seconds nor 'never'") from None


@app.command()
def configure(
    *,
    window: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Apply an event when a newer one by so much was submitted."),
    ] = None,
    quiet: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS|never",
            help="Apply all that waits when no newer event was submitted for so long.",
        ),
    ] = None,
    late: Annotated[
        _Late | None, typer.Option(help="Whether to apply or to reject an event that comes too late.")
    ] = None,
    ahead: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Refuse an event that is so far in the future.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="How many events may wait in the queue of a stream.")
    ] = None,
    remember: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="How long to keep outcomes. Older events are refused."),
    ] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Change how events are taken, for all programs at once. What is not given stays as it is."""
    given = {
        "window": window, "quiet": quiet, "late": late, "ahead": ahead, "limit": limit, "remember": remember,
    }  # fmt: skip
    shown = {name: value for name, value in given.items() if value is not None}
    with store(url, namespace, streams) as system:
        if not shown:
            raise ValueError("give at least one setting")
        system.intake.configure(
            window=window,
            quiet=... if quiet is None else _parse_quiet(quiet),
            late=None if late is None else late.value,
            ahead=ahead,
            limit=limit,
            remember=remember,
        )
    if as_json:
        print(json.dumps({"op": "intake configure", "namespace": namespace, **shown}))
    else:
        print(f"intake of namespace {namespace}: " + ", ".join(f"{k} {v}" for k, v in shown.items()))


@app.command()
def flush(
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Make every event due that waits: the end of a file, or of the day."""
    with store(url, namespace, streams) as system:
        system.intake.flush()
    if as_json:
        print(json.dumps({"op": "intake flush", "namespace": namespace}))
    else:
        print("every event that waits is due")


@app.command()
def stats(
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Show how many events wait, were applied, late and refused, and how many workers live."""
    with store(url, namespace, streams) as system:
        found = system.intake.stats()
    intake_view.show_stats(found, as_json=as_json)


@app.command()
def dead(
    *,
    limit: Annotated[int, typer.Option(metavar="N", help="How many to show at most.")] = 100,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """List the dead letters, which are the events that were refused. The newest come first."""
    with store(url, namespace, streams) as system:
        letters = system.intake.dead_letters(limit)
    intake_view.show_letters(letters, as_json=as_json)
    if not letters and not as_json:
        print("no dead letters")


@app.command()
def resubmit(
    event_ids: Annotated[
        list[str] | None, typer.Argument(help="The ids of one or more events.", show_default=False)
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All dead letters that can be read.")] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Put dead letters back into the queues, whatever their times. Exits with 1 if one was not."""
    with store(url, namespace, streams) as system:
        if every == bool(event_ids):
            raise ValueError("give the ids of events, or --all")
        answers = (
            _resubmit_all(system)
            if every
            else list(zip(event_ids or (), system.intake.resubmit(event_ids or ()), strict=True))
        )
    for event_id, done in answers:
        if as_json:
            print(json.dumps({"op": "intake resubmit", "event_id": event_id, "done": done}))
        elif done:
            print(f"resubmitted {escape_unsafe(event_id)}")
        else:
            print(f"not resubmitted: {escape_unsafe(event_id)}: it is no dead letter, or cannot be applied")
    if not answers and not as_json:
        print("no dead letters to resubmit")
    if not all(done for _, done in answers):
        raise typer.Exit(1)


def _resubmit_all(system: CryptoOrderSystem) -> list[tuple[str, bool]]:
    letters = [letter.event_id for letter in system.intake.dead_letters(MOST_LETTERS) if letter.event]
    return list(zip(letters, system.intake.resubmit(letters), strict=True))
