"""Shows what happens to orders, as it happens."""

import json
from typing import Annotated

import typer

from cryptoorders_redis.cli import screen
from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store
from cryptoorders_redis.operations.feed import FROM_START, Change


def follow(
    *,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Only what happened after this cursor.")
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin with the oldest change that is kept.")
    ] = False,
    user: Annotated[str | None, typer.Option(help="Only orders of this user.")] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="End behind the last change, instead of waiting for more.")
    ] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Show each change of an order as it happens, until Ctrl-C. The namespace needs a change feed.

    At the end it says the cursor with which it continues.
    """
    if from_start and after is not None:
        raise typer.BadParameter("give --after or --from-start, not both")
    with store(url, namespace, streams) as system:
        cursor = FROM_START if from_start else after or system.position()
        try:
            for change in system.changes(cursor, user_id=user, wait=not no_wait):
                print(json.dumps(change.to_dict()) if as_json else _format_line(change), flush=True)
                cursor = change.cursor
        except KeyboardInterrupt:
            # The usual way to end it. What was printed and what the cursor says are the same.
            screen.print_error(f"stopped; --after {cursor} continues")


def _format_line(change: Change) -> str:
    words = [change.at.isoformat(timespec="milliseconds"), change.op, change.order_id or "", change.user_id]
    if change.order:
        words += (format(change.order.amount, "f"), change.order.currency, format(change.order.price, "f"))
    return screen.escape_unsafe(" ".join(filter(None, words)))
