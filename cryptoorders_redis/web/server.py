"""A server of its own for the page."""

from collections.abc import Iterable

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from cryptoorders_redis.web.extra import explain_missing_extra

with explain_missing_extra():
    import uvicorn

_STOP_SECONDS = 1
"""How long a viewer that is stuck can hold up the end of the server."""


def make_server(app: ASGIApp, hosts: Iterable[str]) -> uvicorn.Server:
    """Make a server of an application, which serves nothing yet.

    Args:
        app: The application.
        hosts: The names by which it may be asked; none for any name. A page of somebody else can have a
            name that leads to this machine (DNS rebinding), but it cannot have one of these.

    Returns:
        The server. `serve` runs it.
    """
    allowed = list(hosts)
    config = uvicorn.Config(
        TrustedHostMiddleware(app, allowed_hosts=allowed, www_redirect=False) if allowed else app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    return uvicorn.Server(config)
