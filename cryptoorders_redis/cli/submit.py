"""The command that submits a file of events."""

import json
from typing import Annotated, Any, BinaryIO

import typer

from cryptoorders_redis import errors
from cryptoorders_redis.cli import screen
from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store
from cryptoorders_redis.cli.replay import format_line_numbers
from cryptoorders_redis.event import Submission
from cryptoorders_redis.operations.bulk import BATCH
from cryptoorders_redis.replay.commands import read_lines
from cryptoorders_redis.replay.submitter import Submitter

SUBMIT_AGAIN = "submit all again: each event is taken once"


def submit(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="A file of JSON Lines, or - for stdin.")],
    *,
    id_prefix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Begins the ids of events without one, before the number of the line. "
            "Give each such file another.",
        ),
    ] = "",
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Submit events from a file, one a line, and print how many were accepted, known and refused.

    A line is that of a replay, with "user_id", "event_time" (milliseconds since 1970), and "event_id":
    {"op": "pause", "order_id": .., "user_id": .., "event_time": 1795449520224, "event_id": ..}.
    Without "event_id" the number of the line is the id.
    An event of an id is taken once, so a file may be submitted again.
    A line that is no event, or that is late or early, is reported and skipped. The exit code is then 1.
    """
    with store(url, namespace, streams, create=True) as system:
        # A pipe may stay open for days, so each of its lines is submitted as soon as it arrives.
        run = Submitter(system, BATCH if screen.is_regular_file(file) else 1, id_prefix)
        code = _run_file(run, file)
    _print_summary(run, finished=code < 2, as_json=as_json)
    raise typer.Exit(code)


def _print_summary(run: Submitter, *, finished: bool, as_json: bool) -> None:
    counts = {answer.lower(): run.counts[answer] for answer in Submission}
    if as_json:
        fields: dict[str, Any] = {
            "finished": finished,
            "lines": run.line,
            **counts,
            "malformed": run.malformed,
        }
        if not finished:
            fields |= {"done_before": run.since, "unanswered": run.unanswered}
        print(json.dumps(fields))
        return
    for name in ("accepted", "known"):
        print(f"{name} {counts[name]}")
    parts = {"no event": run.malformed, "late": counts["late"], "early": counts["early"]}
    shown = ", ".join(f"{name} {number}" for name, number in parts.items() if number)
    print(f"refused {run.refused}" + (f" ({shown})" if shown else ""))


def _run_file(run: Submitter, file: BinaryIO) -> int:
    """Submit the events of a file. Return the exit code."""
    try:
        with screen.show_progress(read_lines(file), file) as lines:
            for refusal in run.run(lines):
                screen.print_error(f"line {refusal.line}: {refusal.reason}")
    except KeyboardInterrupt:
        screen.print_error(f"interrupted; {_format_done(run)}")
        return 130
    except errors.CryptoOrdersError as error:
        cause = error.__cause__ or error
        screen.print_error(f"line {run.since}: {cause}; stopped; {_format_done(run)}")
        return 2
    except OSError as error:
        screen.print_error(f"cannot read the file after line {run.line}: {error}; {_format_done(run)}")
        return 2
    return 1 if run.refused else 0


def _format_done(run: Submitter) -> str:
    """Say which lines are done, which may be, and what to do."""
    done = f"the lines before {run.since} are done" if run.since > 1 else "no line is done"
    if run.unanswered:
        done += f", {format_line_numbers(run.unanswered)} may be"
    return f"{done}; {SUBMIT_AGAIN}"
