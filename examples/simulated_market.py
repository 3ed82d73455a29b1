"""A market for the example of a trading bot: prices, takers who fill live orders, and the books.

One seed gives the same prices in every run. Who is faster at an order differs from run to run.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import NamedTuple

from cryptoorders_redis import Change, CryptoOrderSystem, Order, errors

TAKERS = 3
LOT = Decimal("0.001")


class Symbol(NamedTuple):
    """What is traded: its first price, the smallest step of its price, and the amount of an order."""

    start: Decimal
    tick: Decimal
    amount: Decimal


SYMBOLS = {
    "BTC": Symbol(Decimal(60_000), Decimal("0.5"), Decimal("0.500")),
    "ETH": Symbol(Decimal(2480), Decimal("0.01"), Decimal("12.000")),
}


def walk(name: str, seed: int, steps: int) -> list[Decimal]:
    """Return the prices of a symbol: a random walk, mostly calm, and fast for about ten steps at a time."""
    source = random.Random(f"{seed} {name}")
    price, tick = SYMBOLS[name].start, SYMBOLS[name].tick
    prices: list[Decimal] = []
    fast = False
    for _ in range(steps):
        fast = source.random() < (0.9 if fast else 0.03)
        change = source.gauss(0, 0.004 if fast else 0.0005)
        price = max(tick, price + (price * Decimal(f"{change:.6f}") / tick).quantize(Decimal(1)) * tick)
        prices.append(price)
    return prices


class Market:
    """Fills the orders that the prices reach, in part, from several threads.

    It is the only one who calls `reduce`. So it knows what was filled, also where a reply was lost.

    Attributes:
        filled: How much of each order was filled.
        counts: How often something happened.
    """

    def __init__(self, system: CryptoOrderSystem, seed: int) -> None:
        self._system = system
        self._takers = [random.Random(f"{seed} taker {number}") for number in range(TAKERS)]
        self._pool = ThreadPoolExecutor(TAKERS)
        self._in_doubt: set[str] = set()
        self._fills: list[tuple[str, Decimal]] = []
        self.filled: dict[str, Decimal] = defaultdict(Decimal)
        self.counts: Counter[str] = Counter()

    def trade(self, prices: Mapping[str, Decimal]) -> None:
        """Let the takers fill some of the ACTIVE orders that these prices reach.

        Raises:
            StoreUnavailable: nothing was filled, or all that was filled is known.
        """
        live = self._system.live_orders(status="ACTIVE")
        reached = [order for order in live if is_reached(order, prices[order.currency])]
        list(self._pool.map(lambda taker: self._take(taker, reached), self._takers))
        self.settle()

    def _take(self, taker: random.Random, reached: Sequence[Order]) -> None:
        for order in taker.sample(reached, min(2, len(reached))):
            lots = int(order.amount / LOT)
            self.fill(order.order_id, taker.randint(1, lots) * LOT if lots else order.amount)

    def fill(self, order_id: str, by: Decimal) -> None:
        """Fill an order by an amount, or by less if it has less."""
        try:
            left = self._system.reduce(order_id, by)
        except errors.AmountExceeded as error:  # another taker was faster, and this one gets the rest
            self.counts["got less than they wanted"] += 1
            self.fill(order_id, error.left)
        except errors.OutcomeUnknown:  # calling again could fill it twice
            self.counts["had an unknown outcome"] += 1
            self._in_doubt.add(order_id)
        except errors.StoreUnavailable:  # nothing was filled
            self.counts["failed"] += 1
        else:
            if left is None:
                self.counts["came too late"] += 1
            else:
                self._fills.append((order_id, by))

    def settle(self) -> None:
        """Note what was filled. What is in doubt is looked up: the change feed has an entry or has none.

        Raises:
            StoreUnavailable: it cannot be looked up now. Call again.
        """
        fills, self._fills = self._fills, []
        self.counts["filled"] += len(fills)
        for order_id, by in fills:
            self.filled[order_id] += by
        for order_id in list(self._in_doubt):
            books = Books()
            for change in self._system.history(order_id).changes:
                books.apply(change)
            self.filled[order_id] = sum((account.filled for account in books.accounts.values()), Decimal())
            self._in_doubt.remove(order_id)

    def close(self) -> None:
        """Settle all, and end the threads."""
        self._pool.shutdown()
        while True:
            try:
                self.settle()
            except errors.StoreUnavailable:
                time.sleep(0.1)
            else:
                return


def is_reached(order: Order, price: Decimal) -> bool:
    """Return whether an order would be filled at this price."""
    return price <= order.price if (order.metadata or {})["side"] == "buy" else price >= order.price


class Account:
    """What a user has placed, and what became of it; the amount and the money that it has brought."""

    def __init__(self) -> None:
        self.placed = self.filled = self.cancelled = self.position = self.cash = Decimal()

    def fill(self, order: Order, by: Decimal) -> None:
        """Note that a part of an order was filled, at the order's price."""
        signed = by if (order.metadata or {})["side"] == "buy" else -by
        self.filled += by
        self.position += signed
        self.cash -= signed * order.price


class Books:
    """The accounts of all users, by the change feed.

    A program that is killed amid a call cannot note what it did. The feed has noted it: the script that
    changes an order writes the entry.

    Attributes:
        accounts: By user and currency.
        live: The orders that have not ended.
        filled: How much of each order was filled.
    """

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], Account] = defaultdict(Account)
        self.live: dict[str, Order] = {}
        self.filled: dict[str, Decimal] = defaultdict(Decimal)

    def apply(self, change: Change) -> None:
        """Take the next change in."""
        if change.order_id is None:  # all orders of the user have ended
            for order in [order for order in self.live.values() if order.user_id == change.user_id]:
                self._end(order)
        elif change.op == "place" and change.order:
            self._account(change.order).placed += change.order.amount
            self.live[change.order_id] = change.order
        elif change.op == "fill":
            self._fill(self.live.pop(change.order_id), Decimal())
        elif change.op in {"cancel", "expire"}:
            self._end(self.live[change.order_id])
        elif change.order:  # it is live with a smaller amount, or with another price
            if change.op == "reduce":
                self._fill(self.live[change.order_id], change.order.amount)
            self.live[change.order_id] = change.order

    def _account(self, order: Order) -> Account:
        return self.accounts[order.user_id, order.currency]

    def _fill(self, order: Order, left: Decimal) -> None:
        self._account(order).fill(order, order.amount - left)
        self.filled[order.order_id] += order.amount - left

    def _end(self, order: Order) -> None:
        self._account(order).cancelled += order.amount
        del self.live[order.order_id]
