"""The operations on one Redis node: each change is one script and one round trip."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, Snapshot
from cryptoorders_redis.operations.listing import format_listing, merge_runs
from cryptoorders_redis.order import NewOrder, Number, Order
from cryptoorders_redis.schema.keys import SCHEMA_VERSION, Keys
from cryptoorders_redis.schema.placement import stream_of_user
from cryptoorders_redis.schema.records import decode_order, encode_record
from cryptoorders_redis.transport.resp import Argument
from cryptoorders_redis.validation import format_decimal, validate_text

DIRECTORY_SHARDS = 1
"""One node gains nothing from more, and a person with redis-cli knows where to look."""

MAX_STREAMS = 16_384
"""The hash slots of a Redis Cluster: more streams than that could not lie apart."""

STALE = b"STALE"

_log = logging.getLogger("cryptoorders_redis")

Commands: TypeAlias = Iterable[Sequence[Argument]]


class Standalone:
    """The operations on one namespace.

    `num_streams` is what the namespace's config said last. Whatever depends on that number tells
    it to the server, which does nothing where it is not, or no longer, true; the config is then read
    again. So no client can ever split a user over two streams. Another thread may learn a new number at
    any time: whoever needs it twice reads it once.

    What an operation is given is checked when it is made, before it is run and anything is sent.
    """

    def __init__(self, namespace: str) -> None:
        self.keys: Keys = Keys(namespace)
        self.num_streams: int = 0
        self._directory = self.keys.directory(0)
        self._create = False

    def open(self, num_streams: int | None, *, create: bool) -> Operation[None]:
        """Join the namespace; if wanted, create it with `num_streams` (1 for None) where there is none."""
        _check_num_streams(num_streams)
        self._create = create
        return self._open(num_streams)

    def _open(self, num_streams: int | None) -> Operation[None]:
        config = yield from self._config_of(num_streams or 1)
        if policy := evicting_policy(config):
            _log.warning(
                "the server may evict keys when its memory is full (maxmemory-policy %s): live orders, or "
                "the answers to lost replies, can go; set it to noeviction",
                policy,
            )
        if config[3]:
            self.num_streams = num_streams or 1
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
        """Reply whether the order was placed; False: its id is live already."""
        return self._place(new, encode_record(new))

    def pause(self, order_id: str, owner: str = "") -> Operation[bool]:
        """Reply whether the order was paused; with an owner, only that user's own can be."""
        return self._change("pause", order_id, owner)

    def resume(self, order_id: str, owner: str = "") -> Operation[bool]:
        """Reply whether the order was resumed; with an owner, only that user's own can be."""
        return self._change("resume", order_id, owner)

    def cancel(self, order_id: str, owner: str = "") -> Operation[bool]:
        """Reply whether the order was cancelled; with an owner, only that user's own can be."""
        return self._change("cancel", order_id, owner)

    def amend(
        self, order_id: str, amount: Number | None, price: Number | None, owner: str = ""
    ) -> Operation[bool]:
        """Reply whether the order was amended; with an owner, only that user's own can be."""
        if amount is None and price is None:
            raise ValueError("give an amount, a price, or both")
        new_amount = "" if amount is None else format_decimal(amount, "amount")
        new_price = "" if price is None else format_decimal(price, "price")
        return self._change("amend", order_id, owner, new_amount, new_price)

    def cancel_all_by_user(self, user_id: str) -> Operation[int]:
        """Reply how many orders were cancelled."""
        validate_text(user_id, "user_id")
        return self._cancel_all_by_user(user_id)

    def get(self, order_id: str, owner: str = "") -> Operation[Order | None]:
        """Reply with the order, if it is live; with an owner, only if it is that user's."""
        validate_text(order_id, "order_id")
        return _read(order_id, owner, Call("get", (self._directory,), (self.keys.namespace, order_id)))

    def display_all_live_orders(self) -> Operation[list[str]]:
        """Reply with the listing of all streams, at one moment."""

        def commands(num_streams: int) -> Commands:
            for stream in range(num_streams):
                yield "ZRANGE", self.keys.placed(stream), 0, -1, "WITHSCORES"
                yield "SMEMBERS", self.keys.paused(stream)

        replies = yield from self.snapshot(commands)
        return format_listing(merge_runs(replies[0::2]), set[bytes]().union(*replies[1::2]))

    def display_live_orders_of(self, user_id: str) -> Operation[list[str]]:
        """Reply with the listing of one user's orders, at one moment."""

        def commands(num_streams: int) -> Commands:
            stream = stream_of_user(user_id, num_streams)
            yield self.placed_by(user_id, num_streams)
            yield "SINTER", self.keys.user(stream, user_id), self.keys.paused(stream)

        run, paused = yield from self.snapshot(commands)
        return format_listing(merge_runs([run]), set(paused))

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

    def snapshot(self, commands: Callable[[int], Commands]) -> Operation[list[Any]]:
        """Reply with what the commands for num_streams read at one moment, made anew where it has changed."""
        while True:
            num_streams = self.num_streams
            says = ("HGET", self.keys.config, "num_streams")
            (replies,) = yield [Snapshot((says, *commands(num_streams)))]
            # Without a config there are no orders: dropping removes it last.
            if replies[0] == b"%d" % num_streams or (replies[0] is None and self._create):
                return replies[1:]
            yield from self.read_config()

    def read_config(self) -> Operation[bool]:
        """Learn the namespace's num_streams. False: it is gone, and empty for a client that may create it."""
        (config,) = yield [self.config_call()]
        there = self._learn(config)
        if not there and not self._create:
            raise self.no_such_namespace()
        return there

    def create_again(self, num_streams: int) -> Operation[None]:
        """Learn the namespace's num_streams, or create it with this one where it is gone.

        Raises:
            StoreUnavailable: the namespace may have been created; what was to be placed in it was not.
        """
        try:
            config = yield from self._config_of(num_streams)
        except errors.OutcomeUnknown as error:
            raise errors.StoreUnavailable(f"{error}; no order was placed") from error
        if not self._learn(config):
            raise self.no_such_namespace()

    def config_call(self) -> Call:
        """Return the call that reads the config, and what else is to be known at the start."""
        return Call("read_config", (self.keys.config,), ())

    def _config_of(self, num_streams: int) -> Operation[Sequence[bytes | None]]:
        """Reply with the config; where there is none, and there may be one, it is created first."""
        settings = (SCHEMA_VERSION, num_streams, DIRECTORY_SHARDS)
        create = Call("create", (self.keys.config,), settings, changes=(self.keys.namespace,))
        may_be_created = self._create
        while True:
            (config,) = yield [self.config_call()]
            if any(config[:4]) or not may_be_created:
                return config
            (may_be_created,) = yield [create]  # 0: there is one, perhaps without any field that we know

    def _learn(self, config: Sequence[bytes | None]) -> bool:
        """Take over the num_streams that the config says; False: there is no config."""
        if not any(config[:4]):
            return False
        if config[3]:
            raise errors.NoSuchNamespace(
                f"namespace {self.keys.namespace!r} is being dropped: drop() finishes that"
            )
        schema_version, streams, directory_shards = (_number(field) for field in config[:3])
        if schema_version != SCHEMA_VERSION or not streams:
            raise errors.SchemaVersionMismatch(
                f"namespace {self.keys.namespace!r} holds data of schema version {config[0]}; "
                f"this release knows {SCHEMA_VERSION}"
            )
        if directory_shards != DIRECTORY_SHARDS:
            raise errors.ConfigurationMismatch(
                f"namespace {self.keys.namespace!r} was created with "
                f"directory_shards={directory_shards}; on one node this release knows "
                f"{DIRECTORY_SHARDS}"
            )
        self.num_streams = streams
        return True

    def no_such_namespace(self) -> errors.NoSuchNamespace:
        """Return the error for a namespace that is not there."""
        return errors.NoSuchNamespace(f"there is no namespace {self.keys.namespace!r} in this store")

    def _place(self, new: NewOrder, record: bytes) -> Operation[bool]:
        while True:
            num_streams = self.num_streams
            (reply,) = yield [self._place_call(new, record, num_streams)]
            if reply != STALE:
                return bool(reply)
            yield from self.create_again(num_streams)

    def _place_call(self, new: NewOrder, record: bytes, num_streams: int) -> Call:
        keys, stream = self.keys, stream_of_user(new.user_id, num_streams)
        return Call(
            "place",
            (
                keys.config,
                keys.sequence,
                self._directory,
                keys.orders(stream),
                keys.placed(stream),
                keys.user(stream, new.user_id),
            ),
            (keys.namespace, num_streams, stream, new.order_id, record),
            changes=(new.order_id,),
        )

    def _cancel_all_by_user(self, user_id: str) -> Operation[int]:
        while True:
            (reply,) = yield [self._cancel_all_by_user_call(user_id, self.num_streams)]
            if reply != STALE:
                return int(reply)
            if not (yield from self.read_config()):
                return 0

    def _cancel_all_by_user_call(self, user_id: str, num_streams: int) -> Call:
        keys, stream = self.keys, stream_of_user(user_id, num_streams)
        return Call(
            "cancel_all_by_user",
            (
                keys.config,
                self._directory,
                keys.orders(stream),
                keys.placed(stream),
                keys.paused(stream),
                keys.user(stream, user_id),
            ),
            (num_streams,),
            changes=(user_id,),
        )

    def _change(self, script: str, order_id: str, owner: str, *more: str) -> Operation[bool]:
        validate_text(order_id, "order_id")
        args = (self.keys.namespace, order_id, owner, *more)
        return _changed(Call(script, (self._directory,), args, changes=(order_id,)))


# Not functions in the methods: to make one, with its annotations, took 2 µs of each call.
def _changed(call: Call) -> Operation[bool]:
    (reply,) = yield [call]
    return reply == 1


def _read(order_id: str, owner: str, call: Call) -> Operation[Order | None]:
    (reply,) = yield [call]
    order = decode_order(order_id.encode(), *reply) if reply else None
    return order if order and owner in ("", order.user_id) else None


def evicting_policy(config: Sequence[bytes | None]) -> str | None:
    """Return the server's maxmemory-policy, by the reply to `config_call`, if it is one that removes keys."""
    policy = config[4]
    return None if policy in (None, b"noeviction") else policy.decode()


def _number(field: bytes | None) -> int:
    """Return a config field's number; 0, which none of them can be, for anything else."""
    return int(field) if field and field.isdigit() and not field.startswith(b"0") else 0


def _check_num_streams(num_streams: object) -> None:
    if num_streams is None:
        return
    if isinstance(num_streams, bool) or not isinstance(num_streams, int):
        raise TypeError(f"num_streams must be an int or None, not {type(num_streams).__name__}")
    if not 1 <= num_streams <= MAX_STREAMS:
        raise ValueError(f"num_streams must be 1 to {MAX_STREAMS}, not {num_streams}")
