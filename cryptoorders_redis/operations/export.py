"""All live orders in placement order, with their records as they are."""

from collections.abc import Sequence

from cryptoorders_redis.operations import Operation
from cryptoorders_redis.operations.pages import AllOrders
from cryptoorders_redis.operations.queries import Query
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.schema.copies import CopiedOrder, decode_copies


class ExportedOrders:
    """The live orders, page after page: what `LiveOrders` gives, too.

    Args:
        store: the store.
        last_number: the sequence number to end at. Without one an export would never end where orders are
            placed faster than it reads.
    """

    def __init__(self, store: Store, last_number: int) -> None:
        wanted = Query(None, None, None, above=0, below=last_number + 1, limit=None)
        self._pages = AllOrders(store, wanted, decode_copies)

    def next_page(self) -> Operation[Sequence[CopiedOrder]]:
        """Read the next orders: at least one, or none at the end.

        Raises:
            InconsistentData: an order cannot be copied.
        """
        return Operation("export", "read", (), self._pages.next_page(), is_long=True)
