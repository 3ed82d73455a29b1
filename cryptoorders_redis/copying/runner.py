"""Copies the live orders of one namespace into another, page by page, and compares them afterwards."""

from collections.abc import Iterator

from cryptoorders_redis import errors
from cryptoorders_redis.operations import copying
from cryptoorders_redis.operations.copying import CopyFailed, StreamCounts, Survey
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.copies import CopiedOrder
from cryptoorders_redis.transport.link import Link

_WRITTEN = "orders of the source were changed during the copy"


class Copy:
    """A copy from a source that is open into a target that was begun.

    Memory is flat: a page of orders at a time, and a digest for each client that changed something in the
    last hour.

    Attributes:
        num_orders: how many orders the source holds.
        num_paused: how many of them are PAUSED.
        settings: its settings.
    """

    def __init__(self, source: Link) -> None:
        """Look at the source.

        Raises:
            InconsistentData: its keys do not hold the same number of orders.
        """
        self._source = source
        self._before = source.run(copying.survey(source.store))
        for stream, counts in enumerate(self._before.counts):
            if counts.orders != counts.placed:
                raise errors.InconsistentData(
                    f"stream {stream} of the source has {counts.orders} orders, but {counts.placed} in "
                    "placement order; verify() says what is wrong"
                )
        self.num_orders: int = sum(counts.orders for counts in self._before.counts)
        self.num_paused: int = sum(counts.paused for counts in self._before.counts)
        self.settings: Settings = self._before.settings

    def run(self, target: Link) -> Iterator[int]:
        """Copy all orders, compare all orders, and open the target.

        Yields:
            Of how many orders a step is done. Each order has two: it is written, and it is compared.

        Raises:
            CopyFailed: the source was changed meanwhile, or the target is not this copy's any more. After
                this and any other error nobody can use the target.
            InconsistentData: an order of the source cannot be copied.
        """
        for stream, last_number in enumerate(self._before.last_numbers):
            for orders in self._pages(stream):
                target.run(copying.write_orders(target.store, stream, last_number, orders))
                yield len(orders)
        for stream, counts in enumerate(self._before.counts):
            num_orders = num_paused = 0
            for orders in self._pages(stream):
                target.run(copying.compare_orders(target.store, stream, orders))
                num_orders += len(orders)
                num_paused += sum(order.is_paused for order in orders)
                yield len(orders)
            if counts != StreamCounts(num_orders, num_orders, num_paused):
                raise CopyFailed(_WRITTEN)
        self._check_source()
        target.run(copying.compare_counts(target.store, self._before.counts))
        target.run(copying.finish(target.store))

    def _pages(self, stream: int) -> Iterator[list[CopiedOrder]]:
        """Yield the orders of a stream; at least one page, which may be empty."""
        above, is_last = 0, False
        while not is_last:
            orders = self._source.run(copying.read_orders(self._source.store, stream, above))
            is_last = len(orders) < copying.PAGE
            above = above if is_last else orders[-1].sequence
            yield orders

    def _check_source(self) -> None:
        """Raise where the source is not as it was at the beginning.

        Each change of a client is in its sessions, also one of an order that was compared already.
        """
        now: Survey = self._source.run(copying.survey(self._source.store))
        before = self._before
        has_changed = now.settings != before.settings or now.counts != before.counts
        if has_changed or any(before.sessions.get(key) != data for key, data in now.sessions.items()):
            raise CopyFailed(_WRITTEN)
