"""The commands that look and change nothing."""

import dataclasses
import json
import sys
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from cryptoorders_redis.cli import screen, stats_view
from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store
from cryptoorders_redis.cli.tables import show_tables
from cryptoorders_redis.cli.watch import Watch
from cryptoorders_redis.order import OrderStatus


def moment(text: str) -> datetime:
    """Return the moment that a text of ISO 8601 names; a date is its first moment in UTC."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time: 2026-11-23T09:30:00+01:00, 2026-11-23T08:30Z or 2026-11-23 is one"
        ) from None
    if found.utcoffset() is None:
        raise typer.BadParameter(f"{text!r} has no offset: end it with Z for UTC, or with one as in +01:00")
    return found


User = Annotated[str | None, typer.Option(help="Only this user's.")]
Status = Annotated[OrderStatus | None, typer.Option(case_sensitive=False, help="Only of this status.")]
MOMENT = "ISO 8601 with an offset, or a date: its beginning in UTC"


def get(
    order_id: Annotated[str, typer.Argument(help="The order's id.")],
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Show an order. Exits with 1 if it is not live."""
    with store(url, namespace, streams) as system:
        order = system.get(order_id)
    if as_json:
        print(json.dumps(order and order.to_dict()))
    elif order:
        for name, value in order.to_dict().items():
            if value is not None:
                text = value if isinstance(value, str) else json.dumps(value)
                print(f"{name:<10} {screen.visible(text)}")
    else:
        print(f"{screen.visible(order_id)} is not live")
    if not order:
        raise typer.Exit(1)


def live(
    *,
    user: User = None,
    currency: Annotated[str | None, typer.Option(help="Only in this currency.")] = None,
    status: Status = None,
    placed_after: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help=f"Only placed after this time: {MOMENT}."),
    ] = None,
    placed_before: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="Only placed before this time: the same."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many: the first of them.")] = None,
    after: Annotated[
        int | None,
        typer.Option(metavar="SEQUENCE", help="Only behind this sequence number: go on where one ended."),
    ] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """List the live orders in placement order: a table on a terminal, else one a line."""
    with store(url, namespace, streams) as system:
        lines_only = not (as_json or sys.stdout.isatty())
        asked = (user, currency, status, placed_after, placed_before, limit, after)
        if lines_only and all(value is None for value in asked):
            for line in system.display_all_live_orders():
                print(screen.visible(line))
            return
        orders = system.live_orders(
            user_id=user,
            currency=currency,
            status=status,
            placed_after=placed_after,
            placed_before=placed_before,
            limit=limit,
            after=after,
        )
        if as_json:
            for order in orders:
                print(json.dumps(order.to_dict()))
        elif lines_only:
            for order in orders:
                print(screen.visible(screen.as_line(order)))
        else:
            show_tables(orders)


def count(
    *,
    user: User = None,
    status: Status = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Print how many orders are live."""
    with store(url, namespace, streams) as system:
        number = system.count(user_id=user, status=status)
    print(json.dumps({"count": number}) if as_json else number)


def stats(
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Show what each stream holds, and who holds most. Scans the keys, not the orders."""
    with store(url, namespace, streams) as system:
        found = system.stats()
    stats_view.show(found, as_json=as_json)


def watch(
    *,
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds from one look to the next.")
    ] = 1.0,
    count: Annotated[int | None, typer.Option(min=1, help="Look so many times, and end.")] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Show counts, rates and the newest orders again and again; off a terminal, a line each time.

    Nothing is scanned: a look costs by the streams, not by the orders. It goes on while the store is away.
    Ends with Ctrl-C, or q on a terminal, and exits with 0; with --count it exits with 2
    if the last look failed.
    """
    # One attempt a look: the next look is the next attempt, and what went wrong is seen at once.
    with store(url, namespace, streams, deadline_seconds=0) as system:
        watching = Watch(system, interval, as_json=as_json)
        if not watching.run(count):
            raise typer.Exit(2)


def verify(
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Hold all keys against each other. Exits with 1 where something disagrees."""
    with store(url, namespace, streams) as system:
        found = system.verify()
    for inconsistency in found:
        if as_json:
            print(json.dumps(dataclasses.asdict(inconsistency)))
        else:
            stream = "" if inconsistency.stream is None else f" (stream {inconsistency.stream})"
            print(screen.visible(f"{inconsistency.subject}{stream}: {inconsistency.problem}"))
    if found:
        raise typer.Exit(1)
    if not as_json:
        print("all keys agree")
