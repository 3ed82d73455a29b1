"""The command that copies a namespace into another store."""

import json
from functools import partial
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
from cryptoorders_redis.copying.runner import Copy
from cryptoorders_redis.operations import copying
from cryptoorders_redis.transport.link import Link

HALF_MADE = "nobody can use the half-made copy: stop what writes into the source, and copy again; or drop it"


def copy(
    *,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="The store to copy to, as for --url.")],
    to_namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="The namespace there. It must not exist yet.")
    ] = None,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Copy all live orders into a new namespace of another store, and compare them afterwards.

    For example from one server to a Redis Cluster, and back. Everything of an order is kept, and the number
    of streams. Nobody may write into the source meanwhile. Exits with 1 if somebody did. The source is not
    changed. Until all orders were compared nobody can use the target. After an interruption, copy again.
    """
    name = namespace if to_namespace is None else to_namespace
    with exit_on_refusal():
        with explain_missing_store(url):
            source = Link(url, namespace, lambda store: store.open(streams, None, create=False))
        with source:
            made = Copy(source)
            with (
                Link(to, name, partial(copying.begin, source=made.settings)) as target,
                explain_half_made(HALF_MADE),
                screen.show_count(2 * made.num_orders) as advance,
            ):
                for number in made.run(target):
                    advance(number)
            where = target.where
    if as_json:
        fields = {"op": "copy", "url": where, "namespace": name, "live": made.num_orders}
        print(json.dumps({**fields, "paused": made.num_paused, "streams": made.settings.num_streams}))
    else:
        print(
            f"copied {made.num_orders} live orders, {made.num_paused} of them paused, to namespace {name} "
            f"of {where}; each one was compared, and is equal"
        )
