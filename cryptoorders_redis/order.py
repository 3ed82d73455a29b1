"""What an order is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, NamedTuple, TypeAlias

Number: TypeAlias = Decimal | int | float | str

MetadataValue: TypeAlias = str | int | float | bool | None

Metadata: TypeAlias = Mapping[str, MetadataValue]
"""What a caller knows of an order and the store does not use: flat, at most 2 KiB as JSON."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OrderStatus(StrEnum):
    """Whether a live order takes part in trading. A cancelled order has no status: it is gone."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


StatusName: TypeAlias = OrderStatus | Literal["ACTIVE", "PAUSED"]
"""A status, or its name."""


class NewOrder(NamedTuple):
    """An order to place: what `place` takes, in that order, by name."""

    order_id: str
    user_id: str
    currency: str
    amount: Number
    price: Number
    metadata: Metadata | None = None


OrderFields: TypeAlias = (
    tuple[str, str, str, Number, Number] | tuple[str, str, str, Number, Number, Metadata | None]
)
"""What a `NewOrder` is without its names. The metadata may be left out."""

UsersOrderFields: TypeAlias = (
    tuple[str, str, Number, Number] | tuple[str, str, Number, Number, Metadata | None]
)
"""The same without the user: order id, currency, amount, price, and metadata, which may be left out."""


@dataclass(frozen=True, slots=True)
class Order:
    """A live order, as it was when it was read.

    Attributes:
        order_id: unique among the live orders of the namespace.
        user_id: whose order it is.
        currency: what is traded, as the caller named it.
        amount: how much of it, above zero, exactly as given.
        price: the price of one unit, zero or more, exactly as given.
        status: ACTIVE or PAUSED.
        placed_at: when it was placed, in UTC to the microsecond, by the server's clock.
        sequence: its place in the listing: microseconds since 1970 by the server's clock, pushed
            up where needed so that it rises strictly with every placement of the namespace.
        metadata: what the caller gave with it, unchanged; None where nothing was given.
    """

    order_id: str
    user_id: str
    currency: str
    amount: Decimal
    price: Decimal
    status: OrderStatus
    placed_at: datetime
    sequence: int
    metadata: Metadata | None = field(default=None, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the order as `json.dumps` takes it.

        Amount and price are plain decimal text, because a JSON number could lose digits.

        Returns:
            The order's fields by name, in the order of the attributes. `placed_at` is ISO 8601 in UTC,
            always with six digits of a second.

        Example:
            >>> from cryptoorders_redis import CryptoOrderSystem
            >>> system = CryptoOrderSystem(url="memory://")
            >>> system.place("order1", "alice", "BTC", "0.50", 60_000)
            True
            >>> order = system.get("order1").to_dict()
            >>> order["amount"], order["price"], order["status"]
            ('0.50', '60000', 'ACTIVE')
        """
        return {
            "order_id": self.order_id,
            "user_id": self.user_id,
            "currency": self.currency,
            "amount": format(self.amount, "f"),
            "price": format(self.price, "f"),
            "status": self.status.value,
            "placed_at": self.placed_at.isoformat(timespec="microseconds"),
            "sequence": self.sequence,
            "metadata": self.metadata,
        }
