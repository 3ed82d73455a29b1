"""Orders, and the kinds of values that they hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, NamedTuple, TypeAlias

Number: TypeAlias = Decimal | int | float | str

MetadataValue: TypeAlias = str | int | float | bool | None

Metadata: TypeAlias = Mapping[str, MetadataValue]
"""What a caller knows of an order and the store does not use: flat, at most 2 KiB as JSON."""

Expiry: TypeAlias = datetime | timedelta
"""When an order expires: a moment, or a time from now on by the server's clock."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OrderStatus(StrEnum):
    """The status of a live order. A cancelled order has none: it no longer exists.

    Attributes:
        ACTIVE: The order takes part in trading.
        PAUSED: The order does not take part in trading until it is resumed.
    """

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


StatusName: TypeAlias = OrderStatus | Literal["ACTIVE", "PAUSED"]
"""A status, or its name."""


class NewOrder(NamedTuple):
    """An order to place. The fields are the arguments of `place`, in the same order.

    Attributes:
        order_id: The id, unique among the live orders of the namespace: 1 to 256 bytes of UTF-8.
        user_id: The user whose order it is: 1 to 256 bytes of UTF-8.
        currency: What is traded: 1 to 256 bytes of UTF-8.
        amount: How much is traded, above zero.
        price: The price of one unit, zero or more.
        metadata: Data to keep with the order, or None. See `place`.
        expires_at: When the order expires, or None for never. See `place`.
    """

    order_id: str
    user_id: str
    currency: str
    amount: Number
    price: Number
    metadata: Metadata | None = None
    expires_at: Expiry | None = None


OrderFields: TypeAlias = (
    tuple[str, str, str, Number, Number]
    | tuple[str, str, str, Number, Number, Metadata | None]
    | tuple[str, str, str, Number, Number, Metadata | None, Expiry | None]
)
"""The fields of a `NewOrder` as a plain tuple. The last one or two may be left out."""

UsersOrderFields: TypeAlias = (
    tuple[str, str, Number, Number]
    | tuple[str, str, Number, Number, Metadata | None]
    | tuple[str, str, Number, Number, Metadata | None, Expiry | None]
)
"""The fields of one user's order: a `NewOrder` without the user. The last one or two may be left out."""


@dataclass(frozen=True, slots=True)
class Order:
    """A live order, as it was at the moment it was read.

    Attributes:
        order_id: The id, unique among the live orders of the namespace.
        user_id: The user whose order it is.
        currency: What is traded, as the caller named it.
        amount: How much is traded, above zero. It is exactly the number that the caller gave.
        price: The price of one unit, zero or more. It is exactly the number that the caller gave.
        status: ACTIVE or PAUSED.
        placed_at: When the order was placed, by the server's clock, in UTC to the microsecond.
        sequence: The sequence number. Orders are listed by it. It is the server's clock in microseconds
            since 1970, or the last sequence number plus one if that is larger.
        metadata: The data that the caller gave with the order, unchanged. None if nothing was given.
        expires_at: When the order expires, by the server's clock, in UTC. None if it never does.
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
    expires_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Convert the order to a dict that `json.dumps` accepts.

        Amount and price become plain decimal text, because a JSON number could lose digits.

        Returns:
            The fields by name, in the order of the attributes. `placed_at` and `expires_at` are ISO 8601 text
                in UTC, always with six digits of a second.

        Examples:
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
            "metadata": None if self.metadata is None else dict(self.metadata),
            "expires_at": self.expires_at and self.expires_at.isoformat(timespec="microseconds"),
        }
