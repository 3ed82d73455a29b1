"""Which live orders are asked for."""

from dataclasses import dataclass
from datetime import datetime

from cryptoorders_redis.order import Order, OrderStatus, StatusName
from cryptoorders_redis.validation import validate_int, validate_moment, validate_text

LAST_SEQUENCE = 2**53
"""A sorted set keeps its scores as doubles, which have all whole numbers up to here."""


@dataclass(frozen=True, slots=True)
class Query:
    """What an order must be to be given out.

    Attributes:
        user_id, currency, status: None for any.
        above: only sequence numbers above this one.
        below: only sequence numbers below this one; None for any.
        limit: how many orders to give out at most; None for all.
    """

    user_id: str | None
    currency: str | None
    status: OrderStatus | None
    above: int
    below: int | None
    limit: int | None

    def select(self, orders: list[Order]) -> list[Order]:
        """Return the orders that have the currency and the status: what no key is sorted by."""
        if self.currency is None and self.status is None:
            return orders
        return [
            order
            for order in orders
            if self.currency in (None, order.currency) and self.status in (None, order.status)
        ]

    def in_range(self, sequence: int) -> bool:
        """Return whether a sequence number is in the range."""
        return self.above < sequence and (self.below is None or sequence < self.below)


def query(
    *,
    user_id: str | None,
    currency: str | None,
    status: StatusName | None,
    placed_after: datetime | None,
    placed_before: datetime | None,
    limit: int | None,
    after: int | None,
) -> Query:
    """Return the query of what a caller has given.

    Raises:
        TypeError, ValueError: naming the first argument that is not legal.
    """
    if user_id is not None:
        validate_text(user_id, "user_id")
    if currency is not None:
        validate_text(currency, "currency")
    return Query(
        user_id=user_id,
        currency=currency,
        status=None if status is None else OrderStatus(status),
        above=max(
            0,
            0 if placed_after is None else validate_moment(placed_after, "placed_after"),
            0 if after is None else validate_int(after, "after", 0, LAST_SEQUENCE),
        ),
        below=None if placed_before is None else validate_moment(placed_before, "placed_before"),
        limit=None if limit is None else validate_int(limit, "limit", 1, None),
    )
