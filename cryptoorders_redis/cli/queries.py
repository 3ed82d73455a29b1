"""The commands that read and change nothing."""

import dataclasses
import json
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from cryptoorders_redis.cli import screen, stats_view
from cryptoorders_redis.cli.options import (
    DEFAULT_NAMESPACE,
    Json,
    Namespace,
    Streams,
    Url,
    exit_on_refusal,
    explain_missing_store,
    store,
)
from cryptoorders_redis.cli.tables import print_orders
from cryptoorders_redis.cli.watch import Watch
from cryptoorders_redis.operations.findings import Inconsistency
from cryptoorders_redis.operations.repair import open_damaged
from cryptoorders_redis.operations.repair import repair as mend
from cryptoorders_redis.operations.verify import verify as find_inconsistencies
from cryptoorders_redis.order import OrderStatus
from cryptoorders_redis.transport.link import Link


def parse_time(text: str) -> datetime:
    """Parse an ISO 8601 time with an offset. A date means its first moment in UTC."""
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
            f"{text!r} is not a time: write 2026-11-23T09:30:00+01:00, 2026-11-23T08:30Z or 2026-11-23"
        ) from None
    if found.utcoffset() is None:
        raise typer.BadParameter(f"{text!r} has no offset: add Z for UTC, or an offset such as +01:00")
    return found


User = Annotated[str | None, typer.Option(help="Only orders of this user.")]
Status = Annotated[
    OrderStatus | None, typer.Option(case_sensitive=False, help="Only orders with this status.")
]
TIME_HELP = "ISO 8601 with an offset, or a date, which means its beginning in UTC"


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
                print(f"{name:<10} {screen.escape_unsafe(text)}")
    else:
        print(f"{screen.escape_unsafe(order_id)} is not live")
    if not order:
        raise typer.Exit(1)


def live(
    *,
    user: User = None,
    currency: Annotated[str | None, typer.Option(help="Only orders in this currency.")] = None,
    status: Status = None,
    placed_after: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_time, metavar="TIME", help=f"Only orders placed after this time: {TIME_HELP}."
        ),
    ] = None,
    placed_before: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_time, metavar="TIME", help="Only orders placed before this time, in the same format."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The maximum number of orders.")] = None,
    after: Annotated[
        int | None,
        typer.Option(
            metavar="SEQUENCE", help="Only orders after this sequence number: continues an earlier list."
        ),
    ] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """List the live orders in placement order: as a table on a terminal, otherwise one a line."""
    with store(url, namespace, streams) as system:
        lines_only = not (as_json or sys.stdout.isatty())
        filters = (user, currency, status, placed_after, placed_before, limit, after)
        if lines_only and all(value is None for value in filters):
            for line in system.display_all_live_orders():
                print(screen.escape_unsafe(line))
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
                print(screen.escape_unsafe(screen.format_line(order)))
        else:
            print_orders(orders)


def count(
    *,
    user: User = None,
    status: Status = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Print the number of live orders."""
    with store(url, namespace, streams) as system:
        number = system.count(user_id=user, status=status)
    print(json.dumps({"count": number}) if as_json else number)


def stats(
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Show what each stream holds, and which users hold most. Scans the keys, not the orders."""
    with store(url, namespace, streams) as system:
        found = system.stats()
    stats_view.show(found, as_json=as_json)


def watch(
    *,
    interval: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between two updates.")] = 1.0,
    count: Annotated[int | None, typer.Option(min=1, help="Exit after this number of updates.")] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Show counts, rates and the newest orders, live. Without a terminal, print one line an update.

    Nothing is scanned: the cost of an update depends on the streams, not on the orders. During an outage of
    the store it shows the error, and reconnects afterwards. Ctrl-C ends it, and q on a terminal; the exit
    code is 0. With --count the exit code is 2 if the last update failed.
    """
    # One attempt an update: the next update is the next attempt, and an error is shown at once.
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
    """Check that all keys are consistent. Exits with 1 if an inconsistency was found."""
    with store(url, namespace, streams) as system:
        found = system.verify()
        moving_from = system.summary(newest=0).moving_from
    _print_inconsistencies(found, as_json=as_json)
    if found:
        raise typer.Exit(1)
    if not as_json:
        print("all keys are consistent")
        if moving_from is not None:
            print(f"orders are being moved from {moving_from} streams: a resize is under way")


def repair(
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Annotated[
        int | None,
        typer.Option(
            envvar="CRYPTOORDERS_STREAMS", help="The number of streams, where the settings were lost too."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be mended, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Mend whatever verify finds, and print what was mended. Exits with 1 if something could not be."""
    with (
        exit_on_refusal(),
        explain_missing_store(url),
        Link(url, namespace, lambda store: open_damaged(store, streams)) as link,
    ):
        mended = link.run(mend(link.store, is_dry=dry_run))
        left = [] if dry_run else link.run(find_inconsistencies(link.store))
    _print_inconsistencies(mended, as_json=as_json)
    if left:
        if not as_json:
            print("still inconsistent:")
        _print_inconsistencies(left, as_json=as_json)
        raise typer.Exit(1)
    if dry_run and mended:
        raise typer.Exit(1)
    if not (mended or as_json):
        print("there was nothing to mend")


def _print_inconsistencies(found: Iterable[Inconsistency], *, as_json: bool) -> None:
    for inconsistency in found:
        if as_json:
            print(json.dumps(dataclasses.asdict(inconsistency)))
        else:
            stream = "" if inconsistency.stream is None else f" (stream {inconsistency.stream})"
            print(screen.escape_unsafe(f"{inconsistency.subject}{stream}: {inconsistency.problem}"))
