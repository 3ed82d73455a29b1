"""A small model of the contract in memory. A store on any backend must give the same answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal

from cryptoorders_redis import CryptoOrderSystem, Order
from cryptoorders_redis.order import Expiry, Metadata, OrderFields

EXACT = Context(prec=300)

MORE = Decimal(-1)
"""The answer of a reduction by more than there is."""


@dataclass
class ModelOrder:
    user_id: str
    currency: str
    amount: Decimal
    price: Decimal
    paused: bool = False
    metadata: Metadata | None = None
    expires_at: datetime | None = None


class Model:
    """The live orders, in a dict in placement order, and a clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.live: dict[str, ModelOrder] = {}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.switches: dict[str, datetime] = {}

    def tick(self, seconds: float) -> None:
        """Move the clock, and carry out the deadlines that pass. A switch knows no orders placed after it."""
        self.now += timedelta(seconds=seconds)
        for user_id, moment in list(self.switches.items()):
            if moment <= self.now:
                del self.switches[user_id]
                self.cancel_all_by_user(user_id)
        for order_id, order in list(self.live.items()):
            if order.expires_at and order.expires_at <= self.now:
                del self.live[order_id]

    def cancel_all_after(self, user_id: str, seconds: int) -> datetime | None:
        self.switches.pop(user_id, None)
        if not seconds:
            return None
        self.switches[user_id] = self.now + timedelta(seconds=seconds)
        return self.switches[user_id]

    def place(
        self,
        order_id: str,
        user_id: str,
        currency: str,
        amount: Decimal,
        price: Decimal,
        metadata: Metadata | None = None,
        expires_at: Expiry | None = None,
    ) -> bool:
        if order_id in self.live:
            return False
        moment = self.now + expires_at if isinstance(expires_at, timedelta) else expires_at
        self.live[order_id] = ModelOrder(
            user_id, currency, amount, price, metadata=metadata, expires_at=moment
        )
        return True

    def pause(self, order_id: str, owner: str | None = None) -> bool:
        return self._set_paused(order_id, owner, paused=True)

    def resume(self, order_id: str, owner: str | None = None) -> bool:
        return self._set_paused(order_id, owner, paused=False)

    def cancel(self, order_id: str, owner: str | None = None) -> bool:
        if not self._is_live(order_id, owner):
            return False
        del self.live[order_id]
        return True

    def amend(
        self,
        order_id: str,
        amount: Decimal | None = None,
        price: Decimal | None = None,
        expected_amount: Decimal | None = None,
        expected_price: Decimal | None = None,
        owner: str | None = None,
    ) -> bool:
        if not self._is_live(order_id, owner):
            return False
        order = self.live[order_id]
        if expected_amount not in (None, order.amount) or expected_price not in (None, order.price):
            return False
        order.amount = order.amount if amount is None else amount
        order.price = order.price if price is None else price
        return True

    def reduce(self, order_id: str, by: Decimal, owner: str | None = None) -> Decimal | None:
        """Return what is left; -1 where `by` is more than the order has."""
        if not self._is_live(order_id, owner):
            return None
        order = self.live[order_id]
        if by > order.amount:
            return MORE
        order.amount = EXACT.subtract(Decimal(order.amount), Decimal(by))
        left = order.amount
        if not left:
            del self.live[order_id]
        return left

    def cancel_all_by_user(self, user_id: str) -> int:
        theirs = [order_id for order_id, order in self.live.items() if order.user_id == user_id]
        for order_id in theirs:
            del self.live[order_id]
        return len(theirs)

    def display(self, wanted: Callable[[ModelOrder], bool] = lambda _: True) -> list[str]:
        return [
            order_id + "(paused)" if order.paused else order_id
            for order_id, order in self.live.items()
            if wanted(order)
        ]

    def get(self, order_id: str) -> ModelOrder | None:
        return self.live.get(order_id)

    def _is_live(self, order_id: str, owner: str | None) -> bool:
        return order_id in self.live and owner in (None, self.live[order_id].user_id)

    def _set_paused(self, order_id: str, owner: str | None, *, paused: bool) -> bool:
        if not self._is_live(order_id, owner) or self.live[order_id].paused == paused:
            return False
        self.live[order_id].paused = paused
        return True


def as_modelled(order: Order | None) -> ModelOrder | None:
    """Return the part of a store's order that the model knows."""
    if order is None:
        return None
    return ModelOrder(
        order.user_id, order.currency, order.amount, order.price, order.status == "PAUSED", order.metadata,
        order.expires_at,
    )  # fmt: skip


def live_order(system: CryptoOrderSystem, order_id: str) -> Order:
    """Return an order that must be live."""
    order = system.get(order_id)
    assert order is not None, f"{order_id!r} is not live"
    return order


def line(order: Order) -> str:
    """Return the line of the listing for an order."""
    return order.order_id + "(paused)" if order.status == "PAUSED" else order.order_id


def place_in_turn(system: CryptoOrderSystem, orders: Sequence[OrderFields]) -> None:
    """Place orders that are then listed in this turn, also where a batch is several scripts."""
    if system._store.is_standalone:
        assert all(system.place_many(orders))
    else:
        for order in orders:
            assert system.place(*order[:5])
