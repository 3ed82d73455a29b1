"""What reading several keys together has found, on one server or on a Redis Cluster."""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar


class Numbered(Protocol):
    """An order, in whatever form a caller wants it."""

    @property
    def sequence(self) -> int:
        """Its sequence number."""
        ...


N = TypeVar("N", bound=Numbered)

Decode: TypeAlias = Callable[[Sequence[bytes], bytes, Sequence[bytes], bytes], list[N]]
"""Makes orders of what `lua/include/order_columns.lua` has read."""


class OrderFacts(NamedTuple):
    """What each key says of an order; None for what is not there.

    Attributes:
        order_id: the order.
        record: its record.
        sequence: its sequence number, as text.
        paused: 1 where it is among the paused.
        in_users_set: 1 where it is in the set of the user that its record names.
        in_set_found_with: 1 where it is in the set of the user that was asked for.
        entry: the directory's entry.
        deadline: its deadline in `due`, as text.
    """

    order_id: bytes
    record: bytes | None
    sequence: bytes | None
    paused: int
    in_users_set: int
    in_set_found_with: int
    entry: bytes | None
    deadline: bytes | None = None


class Page(NamedTuple, Generic[N]):
    """Some live orders that follow on each other in placement order.

    Attributes:
        num_read: how many orders were read for it.
        end: the sequence number up to which all were given; None at the end of all.
        orders: the orders, not sorted.
    """

    num_read: int
    end: int | None
    orders: list[N]
