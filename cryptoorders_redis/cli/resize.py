"""Changes the number of streams of a namespace."""

import json
from typing import Annotated

import typer

from cryptoorders_redis.cli import screen
from cryptoorders_redis.cli.options import DEFAULT_NAMESPACE, Json, Namespace, Streams, Url, store


def resize(
    num_streams: Annotated[int, typer.Argument(help="The new number of streams.", metavar="STREAMS")],
    *,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    streams: Streams = None,
    as_json: Json = False,
) -> None:
    """Change the number of streams while other programs work.

    It may be interrupted. Run it again to finish it, or with the old number of streams to turn round.
    """
    with store(url, namespace, streams) as system:
        try:
            with screen.show_share() as update:
                system.resize(num_streams, progress=update)
        except KeyboardInterrupt:
            screen.print_error(f"interrupted; `cryptoorders resize {num_streams}` finishes it")
            raise typer.Exit(130) from None
    if as_json:
        print(json.dumps({"op": "resize", "namespace": namespace, "streams": num_streams}))
    else:
        print(f"namespace {namespace} has {num_streams} streams")
