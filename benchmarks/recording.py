"""The bytes of each call that the library sends, recorded by a proxy between the library and the server."""

import re
import socket
from collections.abc import Sequence
from datetime import timedelta

import redis

from cryptoorders_redis import CryptoOrderSystem
from tests.support.proxy import Proxy, connect

_SESSIONS = re.compile(rb"\{[\w.-]+\}:sessions:\w+")


def recorded(
    url: str,
    num_streams: int,
    orders: Sequence[tuple[str, str, str, str, str]],
    namespace: str = "cryptoorders",
    *,
    expires_at: timedelta | None = None,
) -> tuple[dict[str, list[bytes]], list[bytes], socket.socket]:
    """Place, pause, resume and cancel the orders, which expire after a time where one is given.

    Returns:
        The bytes of each call; the keys in which the server remembers its answers; a socket to the server.
    """
    calls: dict[str, list[bytes]] = {}
    with Proxy(url) as proxy, CryptoOrderSystem(num_streams, url=proxy.url, namespace=namespace) as system:
        for name in ("place", "pause", "resume", "cancel"):
            call = getattr(system, name)
            for order in orders:
                answer = call(*order, expires_at=expires_at) if name == "place" else call(order[0])
                assert answer
                calls.setdefault(name, []).append(proxy.calls[-1])
    keys = {key for requests in calls.values() for key in _SESSIONS.findall(b"".join(requests))}
    return calls, list(keys), connect(url)


def forget_answers(client: redis.Redis, sessions: Sequence[bytes]) -> None:
    """Delete the server's answers to recorded requests, so that it runs them once more."""
    for key in sessions:
        answers = [name for name in client.hkeys(key) if name != b"begun"]
        client.hdel(key, *answers, "none")
