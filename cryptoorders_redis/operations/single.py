"""Changes of one order: nearly always one call. Nothing else is made before it turns out to be needed."""

from collections.abc import Sequence
from typing import Protocol

from cryptoorders_redis.operations import Call, SingleChange, Steps
from cryptoorders_redis.operations.words import Argument
from cryptoorders_redis.order import OrderFields
from cryptoorders_redis.schema.records import NewRecord
from cryptoorders_redis.validation import validate_text


class Node(Protocol):
    """What makes the calls."""

    def place_call(self, script: str, orders: Sequence[NewRecord], /) -> Call: ...
    def place_batch(self, script: str, orders: Sequence[NewRecord], /) -> Steps[bytes]: ...
    def change_call(
        self, script: str, owner: str, ids: Sequence[str], more: Sequence[Argument], /
    ) -> Call: ...
    def change_batch(
        self, script: str, owner: str, ids: Sequence[str], /, *more: Argument
    ) -> Steps[bytes]: ...


class Placing(SingleChange):
    __slots__ = ("_node", "_orders")

    def __init__(self, node: Node, new: OrderFields, record: bytes) -> None:
        self.name = "place"
        self.kind = "change"
        self.ids = new[:1]
        self.attempts = 1
        self._node = node
        self._orders = ((new, record),)

    def first_call(self) -> Call:
        return self._node.place_call("place", self._orders)

    def steps(self) -> Steps[bool]:
        return (yield from self._node.place_batch("place", self._orders)) == b"y"


class ChangeById(SingleChange):
    __slots__ = ("_more", "_node", "_owner")

    def __init__(self, node: Node, name: str, order_id: str, owner: str, *more: str) -> None:
        self.name = name
        self.kind = "change"
        self.ids = (validate_text(order_id, "order_id"),)
        self.attempts = 1
        self._node = node
        self._owner = owner
        self._more = more

    def first_call(self) -> Call:
        return self._node.change_call(self.name, self._owner, self.ids, self._more)

    def steps(self) -> Steps[bool]:
        return (yield from self._node.change_batch(self.name, self._owner, self.ids, *self._more)) == b"y"
