"""The operations on a Redis Cluster: the directory and each stream are in slots of their own.

So a call is several scripts, one after the other: look the order up, change it in its stream, release its
id. It takes effect in one of them, the one in its stream. See `claims` for how an order is placed.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, ClassVar, cast

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Steps, is_yes
from cryptoorders_redis.operations.changes import change_orders
from cryptoorders_redis.operations.claims import place_orders, release_dead
from cryptoorders_redis.operations.cluster_sweep import sweep_stream
from cryptoorders_redis.operations.deadlines import carry_out
from cryptoorders_redis.operations.directory import KnownEntries, entries_of, release
from cryptoorders_redis.operations.found import Decode, N, OrderFacts, Page
from cryptoorders_redis.operations.gate import due_in, gate_commands
from cryptoorders_redis.operations.head import due_keys, optional_keys, pack_head, timed_streams
from cryptoorders_redis.operations.intake.cluster_advance import advance_in_cluster
from cryptoorders_redis.operations.store import NO_EVENT, STALE, Commands, Store
from cryptoorders_redis.operations.words import Argument, pack
from cryptoorders_redis.order import NewOrder, Order
from cryptoorders_redis.schema.config import Settings
from cryptoorders_redis.schema.entries import decode_entry
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.schema.records import NewRecord, decode_order, encode_new
from cryptoorders_redis.validation import validate_text

GONE_SECONDS = 3600
"""For so long a stream that is none of the streams keeps the settings that it is told."""


class Cluster(Store):
    """The operations on one namespace of a Redis Cluster.

    Each stream has a copy of the settings, by which its scripts know a client with others. It is told by the
    first change that it refuses with STALE.

    Args:
        namespace: the namespace.
        find_masters: returns the addresses of the masters as they are known now, for scans.
    """

    is_standalone: ClassVar[bool] = False

    def __init__(self, namespace: str, find_masters: Callable[[], Sequence[str]]) -> None:
        super().__init__(ClusterKeys(namespace))
        self.last_seen: int = 0
        """The largest sequence number that this client has seen: what it places comes behind it."""
        self._find_masters = find_masters
        self.known: KnownEntries = KnownEntries()
        self._latest_told: int = 0
        """The latest epoch that a stream was seen to know: the config has it first."""

    def note_sequence(self, number: int) -> None:
        self.last_seen = max(self.last_seen, number)

    def place(self, new: NewOrder) -> Operation[bool]:
        return Operation("place", "change", new[:1], is_yes(self.place_batch((encode_new(new),))))

    def place_batch(self, orders: Sequence[NewRecord]) -> Steps[bytes]:
        return place_orders(self, orders)

    def change_batch(self, change: str, owner: str, ids: Sequence[str]) -> Steps[bytes]:
        return self._change(change, owner, ids)

    def get(self, order_id: str, owner: str = "") -> Operation[Order | None]:
        validate_text(order_id, "order_id")
        return Operation("get", "read", (order_id,), self._get(order_id, owner))

    def scan(self, cursor: bytes, count: int) -> Steps[tuple[bytes, list[bytes]]]:
        """Scan the masters one after the other. The cursor has behind it the addresses of those to scan."""
        position, *nodes = cursor.decode().split()
        nodes = nodes or list(self._find_masters())
        command = ("SCAN", position, "MATCH", self.keys.pattern, "COUNT", count)
        (((position, found),),) = yield [ReadTransaction(self.keys.slot, (command,), nodes[0])]
        left = nodes if position != b"0" else nodes[1:]
        return b" ".join((position, *map(str.encode, left))), found

    def last_numbers(self, settings: Settings) -> Commands:
        for stream in settings.streams:
            yield stream, ("GET", self.keys.sequence_of(stream))

    def read_together(self, settings: Settings, commands: Commands) -> Steps[list[Any] | None]:
        by_stream: dict[int, list[tuple[int, Sequence[Argument]]]] = {}
        count = 0
        for stream, command in commands:
            by_stream.setdefault(stream, []).append((count, command))
            count += 1
        steps = [
            self._read_of_stream(settings, stream, [command for _, command in numbered])
            for stream, numbered in by_stream.items()
        ]
        while True:
            state, *of_streams = yield [self._read_state(), *steps]
            if not self._is_current(settings, state, [told for told, *_ in of_streams]):
                return None
            due = [
                stream
                for stream, reply in zip(by_stream, of_streams, strict=True)
                if self._take_gate(settings, stream, reply)
            ]
            if not due:
                break
            yield from carry_out(self, due)
        replies: list[Any] = [None] * count
        for numbered, (_, *read) in zip(by_stream.values(), of_streams, strict=True):
            for (number, _), reply in zip(numbered, read, strict=True):
                replies[number] = reply
        return replies

    def inspect(
        self, stream: int, user_id: str, order_ids: Sequence[bytes], wait_seconds: float = 0.0
    ) -> Steps[list[OrderFacts]]:
        keys = self.keys
        names = pack((*keys.columns_of(stream), keys.due(stream)))
        args = pack((keys.namespace, stream, user_id, *order_ids))
        (rows,) = yield [Call("inspect", keys.slot_of(stream), names, args, (), wait_seconds)]
        entries = yield from entries_of(self.keys, order_ids)
        return [
            OrderFacts(order_id, row[0], row[1], row[2], row[3], row[4], entry, row[6])
            for order_id, row, entry in zip(order_ids, rows, entries, strict=True)
        ]

    def read_page(
        self, settings: Settings, wanted: tuple[int, int | None, int], decode: Decode[N]
    ) -> Steps[Page[N] | None]:
        """Reply with the next orders of all streams.

        A stream that was read to its end says up to which number that is true. Where another's orders have
        larger numbers, it is read once more, and told the largest: what is placed in it later comes behind
        them. What was placed meanwhile and comes behind them is not given yet.
        """
        replies = yield from self._read_pages(settings, settings.streams, wanted, 0)
        if replies is None:
            return None
        end, has_more = _end_of(replies)
        behind = [stream for stream, (_, up_to, _) in replies.items() if int(up_to) < end]
        if behind:
            again = yield from self._read_pages(settings, behind, wanted, end)
            if again is None:
                return None
            replies.update(again)
            last, has_more = _end_of(replies)
            end = min(end, last)
        orders = [order for *_, columns in replies.values() for order in decode(*columns)]
        given = [order for order in orders if order.sequence <= end]
        self.note_sequence(end if given else 0)
        return Page(len(orders), end if has_more else None, given)

    def _read_pages(
        self, settings: Settings, streams: Collection[int], wanted: tuple[int, int | None, int], told: int
    ) -> Steps[dict[int, Any] | None]:
        """Reply with the next orders of each of some streams; None where the namespace has other settings."""
        steps = [self._page_call(settings, stream, wanted, told) for stream in streams]
        state, *pages = yield [self._read_state(), *steps]
        if STALE in pages or not self._is_current(settings, state, ()):
            return None
        return dict(zip(streams, pages, strict=True))

    def read_settings(self) -> Steps[bool]:
        self.newest_event = NO_EVENT  # it may be of a namespace that is gone
        is_there = yield from super().read_settings()
        if is_there:
            self._check_is_latest()
        return is_there

    def create_again(self, settings: Settings) -> Steps[None]:
        yield from super().create_again(settings)
        self._check_is_latest()

    def stream_in(self, entry: bytes | None) -> int | None:
        """Return the stream that an entry names; None for no entry, and for one that names no stream."""
        decoded = decode_entry(entry) if entry else None
        return decoded.stream if decoded and decoded.stream < self.num_streams else None

    def learn_streams(self, entries: Iterable[bytes | None]) -> Steps[None]:
        """Learn the settings again where an entry names a stream that these do not have.

        The namespace may have been dropped since, and created with more streams: the order may be live.
        """
        decoded = [decode_entry(entry) for entry in entries if entry]
        if any(entry and entry.stream >= self.num_streams for entry in decoded):
            yield from self.read_settings()

    def catch_up(self, streams: Collection[int]) -> Steps[bool]:
        return self._catch_up(streams, self.read_settings)

    def catch_up_or_create(self, streams: Collection[int]) -> Steps[bool]:
        """Learn the settings, and tell these streams; create the namespace where it is gone."""
        settings = self.settings

        def create_again() -> Steps[bool]:
            yield from self.create_again(settings)
            return True

        return self._catch_up(streams, create_again)

    def advance_streams(self, settings: Settings, streams: Sequence[int], limit: int) -> Steps[list[Any]]:
        return advance_in_cluster(self, settings, streams, limit)

    def slot_of_change(self, stream: int) -> str:
        return self.keys.slot_of(stream)

    def sweep(self, settings: Settings, stream: int) -> Steps[bool | None]:
        return sweep_stream(self, settings, stream)

    def _change_one(self, name: str, order_id: str, owner: str, *more: str) -> Operation[bool]:
        ids = (validate_text(order_id, "order_id"),)
        return Operation(name, "change", ids, is_yes(self._change(name, owner, ids, more)))

    def _change(
        self, script: str, owner: str, ids: Sequence[str], more: Sequence[Argument] = ()
    ) -> Steps[bytes]:
        return change_orders(self, script, owner, ids, more)

    def _cancel_all_by_user(self, user_id: str) -> Steps[int]:
        keys = self.keys
        while True:
            settings = self.settings
            stream = settings.stream_of(user_id)
            user = keys.user(stream, user_id)
            ((order_ids,),) = yield [ReadTransaction(keys.slot_of(stream), [("SMEMBERS", user)])]
            order_ids = list(order_ids)
            entries = yield from entries_of(self.keys, order_ids)
            names = (
                keys.config_of(stream), keys.paused(stream), user, keys.orders(stream), keys.placed(stream),
                *optional_keys(keys, settings, stream),
            )  # fmt: skip
            args = pack((pack_head(settings, keys.namespace), stream, user_id))
            call = Call("cluster/cancel_all_by_user", keys.slot_of(stream), pack(names), args, (user_id,))
            (reply,) = yield [call]
            if reply != STALE:
                if not isinstance(reply, list):  # sent again: it says how many they were, and not which
                    yield from release_dead(self, order_ids)
                    return int(reply)
                # Only theirs: another's id may have been cancelled meanwhile, and placed by somebody else.
                cancelled = set(cast("list[bytes]", reply))
                found = zip(order_ids, entries, strict=True)
                mine = {each: entry for each, entry in found if entry and each in cancelled}
                yield from release(self.keys, mine.items())
                yield from release_dead(self, list(cancelled - mine.keys()))  # those placed meanwhile
                return len(cancelled)
            if not (yield from self.catch_up([stream])):
                return 0

    def _get(self, order_id: str, owner: str) -> Steps[Order | None]:
        keys = self.keys
        while True:
            settings = self.settings
            remembered = self.known.get(order_id)
            entry = remembered
            if not owner and not entry:
                (entry,) = yield from entries_of(self.keys, [order_id])
                yield from self.learn_streams([entry])
            stream = settings.stream_of(owner) if owner else self.stream_in(entry)
            if stream is None:
                return None
            read = (
                ("ZSCORE", keys.placed(stream), order_id),
                ("HGET", keys.orders(stream), order_id),
                ("SISMEMBER", keys.paused(stream), order_id),
            )
            ((told, *row),) = yield [self._read_of_stream(settings, stream, read)]
            if self._is_later(told, settings):
                if not (yield from self.catch_up([stream])):
                    return None
                continue
            if self._take_gate(settings, stream, row):
                yield from carry_out(self, [stream])
                continue
            if row[1] is None:
                self.known.forget(order_id)
                if remembered and not owner:
                    continue
                return None
            order = decode_order(order_id.encode(), *row)
            self.note_sequence(order.sequence)
            return order if owner in ("", order.user_id) else None

    def _read_of_stream(
        self, settings: Settings, stream: int, commands: Sequence[Sequence[Argument]]
    ) -> ReadTransaction:
        """Return the step that reads a stream's keys at one moment, and the epoch that it was told.

        Where there may be deadlines, `_take_gate` takes off its reply what is not the commands'.
        """
        told = ("HGET", self.keys.config_of(stream), "epoch")
        gate = gate_commands(self.keys, [stream]) if settings.timed else ()
        return ReadTransaction(self.keys.slot_of(stream), (told, *commands, *gate))

    def _take_gate(self, settings: Settings, stream: int, reply: list[Any]) -> bool:
        """Take the clock and the first deadline off a reply; return whether that has passed."""
        if not settings.timed:
            return False
        gate, reply[-2:] = reply[-2:], []
        return bool(due_in([stream], gate))

    def _read_state(self) -> ReadTransaction:
        return ReadTransaction(self.keys.slot, [("HMGET", self.keys.config, "epoch", "schema_version")])

    def _is_current(self, settings: Settings, state: Any, told: Iterable[bytes | None]) -> bool:
        """Return whether the namespace has these settings, and no stream was told later ones."""
        ((epoch, schema_version),) = state
        if epoch is None and schema_version is None:
            return self._may_create  # and all streams are empty
        return epoch == settings.epoch.encode() and not any(self._is_later(each, settings) for each in told)

    def _page_call(
        self, settings: Settings, stream: int, wanted: tuple[int, int | None, int], told: int
    ) -> Call:
        keys = self.keys
        above, below, limit = wanted
        names = (
            keys.config_of(stream), keys.sequence_of(stream), keys.orders(stream), keys.placed(stream),
            keys.paused(stream), *due_keys(keys, settings, stream),
        )  # fmt: skip
        head = (settings.epoch or "0", timed_streams(settings), keys.namespace, stream)
        args = (*head, above, "+inf" if below is None else below, limit, told)
        return Call("cluster/page", keys.slot_of(stream), pack(names), pack(args))

    def _catch_up(self, streams: Collection[int], learn: Callable[[], Steps[bool]]) -> Steps[bool]:
        """Learn the settings, and tell these streams. False: the namespace is gone."""
        while (yield from learn()):
            settings = self.settings
            known = yield from self.tell(settings, streams)
            if not any(self._is_later(epoch, settings) for epoch in known):
                return True
        return False

    def _check_is_latest(self) -> None:
        if int(self.settings.epoch) < self._latest_told:
            raise errors.InconsistentData(
                f"a stream of namespace {self.keys.namespace!r} knows later settings than its config, "
                "which a failover may have lost: repair() restores it"
            )

    def tell(
        self, settings: Settings, streams: Iterable[int], *, also_gone: bool = False
    ) -> Steps[list[bytes]]:
        """Tell streams the settings; reply with the epochs that they know now.

        Args:
            settings: the settings.
            streams: the streams. Those that are none of the streams are left out.
            also_gone: whether these are told them too, for an hour.
        """
        steps = [
            Call(
                "cluster/know",
                self.keys.slot_of(stream),
                pack((self.keys.config_of(stream), *self.keys.feed_of(stream))),
                pack((settings.epoch, settings.num_streams, settings.feed or "", kept_seconds)),
            )
            for stream in streams
            if (kept_seconds := 0 if stream < settings.num_streams else GONE_SECONDS) == 0 or also_gone
        ]
        return (yield steps) if steps else []

    def _is_later(self, told: bytes | None, settings: Settings) -> bool:
        """Return whether a stream was told later settings than these."""
        epoch = int(told or 0)
        self._latest_told = max(self._latest_told, epoch)
        return epoch > int(settings.epoch or 0)


def _end_of(pages: dict[int, Any]) -> tuple[int, bool]:
    """Return the number up to which pages of streams can be given, and whether there may be more behind it.

    That is where the first of the streams ends that have more; where none has, the last order of all.
    """
    unfinished = [int(up_to) for is_unfinished, up_to, _ in pages.values() if is_unfinished]
    return (min(unfinished), True) if unfinished else (max(map(_last_number, pages.values())), False)


def _last_number(page: Sequence[Any]) -> int:
    """Return the sequence number of a page's last order; 0 where it has none."""
    (_, numbers, *_) = page[2]
    return int(numbers.rpartition(b" ")[2] or 0)
