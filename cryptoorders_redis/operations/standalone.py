"""The operations on a standalone server: each change is one script and one round trip."""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any, ClassVar

from cryptoorders_redis.operations import Call, Operation, ReadTransaction, SingleChange, Steps, is_yes
from cryptoorders_redis.operations.deadlines import EXPIRED, SWEPT, already_expired, become_timed, carry_out
from cryptoorders_redis.operations.found import Decode, N, OrderFacts, Page
from cryptoorders_redis.operations.gate import due_in, gate_commands
from cryptoorders_redis.operations.head import pack_head, pack_read_head, timed_streams
from cryptoorders_redis.operations.intake.advance_call import advance_call
from cryptoorders_redis.operations.store import STALE, Commands, Store
from cryptoorders_redis.operations.words import Argument, Words, pack
from cryptoorders_redis.order import NewOrder, Order
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.records import NewRecord, decode_order, encode_new
from cryptoorders_redis.validation import validate_text


class Standalone(Store):
    """The operations on one namespace of a standalone server."""

    is_standalone: ClassVar[bool] = True

    def __init__(self, namespace: str) -> None:
        super().__init__(Keys(namespace))
        config, directory = self.keys.config, self.keys.directory(0)
        self._slot = self.keys.slot
        self._place_keys = pack((config, self.keys.sequence_of(0), directory))
        self._change_keys = pack((config, directory))

    def place(self, new: NewOrder) -> Operation[bool]:
        orders = (encode_new(new),)
        if orders[0][3]:
            return Operation("place", "change", new[:1], is_yes(self._place("place", orders)))
        return SingleChange("place", new[:1], self._place_call, self._place, "place", orders)

    def get(self, order_id: str, owner: str = "") -> Operation[Order | None]:
        validate_text(order_id, "order_id")
        return Operation("get", "read", (order_id,), self._get(order_id, owner))

    def place_batch(self, orders: Sequence[NewRecord]) -> Steps[bytes]:
        """Place orders in one call, which is atomic. The reply has b"y" for each one placed."""
        return self._place("place_many", orders)

    def change_batch(self, change: str, owner: str, ids: Sequence[str]) -> Steps[bytes]:
        """Pause, resume or cancel orders in one call, which is atomic."""
        return self._change(f"{change}_many", owner, ids)

    def scan(self, cursor: bytes, count: int) -> Steps[tuple[bytes, list[bytes]]]:
        command = ("SCAN", cursor, "MATCH", self.keys.pattern, "COUNT", count)
        ((reply,),) = yield [ReadTransaction(self._slot, (command,))]
        return reply

    def inspect(
        self, stream: int, user_id: str, order_ids: Sequence[bytes], wait_seconds: float = 0.0
    ) -> Steps[list[OrderFacts]]:
        keys = self.keys
        names = (*keys.columns_of(stream), keys.due(stream), keys.directory(0))
        args = pack((keys.namespace, stream, user_id, *order_ids))
        (rows,) = yield [Call("inspect", self._slot, pack(names), args, (), wait_seconds)]
        return [OrderFacts(order_id, *row) for order_id, row in zip(order_ids, rows, strict=True)]

    def read_page(
        self, settings: Settings, wanted: tuple[int, int | None, int], decode: Decode[N]
    ) -> Steps[Page[N] | None]:
        """Reply with the next orders of all streams, read from one position at one moment.

        So an order that is placed later has a higher number than all that were read, and none is passed by;
        nor is one that moves to another stream from one page to the next.
        """
        keys = self.keys
        above, below, limit = wanted
        of_streams = chain.from_iterable(map(keys.columns_of, settings.streams))
        head = (settings.epoch, timed_streams(settings, of_all=True), keys.namespace)
        args = pack((*head, above, "+inf" if below is None else below, limit))
        (reply,) = yield [Call("page", self._slot, pack((keys.config, *of_streams)), args)]
        if reply == STALE:
            return None
        num_read, end, *streams = reply
        orders = [order for columns in streams for order in decode(*columns)]
        return Page(num_read, end and int(end), orders)

    def catch_up(self, streams: Collection[int]) -> Steps[bool]:  # noqa: ARG002 - they have one config
        return self.read_settings()

    def catch_up_or_create(self, streams: Collection[int]) -> Steps[bool]:  # noqa: ARG002 - as above
        yield from self.create_again(self.settings)
        return True

    def advance_streams(self, settings: Settings, streams: Sequence[int], limit: int) -> Steps[list[Any]]:
        return (yield [advance_call(self.keys, settings, stream, limit) for stream in streams])

    def last_numbers(self, settings: Settings) -> Commands:  # noqa: ARG002 - there is one
        yield 0, ("GET", self.keys.sequence_of(0))

    def read_together(self, settings: Settings, commands: Commands) -> Steps[list[Any] | None]:
        read_epoch = ("HMGET", self.keys.config, "epoch", "schema_version")
        listed = list(commands)
        # While orders move, a user may have orders in two streams, and a switch in one of them.
        read = settings.streams if settings.moving_from is not None else sorted({each for each, _ in listed})
        gate = gate_commands(self.keys, read) if settings.timed else []
        while True:
            reads = (read_epoch, *(command for _, command in listed), *gate)
            (replies,) = yield [ReadTransaction(self._slot, reads)]
            epoch, schema_version = replies[0]
            # Without a config there are no orders: dropping removes it last.
            is_gone = epoch is None and schema_version is None
            if not (self._may_create if is_gone else epoch == settings.epoch.encode()):
                return None
            end = 1 + len(listed)
            due = due_in(read, replies[end:]) if gate else ()
            if not due:
                return replies[1:end]
            yield from carry_out(self, due)

    def slot_of_change(self, stream: int) -> str:  # noqa: ARG002 - there is one
        return self._slot

    def sweep(self, settings: Settings, stream: int) -> Steps[bool | None]:
        keys = self.keys
        names = pack((self._change_keys, keys.due(stream)))
        args = pack((pack_head(settings, keys.namespace), stream, SWEPT))
        (reply,) = yield [Call("sweep", self._slot, names, args)]
        return None if reply == STALE else reply == 1

    def _place(self, script: str, orders: Sequence[NewRecord]) -> Steps[bytes]:
        is_timed = any(order[3] for order in orders)
        while True:
            if is_timed:
                yield from become_timed(self)
            settings = self.settings
            (reply,) = yield [self._place_call(script, orders)]
            if is_timed and reply.startswith(EXPIRED):
                raise already_expired(reply)
            if reply != STALE:
                return reply
            yield from self.create_again(settings)

    def _place_call(self, script: str, orders: Sequence[NewRecord]) -> Call:
        """Return the call that places orders by the settings that are known now."""
        settings = self.settings
        head = pack_head(settings, self.keys.namespace)
        parts = [head.data]
        for order_id, user_id, record, expiry in orders:
            stream = b"%d" % settings.stream_of(user_id)
            id_data, user_data = order_id.encode(), user_id.encode()
            parts.append(  # what `pack` does, in half the time
                b"$%d\r\n%b\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n"
                % (len(stream), stream, len(id_data), id_data, len(user_data), user_data, len(record), record)
            )
            parts.append(b"$%d\r\n%b\r\n" % (len(expiry), expiry.encode()) if expiry else b"$0\r\n\r\n")
        args = Words(head.number + 5 * len(orders), b"".join(parts))
        return Call(script, self._slot, self._place_keys, args, [order[0] for order in orders])

    def _change(
        self, script: str, owner: str, ids: Sequence[str], more: Sequence[Argument] = ()
    ) -> Steps[bytes]:
        while True:
            (reply,) = yield [self._change_call(script, owner, ids, more)]
            if reply != STALE:
                return reply
            if not (yield from self.read_settings()):
                return b"n" * len(ids)

    def _change_call(
        self, script: str, owner: str, ids: Sequence[str], more: Sequence[Argument] = ()
    ) -> Call:
        """Return the call that changes orders by the settings that are known now."""
        head = pack_head(self.settings, self.keys.namespace)
        return Call(script, self._slot, self._change_keys, pack((head, owner, *ids, *more)), ids)

    def _change_one(self, name: str, order_id: str, owner: str, *more: str) -> Operation[bool]:
        ids = (validate_text(order_id, "order_id"),)
        return SingleChange(name, ids, self._change_call, self._change, name, owner, ids, more)

    def _cancel_all_by_user(self, user_id: str) -> Steps[int]:
        while True:
            settings = self.settings
            homes = settings.homes_of(user_id)
            keys = pack((self._change_keys, *(self.keys.user(stream, user_id) for stream in homes)))
            args = pack((pack_head(settings, self.keys.namespace), user_id, *homes))
            (reply,) = yield [Call("cancel_all_by_user", self._slot, keys, args, (user_id,))]
            if reply != STALE:
                return int(reply)
            if not (yield from self.read_settings()):
                return 0

    def _get(self, order_id: str, owner: str) -> Steps[Order | None]:
        while True:
            args = pack((pack_read_head(self.settings, self.keys.namespace), order_id))
            (reply,) = yield [Call("get", self._slot, self._change_keys, args)]
            if reply != STALE:
                order = decode_order(order_id.encode(), *reply) if reply else None
                return order if order and owner in ("", order.user_id) else None
            if not (yield from self.read_settings()):
                return None
