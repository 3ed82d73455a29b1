"""A copy of all live orders, which the change feed keeps true: `python examples/mirror.py URL`.

It takes a position, reads the state, and applies all that happened after the position.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from cryptoorders_redis import Change, CryptoOrderSystem, Order, OrderStatus, errors

STATUS = {"pause": OrderStatus.PAUSED, "resume": OrderStatus.ACTIVE}


class Mirror:
    """The live orders, as far as changes were applied.

    Changes of one stream come in their order, but those of two streams come as they are read. So what the
    feed says is kept by stream. What was read at first is kept apart: any change of an order takes its place.

    Args:
        orders: the orders that were read after the position from which the changes come.
    """

    def __init__(self, orders: Iterable[Order]) -> None:
        self._read_first = {order.order_id: order for order in orders}
        self._by_stream: dict[int, dict[str, Order]] = defaultdict(dict)

    def orders(self) -> list[Order]:
        """Return the live orders, in placement order."""
        found = [*self._read_first.values()]
        for of_stream in self._by_stream.values():
            found += of_stream.values()
        return sorted(found, key=lambda order: order.sequence)

    def apply(self, change: Change) -> None:
        """Take a change in."""
        of_stream, order_id = self._by_stream[change.stream], change.order_id
        if order_id is None:  # all that the user had in the stream
            for orders in (of_stream, self._read_first):
                for order in [order for order in orders.values() if order.user_id == change.user_id]:
                    del orders[order.order_id]
        elif change.order:
            of_stream[order_id] = change.order
            self._read_first.pop(order_id, None)
        elif status := STATUS.get(change.op):
            for orders in (of_stream, self._read_first):
                if order_id in orders:
                    orders[order_id] = replace(orders[order_id], status=status)
        else:
            of_stream.pop(order_id, None)
            self._read_first.pop(order_id, None)


def main(url: str) -> None:
    """Print how many orders are live, after each change."""
    with CryptoOrderSystem(url=url) as system:
        while True:
            cursor = system.position()  # first
            mirror = Mirror(system.live_orders())
            try:
                for change in system.changes(cursor):
                    mirror.apply(change)
                    print(f"{change.op} {change.order_id or change.user_id}: {len(mirror.orders())} are live")
            except errors.ChangesMissed as missed:
                print(f"{missed}; reading all again")


if __name__ == "__main__":
    main(sys.argv[1])
