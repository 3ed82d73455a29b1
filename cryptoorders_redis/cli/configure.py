"""Changes settings of a namespace."""

import json
from typing import Annotated

import typer

from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store


def configure(
    *,
    feed: Annotated[
        int, typer.Option(metavar="N", help="How many changes to keep of each stream, about; 0 for none.")
    ],
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Change settings of a namespace, for all programs at once."""
    with store(url, namespace, streams) as system:
        system.configure(feed=feed)
    if as_json:
        print(json.dumps({"op": "configure", "namespace": namespace, "feed": feed}))
    else:
        print(f"namespace {namespace} keeps " + (f"{feed} changes a stream" if feed else "no changes"))
