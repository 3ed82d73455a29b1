"""The page as an ASGI application. All of its routes read."""

from importlib.resources import files

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cryptoorders_redis.aio import AsyncCryptoOrderSystem
from cryptoorders_redis.web.delivery import LookResponse
from cryptoorders_redis.web.headers import SafeHeaders
from cryptoorders_redis.web.looks import Looks
from cryptoorders_redis.web.searches import Searches

_FILES = {
    "": ("index.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "plot.js": ("plot.js", "text/javascript"),
    "search.js": ("search.js", "text/javascript"),
    "tables.js": ("tables.js", "text/javascript"),
    "text.js": ("text.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
"""The files of the page: by their path, the name of the file and what it holds."""


def application(system: AsyncCryptoOrderSystem) -> Starlette:
    """Make the page of a store, to run by itself or to mount in another ASGI application.

    It knows no users: everybody who reaches it sees all orders. So mount it behind your own login. All of its
    URLs are relative, so it works under any path. It only reads, and takes no method but GET and HEAD.

    While somebody looks at the page, one task reads a summary and the metrics once a second, for all viewers
    together: O(num_streams). While nobody looks, nothing is read.

    Args:
        system: The store to show. Open it with `create=False`. It is not closed by the page. Its event loop
            must be the one that serves the page.

    Returns:
        The ASGI application. It needs no lifespan of its own.
    """
    looks = Looks(system)
    searches = Searches(system)

    async def show_looks(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=LookResponse.media_type)
        return LookResponse(looks)

    return Starlette(
        routes=[
            *(_make_file_route(path, *file) for path, file in _FILES.items()),
            Route("/looks", show_looks),
            Route("/order", searches.find_order),
            Route("/user", searches.find_user),
        ],
        middleware=[Middleware(SafeHeaders)],
    )


def _make_file_route(path: str, name: str, media_type: str) -> Route:
    content = (files("cryptoorders_redis.web") / "static" / name).read_bytes()

    async def show_file(_: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(f"/{path}", show_file)
