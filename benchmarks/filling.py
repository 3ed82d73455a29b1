"""Fills large stores with the library's own calls for many orders."""

from cryptoorders_redis import CryptoOrderSystem

ORDERS_A_USER = 100
PAUSED_OF_TEN = 1
SLICE = 50_000


def fill(
    url: str,
    orders: int,
    *,
    streams: int,
    namespace: str = "cryptoorders",
    orders_a_user: int = ORDERS_A_USER,
    user: str = "",
    prefix: str = "order",
) -> None:
    """Place live orders, one of ten paused, for many users or for one `user`. Create the namespace."""
    users = max(orders // orders_a_user, 1)
    with CryptoOrderSystem(streams, url=url, namespace=namespace, deadline_seconds=600) as system:
        for first in range(0, orders, SLICE):
            numbers = range(first, min(first + SLICE, orders))
            system.place_many(
                (f"{prefix}{n}", user or f"user{n % users}", "BTC", "0.5", 60_000 + n) for n in numbers
            )
            system.pause_many([f"{prefix}{n}" for n in numbers if n % 10 < PAUSED_OF_TEN])
