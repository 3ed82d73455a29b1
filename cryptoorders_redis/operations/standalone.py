"""The operations on a standalone server: each change is one script and one round trip."""

import logging
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, SingleChange, Steps
from cryptoorders_redis.operations.listing import format_listing, read_listing, split_run
from cryptoorders_redis.operations.words import NO_WORDS, Argument, Words, pack
from cryptoorders_redis.order import NewOrder, Number, Order
from cryptoorders_redis.schema.config import SCHEMA_VERSION, Config, Settings, number_in
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.schema.records import NewRecord, decode_order, encode_record
from cryptoorders_redis.validation import MAX_NUMBER_DIGITS, format_decimal, validate_text

DIRECTORY_SHARDS = 1
"""A standalone server gains nothing from more, and a person with redis-cli knows where to look."""

MAX_STREAMS = 16_384
"""The hash slots of a Redis Cluster: more streams than that could not lie in different slots."""

STALE = b"STALE"

_log = logging.getLogger("cryptoorders_redis")

Commands: TypeAlias = Iterable[Sequence[Argument]]


class Standalone:
    """The operations on one namespace.

    Each change and each page tells the server the epoch of the settings that it knows. Where the
    namespace has another epoch, the script answers STALE and does nothing; the config is then read again.
    So no client can ever split a user over two streams. Another thread may learn new settings at any
    time: an operation that needs them twice reads the attribute once.

    What an operation is given is checked when it is made, before anything is sent.
    """

    def __init__(self, namespace: str) -> None:
        self.keys: Keys = Keys(namespace)
        self.settings: Settings = Settings("", 0)
        self._slot = self.keys.slot
        config, directory = self.keys.config, self.keys.directory(0)
        self._directory = pack((directory,))
        self._config = pack((config,))
        self._place_keys = pack((config, self.keys.sequence, directory))
        self._change_keys = pack((config, directory))
        self._create = False

    @property
    def num_streams(self) -> int:
        """The number of streams by the settings that were read last."""
        return self.settings.num_streams

    def open(self, num_streams: int | None, *, create: bool) -> Operation[None]:
        """Join the namespace; if wanted, create it with `num_streams` (1 for None) where there is none."""
        _check_num_streams(num_streams)
        self._create = create
        return Operation("open", "change", (self.keys.namespace,), self._open(num_streams))

    def _open(self, num_streams: int | None) -> Steps[None]:
        config = yield from self._read_or_create(num_streams or 1)
        if policy := config.evicting_policy:
            _log.warning(
                "the server may evict keys when its memory is full (maxmemory-policy %s): live orders, or "
                "the answers to lost replies, can go; set it to noeviction",
                policy,
            )
        if config.is_dropping:
            self.settings = Settings("", num_streams or 1)
            return  # half dropped: for drop() to be called again
        if not self._learn(config):
            raise self.no_such_namespace()
        if num_streams not in (None, self.num_streams):
            raise errors.ConfigurationMismatch(
                f"namespace {self.keys.namespace!r} was created with "
                f"num_streams={self.num_streams}, not {num_streams}: leave num_streams out to join it, "
                "or use another namespace, or drop() this one with all its orders and create it again"
            )

    def place(self, new: NewOrder) -> Operation[bool]:
        """Place an order. The answer is False where its id is live already."""
        orders = ((new[0], new[1], encode_record(new)),)
        return SingleChange("place", new[:1], self.place_call, self.place_batch, "place", orders)

    def pause(self, order_id: str, owner: str = "") -> Operation[bool]:
        """Pause an order; with an owner, only that user's."""
        return self._change_one("pause", order_id, owner)

    def resume(self, order_id: str, owner: str = "") -> Operation[bool]:
        """Resume an order; with an owner, only that user's."""
        return self._change_one("resume", order_id, owner)

    def cancel(self, order_id: str, owner: str = "") -> Operation[bool]:
        """Cancel an order; with an owner, only that user's."""
        return self._change_one("cancel", order_id, owner)

    def amend(
        self,
        order_id: str,
        owner: str = "",
        *,
        amount: Number | None,
        price: Number | None,
        expected_amount: Number | None,
        expected_price: Number | None,
    ) -> Operation[bool]:
        """Change an order's amount or price where it is as expected; with an owner, only that user's."""
        if amount is None and price is None:
            raise ValueError("give an amount, a price, or both")
        numbers = (
            "" if amount is None else format_decimal(amount, "amount"),
            "" if price is None else format_decimal(price, "price"),
            "" if expected_amount is None else format_decimal(expected_amount, "expected_amount"),
            "" if expected_price is None else format_decimal(expected_price, "expected_price"),
        )
        return self._change_one("amend", order_id, owner, *numbers)

    def reduce(self, order_id: str, by: Number, owner: str = "") -> Operation[Decimal | None]:
        """Take `by` off an order's amount; with an owner, only of that user's. None where it is not live."""
        validate_text(order_id, "order_id")
        return Operation(
            "reduce", "change", (order_id,), self._reduce(order_id, format_decimal(by, "by"), owner)
        )

    def cancel_all_by_user(self, user_id: str) -> Operation[int]:
        """Cancel all orders of a user. The answer is how many they were."""
        validate_text(user_id, "user_id")
        return Operation(
            "cancel_all_by_user", "change", (user_id,), self._cancel_all_by_user(user_id), is_long=True
        )

    def get(self, order_id: str, owner: str = "") -> Operation[Order | None]:
        """Read an order; with an owner, only that user's. None where it is not live."""
        validate_text(order_id, "order_id")
        call = Call("get", self._slot, self._directory, pack((self.keys.namespace, order_id)))
        return Operation("get", "read", (order_id,), _read_order(order_id, owner, call))

    def display_all_live_orders(self) -> Operation[list[str]]:
        """Read the listing of all streams, at one moment."""
        return Operation("display_all_live_orders", "read", (), read_listing(self), is_long=True)

    def display_live_orders_of(self, user_id: str) -> Operation[list[str]]:
        """Read the listing of one user's orders, at one moment."""
        return Operation(
            "display_all_live_orders", "read", (user_id,), self._display_live_orders_of(user_id), is_long=True
        )

    def placed_by(self, user_id: str, num_streams: int) -> Sequence[Argument]:
        """Return the command that reads one user's order ids and sequence numbers, in their order.

        A set's members count as scored 1; weighted 0 they leave the sequence number as it is.
        """
        stream = stream_of_user(user_id, num_streams)
        keys = (self.keys.placed(stream), self.keys.user(stream, user_id))
        return "ZINTER", 2, *keys, "WEIGHTS", 1, 0, "WITHSCORES"

    def scan(self, cursor: bytes, count: int) -> Sequence[Argument]:
        """Return the command that finds about so many keys of the namespace."""
        return "SCAN", cursor, "MATCH", self.keys.pattern, "COUNT", count

    def snapshot(self, make_commands: Callable[[int], Commands]) -> Steps[list[Any]]:
        """Reply with what commands read at one moment; they are made again where settings have changed."""
        while True:
            settings = self.settings
            replies = yield from self.read_together(settings, make_commands(settings.num_streams))
            if replies is not None:
                return replies
            yield from self.read_settings()

    def read_together(self, settings: Settings, commands: Commands) -> Steps[list[Any] | None]:
        """Reply with what commands read at one moment; None where the namespace has other settings."""
        read_epoch = ("HMGET", self.keys.config, "epoch", "schema_version")
        (replies,) = yield [ReadTransaction(self._slot, (read_epoch, *commands))]
        epoch, schema_version = replies[0]
        # Without a config there are no orders: dropping removes it last.
        is_gone = epoch is None and schema_version is None
        is_current = self._create if is_gone else epoch == settings.epoch.encode()
        return replies[1:] if is_current else None

    def read_settings(self) -> Steps[bool]:
        """Learn the namespace's settings. False: it is gone, and empty for a client that may create it."""
        is_there = self._learn((yield from self.read_config()))
        if not is_there and not self._create:
            raise self.no_such_namespace()
        return is_there

    def create_again(self, num_streams: int) -> Steps[None]:
        """Learn the namespace's settings, or create it with so many streams where it is gone.

        Raises:
            StoreUnavailable: the namespace may have been created; what was to be placed in it was not.
        """
        try:
            config = yield from self._read_or_create(num_streams)
        except errors.OutcomeUnknown as error:
            raise errors.StoreUnavailable(f"{error}; no order was placed") from error
        if not self._learn(config):
            raise self.no_such_namespace()

    def read_config(self) -> Steps[Config]:
        """Reply with the config, and what else must be known at the start."""
        (reply,) = yield [Call("read_config", self._slot, self._config, NO_WORDS)]
        return Config(*reply)

    def place_batch(self, script: str, orders: Sequence[NewRecord]) -> Steps[bytes]:
        """Place orders in one call. The reply has b"y" for each one placed."""
        while True:
            num_streams = self.num_streams
            (reply,) = yield [self.place_call(script, orders)]
            if reply != STALE:
                return reply
            yield from self.create_again(num_streams)

    def place_call(self, script: str, orders: Sequence[NewRecord]) -> Call:
        """Return the call that places orders by the settings that are known now."""
        settings = self.settings
        num_streams = settings.num_streams
        parts = [_pack_settings(settings.epoch, self.keys.namespace).data]
        for order_id, user_id, record in orders:
            stream = b"%d" % stream_of_user(user_id, num_streams)
            id_data, user_data = order_id.encode(), user_id.encode()
            parts.append(  # what `pack` does, in half the time
                b"$%d\r\n%b\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n"
                % (len(stream), stream, len(id_data), id_data, len(user_data), user_data, len(record), record)
            )
        args = Words(2 + 4 * len(orders), b"".join(parts))
        return Call(script, self._slot, self._place_keys, args, [order[0] for order in orders])

    def change_batch(
        self, script: str, owner: str, ids: Sequence[str], more: Sequence[Argument] = ()
    ) -> Steps[bytes]:
        """Change orders by their ids in one call; with an owner, only that user's.

        The reply is the script's; in a namespace that is gone b"n" for each.
        """
        while True:
            (reply,) = yield [self.change_call(script, owner, ids, more)]
            if reply != STALE:
                return reply
            if not (yield from self.read_settings()):
                return b"n" * len(ids)

    def change_call(self, script: str, owner: str, ids: Sequence[str], more: Sequence[Argument] = ()) -> Call:
        """Return the call that changes orders by the settings that are known now."""
        settings = _pack_settings(self.settings.epoch, self.keys.namespace)
        return Call(script, self._slot, self._change_keys, pack((settings, owner, *ids, *more)), ids)

    def no_such_namespace(self) -> errors.NoSuchNamespace:
        """Return the error for a namespace that is not there."""
        return errors.NoSuchNamespace(f"there is no namespace {self.keys.namespace!r} in this store")

    def _read_or_create(self, num_streams: int) -> Steps[Config]:
        """Reply with the config; where there is none, and there may be one, it is created first."""
        settings = pack((SCHEMA_VERSION, num_streams, DIRECTORY_SHARDS))
        create = Call("create", self._slot, self._config, settings, (self.keys.namespace,))
        may_be_created = self._create
        while True:
            config = yield from self.read_config()
            if config.is_there or not may_be_created:
                return config
            (reply,) = yield [create]
            may_be_created = reply == b"y"  # else there is one, perhaps without any field that we know

    def _learn(self, config: Config) -> bool:
        """Take over the settings that the config says; False: there is no config."""
        if not config.is_there:
            return False
        namespace = self.keys.namespace
        if config.is_dropping:
            raise errors.NoSuchNamespace(f"namespace {namespace!r} is being dropped: drop() finishes that")
        num_streams, directory_shards = number_in(config.num_streams), number_in(config.directory_shards)
        if number_in(config.schema_version) != SCHEMA_VERSION or not num_streams:
            found = (config.schema_version or b"?").decode(errors="backslashreplace")
            raise errors.SchemaVersionMismatch(
                f"namespace {namespace!r} holds data of schema version {found}; "
                f"this release knows {SCHEMA_VERSION}"
            )
        if not config.epoch:
            raise errors.SchemaVersionMismatch(
                f"the config of namespace {namespace!r} has no epoch: it was written by a release before "
                "0.1.0, or changed by hand"
            )
        if directory_shards != DIRECTORY_SHARDS:
            raise errors.ConfigurationMismatch(
                f"namespace {namespace!r} was created with directory_shards={directory_shards}; "
                f"standalone this release knows {DIRECTORY_SHARDS}"
            )
        self.settings = Settings(config.epoch.decode(), num_streams)
        return True

    def _change_one(self, name: str, order_id: str, owner: str, *more: str) -> Operation[bool]:
        ids = (validate_text(order_id, "order_id"),)
        return SingleChange(name, ids, self.change_call, self.change_batch, name, owner, ids, more)

    def _reduce(self, order_id: str, by: str, owner: str) -> Steps[Decimal | None]:
        reply = yield from self.change_batch("reduce", owner, (order_id,), (by, MAX_NUMBER_DIGITS))
        if reply == b"n":
            return None
        answer, _, number = reply.decode().partition(" ")
        if answer == "MORE":
            left = Decimal(number)
            raise errors.AmountExceeded(
                f"order {order_id!r} has an amount of {number}, and cannot be reduced by {by}", left=left
            )
        if answer == "DIGITS":
            raise errors.TooManyDigits(
                f"by has too many digits: the rest would have {number}, and {MAX_NUMBER_DIGITS} are allowed"
            )
        return Decimal(answer)

    def _cancel_all_by_user(self, user_id: str) -> Steps[int]:
        while True:
            settings = self.settings
            stream = stream_of_user(user_id, settings.num_streams)
            keys = pack((self._change_keys, self.keys.user(stream, user_id)))
            args = pack((settings.epoch, self.keys.namespace, stream, user_id))
            (reply,) = yield [Call("cancel_all_by_user", self._slot, keys, args, (user_id,))]
            if reply != STALE:
                return int(reply)
            if not (yield from self.read_settings()):
                return 0

    def _display_live_orders_of(self, user_id: str) -> Steps[list[str]]:
        def make_commands(num_streams: int) -> Commands:
            stream = stream_of_user(user_id, num_streams)
            yield self.placed_by(user_id, num_streams)
            yield "SINTER", self.keys.user(stream, user_id), self.keys.paused(stream)

        run, paused = yield from self.snapshot(make_commands)
        return format_listing(split_run(run)[0], set(paused))


@lru_cache(maxsize=64)
def _pack_settings(epoch: str, namespace: str) -> Words:
    """Return the words by which a change says which settings it was made for."""
    return pack((epoch, namespace))


# Not a function in the method: to make one, with its annotations, took 2 µs of each call.
def _read_order(order_id: str, owner: str, call: Call) -> Steps[Order | None]:
    (reply,) = yield [call]
    order = decode_order(order_id.encode(), *reply) if reply else None
    return order if order and owner in ("", order.user_id) else None


def _check_num_streams(num_streams: object) -> None:
    if num_streams is None:
        return
    if isinstance(num_streams, bool) or not isinstance(num_streams, int):
        raise TypeError(f"num_streams must be an int or None, not {type(num_streams).__name__}")
    if not 1 <= num_streams <= MAX_STREAMS:
        raise ValueError(f"num_streams must be 1 to {MAX_STREAMS}, not {num_streams}")
