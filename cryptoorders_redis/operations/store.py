"""What the operations on a namespace have in common, whether one server holds it or a Redis Cluster."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps
from cryptoorders_redis.operations.found import Decode, N, OrderFacts, Page
from cryptoorders_redis.operations.gate import clock_in, gate_commands
from cryptoorders_redis.operations.listing import format_listing, merge_runs, read_listing, split_run
from cryptoorders_redis.operations.words import NO_WORDS, Argument, pack
from cryptoorders_redis.order import NewOrder, Number, Order
from cryptoorders_redis.schema.config import SCHEMA_VERSION, Config, Settings
from cryptoorders_redis.schema.keys import Keys
from cryptoorders_redis.schema.placement import PLACEMENTS, Placement
from cryptoorders_redis.schema.records import NewRecord
from cryptoorders_redis.validation import MAX_NUMBER_DIGITS, format_decimal, validate_text

MAX_STREAMS = 16_384
"""The hash slots of a Redis Cluster: more streams than that could not lie in different slots."""

STALE = b"STALE"

NO_EVENT = -1
"""What stands for the newest event time where none is known."""

_log = logging.getLogger("cryptoorders_redis")

ReadOfStream: TypeAlias = tuple[int, Sequence[Argument]]
"""A read command, and the stream whose keys it reads."""

Commands: TypeAlias = Iterable[ReadOfStream]


class Store(ABC):
    """The operations on one namespace.

    Each change and each page tells the server the epoch of the settings that it knows. Where the
    namespace has another epoch, the script answers STALE and does nothing; the config is then read again.
    So no client can ever split a user over two streams. Another thread may learn new settings at any
    time: an operation that needs them twice reads the attribute once.

    What an operation is given is checked when it is made, before anything is sent.

    Attributes:
        is_standalone: whether one server holds all keys, so that one script may touch all streams.
        keys: the names of the keys.
        settings: what the config said when it was read last.
        newest_event: the newest event time that this client has seen. On Redis Cluster it tells all streams.
        has_tried_rights: whether a change was made, so that the server has checked the user's rights.

    No call shows or changes an order whose deadline has passed; see `deadlines`.
    """

    is_standalone: ClassVar[bool]

    def __init__(self, keys: Keys) -> None:
        self.keys: Keys = keys
        self.settings: Settings = Settings("", 0)
        self.has_tried_rights: bool = False
        self.newest_event: int = NO_EVENT
        self._may_create = False

    @property
    def num_streams(self) -> int:
        """The number of streams by the settings that were read last."""
        return self.settings.num_streams

    def open(self, num_streams: int | None, placement: Placement | None, *, create: bool) -> Operation[None]:
        """Join the namespace; if wanted, create it where there is none: for None with 1 stream, "modulo"."""
        if num_streams is not None:
            check_num_streams(num_streams)
        if placement not in (None, *PLACEMENTS):
            raise ValueError(f"placement must be one of {', '.join(PLACEMENTS)}, not {placement!r}")
        self._may_create = create
        return Operation("open", "change", (self.keys.namespace,), self._open(num_streams, placement))

    def _open(self, num_streams: int | None, placement: Placement | None) -> Steps[None]:
        config = yield from self._read_or_create(num_streams or 1, placement or "modulo")
        self.check_server(config)
        if policy := config.evicting_policy:
            _log.warning(
                "the server may evict keys when its memory is full (maxmemory-policy %s): live orders, or "
                "the answers to lost replies, can go; set it to noeviction",
                policy,
            )
        if config.is_dropping or config.is_copying:
            self.settings = Settings("", num_streams or 1, placement or "modulo")
            return  # half dropped, or half copied: for drop() to be called
        if not self._learn(config):
            raise self.no_such_namespace()
        if num_streams not in (None, self.num_streams):
            raise errors.ConfigurationMismatch(
                f"namespace {self.keys.namespace!r} was created with "
                f"num_streams={self.num_streams}, not {num_streams}: leave num_streams out to join it, "
                f"or resize({num_streams}) it, or use another namespace"
            )
        if placement not in (None, self.settings.placement):
            raise errors.ConfigurationMismatch(
                f"namespace {self.keys.namespace!r} was created with placement={self.settings.placement!r}, "
                f"not {placement!r}: leave placement out to join it, or use another namespace"
            )

    def check_server(self, config: Config) -> None:
        """Raise ConfigurationMismatch where a server is of another kind than this store."""
        if self.is_standalone and config.is_cluster_node:
            raise errors.ConfigurationMismatch(
                "the server is a node of a Redis Cluster: open it by a URL that begins with redis+cluster:// "
                "or rediss+cluster://, or hand in a RedisCluster"
            )

    @abstractmethod
    def place(self, new: NewOrder) -> Operation[bool]:
        """Place an order. The answer is False where its id is live already."""

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

    @abstractmethod
    def get(self, order_id: str, owner: str = "") -> Operation[Order | None]:
        """Read an order; with an owner, only that user's. None where it is not live."""

    def display_all_live_orders(self) -> Operation[list[str]]:
        """Read the listing of all streams, at one moment."""
        return Operation("display_all_live_orders", "read", (), read_listing(self), is_long=True)

    def display_live_orders_of(self, user_id: str) -> Operation[list[str]]:
        """Read the listing of one user's orders, at one moment."""
        return Operation(
            "display_all_live_orders", "read", (user_id,), self._display_live_orders_of(user_id), is_long=True
        )

    def placed_by(self, user_id: str, settings: Settings) -> Commands:
        """Yield the command for each home that reads a user's order ids and sequence numbers, in their order.

        A set's members count as scored 1; weighted 0 they leave the sequence number as it is.
        """
        for stream in settings.homes_of(user_id):
            keys = (self.keys.placed(stream), self.keys.user(stream, user_id))
            yield stream, ("ZINTER", 2, *keys, "WEIGHTS", 1, 0, "WITHSCORES")

    @abstractmethod
    def place_batch(self, orders: Sequence[NewRecord]) -> Steps[bytes]:
        """Place orders, one after the other. The reply has b"y" for each one placed."""

    @abstractmethod
    def change_batch(self, change: str, owner: str, ids: Sequence[str]) -> Steps[bytes]:
        """Pause, resume or cancel orders, one after the other; with an owner, only that user's.

        The reply has b"y" for each one that was changed.
        """

    @abstractmethod
    def scan(self, cursor: bytes, count: int) -> Steps[tuple[bytes, list[bytes]]]:
        """Reply with the next cursor and about so many keys. A scan goes from b"0" to b"0"."""

    @abstractmethod
    def inspect(
        self, stream: int, user_id: str, order_ids: Sequence[bytes], wait_seconds: float = 0.0
    ) -> Steps[list[OrderFacts]]:
        """Reply with what all keys say of some orders of a stream, standalone at one moment.

        Args:
            user_id: a user in whose set the ids were found, or an empty text.
            wait_seconds: how long to wait before.
        """

    @abstractmethod
    def read_page(
        self, settings: Settings, wanted: tuple[int, int | None, int], decode: Decode[N]
    ) -> Steps[Page[N] | None]:
        """Reply with the next orders of all streams; None where the namespace has other settings.

        Args:
            settings: what the caller knows.
            wanted: the sequence number behind which to begin; the one before which to end, None for none;
                and how many orders to read of each stream at most, 1 to 5000.
            decode: makes the orders.
        """

    @abstractmethod
    def catch_up(self, streams: Collection[int]) -> Steps[bool]:
        """Learn the namespace's settings, for calls that these streams refused with STALE.

        On Redis Cluster the streams are told them. False: the namespace is gone, and empty for a client that
        may create it.
        """

    @abstractmethod
    def catch_up_or_create(self, streams: Collection[int]) -> Steps[bool]:
        """Learn the settings as `catch_up` does; create the namespace where it is gone."""

    @abstractmethod
    def advance_streams(self, settings: Settings, streams: Sequence[int], limit: int) -> Steps[list[Any]]:
        """Apply the events of streams that are due, in each at most so many.

        The reply of each stream is that of lua/advance.lua.
        """

    def note_sequence(self, number: int) -> None:  # noqa: B027 - one server numbers all orders in turn
        """Place what comes next behind an order that was seen."""

    @abstractmethod
    def slot_of_change(self, stream: int) -> str:
        """Return the hash tag of the sessions in which a stream is changed."""

    @abstractmethod
    def sweep(self, settings: Settings, stream: int) -> Steps[bool | None]:
        """Carry out some of the deadlines of a stream that have passed.

        The reply is whether more may have passed; None where the stream has other settings.
        """

    def read_first_deadlines(self, streams: Sequence[int]) -> Steps[dict[int, int]]:
        """Reply with the microseconds until the first deadline of each stream, by its server's clock.

        Streams without a deadline are left out.
        """
        replies = yield [
            ReadTransaction(self.keys.slot_of(stream), gate_commands(self.keys, [stream]))
            for stream in streams
        ]
        return {
            stream: int(reply[1][1]) - clock_in(reply)
            for stream, reply in zip(streams, replies, strict=True)
            if reply[1]
        }

    @abstractmethod
    def last_numbers(self, settings: Settings) -> Commands:
        """Yield the commands that read the last sequence numbers that were assigned."""

    @abstractmethod
    def read_together(self, settings: Settings, commands: Commands) -> Steps[list[Any] | None]:
        """Reply with what commands read at one moment; None where the namespace has other settings.

        On Redis Cluster it is one moment for each stream.
        """

    def snapshot(self, make_commands: Callable[[Settings], Commands]) -> Steps[list[Any]]:
        """Reply with what commands read at one moment; they are made again where settings have changed."""
        while True:
            settings = self.settings
            replies = yield from self.read_together(settings, make_commands(settings))
            if replies is not None:
                return replies
            yield from self.read_settings()

    def read_settings(self) -> Steps[bool]:
        """Learn the namespace's settings. False: it is gone, and empty for a client that may create it."""
        is_there = self._learn((yield from self.read_config()))
        if not is_there and not self._may_create:
            raise self.no_such_namespace()
        return is_there

    def create_again(self, settings: Settings) -> Steps[None]:
        """Learn the namespace's settings, or create it with these where it is gone.

        Raises:
            StoreUnavailable: the namespace may have been created; what was to be placed in it was not.
        """
        try:
            config = yield from self._read_or_create(settings.num_streams, settings.placement)
        except errors.OutcomeUnknown as error:
            raise errors.StoreUnavailable(f"{error}; no order was placed") from error
        if not self._learn(config):
            raise self.no_such_namespace()

    def read_config(self) -> Steps[Config]:
        """Reply with the config, and what else must be known at the start."""
        (reply,) = yield [Call("read_config", self.keys.slot, pack((self.keys.config,)), NO_WORDS)]
        return Config(*reply)

    def create_call(self, num_streams: int, placement: Placement, copying: str = "") -> Call:
        """Return the call that creates the namespace; with letters that name a copy, for that copy alone."""
        args = pack((SCHEMA_VERSION, num_streams, self.keys.directory_shards, placement, copying))
        return Call("create", self.keys.slot, pack((self.keys.config,)), args, (self.keys.namespace,))

    def no_such_namespace(self) -> errors.NoSuchNamespace:
        """Return the error for a namespace that is not there."""
        return errors.NoSuchNamespace(f"there is no namespace {self.keys.namespace!r} in this store")

    @abstractmethod
    def _change_one(self, name: str, order_id: str, owner: str, *more: str) -> Operation[bool]:
        """Change one order; with an owner, only that user's."""

    @abstractmethod
    def _change(
        self, script: str, owner: str, ids: Sequence[str], more: Sequence[Argument] = ()
    ) -> Steps[bytes]:
        """Change orders by their ids; with an owner, only that user's.

        The reply is the script's; in a namespace that is gone b"n" for each.
        """

    @abstractmethod
    def _cancel_all_by_user(self, user_id: str) -> Steps[int]: ...

    def _read_or_create(self, num_streams: int, placement: Placement) -> Steps[Config]:
        """Reply with the config; where there is none, and there may be one, it is created first."""
        may_be_created = self._may_create
        while True:
            config = yield from self.read_config()
            if config.is_there or not may_be_created:
                return config
            (reply,) = yield [self.create_call(num_streams, placement)]
            may_be_created = reply == b"y"  # else there is one, perhaps without any field that we know

    def _learn(self, config: Config) -> bool:
        """Take over the settings that the config says; False: there is no config."""
        if not config.is_there:
            return False
        self.settings = config.read_settings(self.keys.namespace, self.keys.directory_shards)
        return True

    def _reduce(self, order_id: str, by: str, owner: str) -> Steps[Decimal | None]:
        reply = yield from self._change("reduce", owner, (order_id,), (by, MAX_NUMBER_DIGITS))
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

    def _display_live_orders_of(self, user_id: str) -> Steps[list[str]]:
        def make_commands(settings: Settings) -> Commands:
            yield from self.placed_by(user_id, settings)
            for stream in settings.homes_of(user_id):
                yield stream, ("SINTER", self.keys.user(stream, user_id), self.keys.paused(stream))

        replies = yield from self.snapshot(make_commands)
        num_homes = len(replies) // 2
        order_ids = merge_runs(map(split_run, replies[:num_homes]))
        return format_listing(order_ids, set[bytes]().union(*replies[num_homes:]))


def check_num_streams(num_streams: object) -> None:
    """Refuse what is no legal number of streams.

    Raises:
        TypeError, ValueError: it is none.
    """
    if isinstance(num_streams, bool) or not isinstance(num_streams, int):
        raise TypeError(f"num_streams must be an int, not {type(num_streams).__name__}")
    if not 1 <= num_streams <= MAX_STREAMS:
        raise ValueError(f"num_streams must be 1 to {MAX_STREAMS}, not {num_streams}")
