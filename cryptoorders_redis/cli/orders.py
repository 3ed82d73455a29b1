"""The commands that change orders."""

import json
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Annotated

import typer

from cryptoorders_redis import errors
from cryptoorders_redis.cli import screen
from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store
from cryptoorders_redis.cli.queries import parse_time
from cryptoorders_redis.replay.commands import Op, parse_metadata

OrderId = Annotated[str, typer.Argument(help="The order's id.")]
OrderIds = Annotated[list[str], typer.Argument(help="The ids of one or more orders.")]
UserId = Annotated[str, typer.Argument(help="The user's id.")]


def place(
    order_id: OrderId,
    user_id: UserId,
    currency: str,
    amount: Annotated[str, typer.Argument(help="Above zero. Every digit is kept.")],
    price: Annotated[str, typer.Argument(help="Zero or more. Every digit is kept.")],
    *,
    metadata: Annotated[
        str | None, typer.Option(metavar="JSON", help="Data to keep with the order: one flat JSON object.")
    ] = None,
    expires_at: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_time, metavar="TIME", help="When the order expires, for example 2026-11-24T06:00Z."
        ),
    ] = None,
    expires_in: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="After how many seconds the order expires.")
    ] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Place an order. Exits with 1 if the id is live already."""
    if expires_at is not None and expires_in is not None:
        raise typer.BadParameter("give --expires-at or --expires-in, not both")
    with store(url, namespace, streams, create=True) as system:
        kept = None if metadata is None else parse_metadata(metadata)
        expiry = expires_at if expires_in is None else _seconds(expires_in)
        done = system.place(order_id, user_id, currency, amount, price, metadata=kept, expires_at=expiry)
    _print_answers("place", [(order_id, done)], "it is live already", as_json)


def amend(
    order_id: OrderId,
    *,
    amount: Annotated[str | None, typer.Option(help="The new amount.")] = None,
    price: Annotated[str | None, typer.Option(help="The new price.")] = None,
    expected_amount: Annotated[
        str | None, typer.Option(help="Amend only if the order still has this amount.")
    ] = None,
    expected_price: Annotated[
        str | None, typer.Option(help="Amend only if the order still has this price.")
    ] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Change an order's amount, price, or both. The order keeps its place in the listing.

    Exits with 1 if the order is not live, or is not as expected.
    """
    with store(url, namespace, streams) as system:
        done = system.amend(
            order_id,
            amount=amount,
            price=price,
            expected_amount=expected_amount,
            expected_price=expected_price,
        )
    is_expected = expected_amount is not None or expected_price is not None
    reason = "it is not live, or not as expected" if is_expected else "it is not live"
    _print_answers("amend", [(order_id, done)], reason, as_json)


def reduce(
    order_id: OrderId,
    by: Annotated[str, typer.Argument(help="What to take off the amount. Every digit is kept.")],
    *,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Take BY off an order's amount, and print what is left. At zero the order is filled and removed.

    Exits with 1 if the order is not live, or has less than BY.
    """
    with store(url, namespace, streams) as system:
        try:
            left = system.reduce(order_id, by)
            reason = "it is not live"
        except errors.AmountExceeded as exceeded:
            left, reason = None, f"its amount is {exceeded.left:f}"
    if as_json:
        text = None if left is None else format(left, "f")
        print(json.dumps({"op": Op.REDUCE, "order_id": order_id, "left": text}))
    else:
        shown = screen.escape_unsafe(order_id)
        print(f"not reduced: {shown}: {reason}" if left is None else format(left, "f"))
    if left is None:
        raise typer.Exit(1)


def pause(
    order_ids: OrderIds,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Pause orders. Exits with 1 if one of them was not ACTIVE."""
    with store(url, namespace, streams) as system:
        done = _change_each(order_ids, system.pause, system.pause_many)
    _print_answers("pause", zip(order_ids, done, strict=True), "it is not live, or paused already", as_json)


def resume(
    order_ids: OrderIds,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Resume paused orders. Exits with 1 if one of them was not PAUSED."""
    with store(url, namespace, streams) as system:
        done = _change_each(order_ids, system.resume, system.resume_many)
    _print_answers("resume", zip(order_ids, done, strict=True), "it is not live, or not paused", as_json)


def cancel(
    order_ids: OrderIds,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Cancel orders. Exits with 1 if one of them was not live."""
    with store(url, namespace, streams) as system:
        done = _change_each(order_ids, system.cancel, system.cancel_many)
    _print_answers("cancel", zip(order_ids, done, strict=True), "it is not live", as_json)


def cancel_all(
    user_id: UserId,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Cancel all orders of a user in one step. Exits with 0 even if there were none."""
    with store(url, namespace, streams) as system:
        cancelled = system.cancel_all_by_user(user_id)
    if as_json:
        print(json.dumps({"op": Op.CANCEL_ALL_BY_USER, "user_id": user_id, "cancelled": cancelled}))
    else:
        print(f"cancelled {cancelled} of {screen.escape_unsafe(user_id)}")


def cancel_all_after(
    user_id: UserId,
    seconds: Annotated[int, typer.Argument(help="1 to 86400; 0 disarms the switch.")],
    *,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Cancel all orders of a user after so many seconds, unless this is called again before.

    It is a dead man's switch: each call replaces the one before.
    """
    with store(url, namespace, streams) as system:
        moment = system.cancel_all_after(user_id, seconds)
    text = moment and moment.isoformat(timespec="microseconds")
    if as_json:
        print(json.dumps({"op": "cancel_all_after", "user_id": user_id, "at": text}))
    elif text:
        print(f"all orders of {screen.escape_unsafe(user_id)} are cancelled at {text}")
    else:
        print(f"disarmed for {screen.escape_unsafe(user_id)}")


def drop(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Remove a namespace with all its orders. This cannot be undone. Asks first, unless --yes is given."""
    with store(url, namespace, streams) as system:
        try:
            live = system.count()
        except errors.NoSuchNamespace:  # half dropped: drop() removes the rest
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


def _seconds(number: float) -> timedelta:
    try:
        return timedelta(seconds=number)
    except (OverflowError, ValueError):
        raise ValueError(f"--expires-in must be a number of seconds up to 200 years, not {number}") from None


def _change_each(
    order_ids: list[str], one: Callable[[str], bool], many: Callable[[list[str]], list[bool]]
) -> list[bool]:
    return many(order_ids) if len(order_ids) > 1 else [one(order_ids[0])]


def _print_answers(op: str, answers: Iterable[tuple[str, bool]], otherwise: str, as_json: bool) -> None:
    past = {"cancel": "cancelled"}.get(op, f"{op.removesuffix('e')}ed")
    all_done = True
    for order_id, answer in answers:
        all_done &= answer
        if as_json:
            print(json.dumps({"op": op, "order_id": order_id, "done": answer}))
        else:
            shown = screen.escape_unsafe(order_id)
            print(f"{past} {shown}" if answer else f"not {past}: {shown}: {otherwise}")
    if not all_done:
        raise typer.Exit(1)
