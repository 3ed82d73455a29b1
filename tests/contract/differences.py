"""What a Redis Cluster does otherwise than one server. All other tests of the contract hold on both alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Differences:
    """Each is True on a Redis Cluster, and False on one server.

    How keys differ is in `tests/support/consistency.py`: 256 shards of the directory, entries with a token, a
    sequence and a copy of the config for each stream, which stays for an hour after a drop.

    No call by itself shows two more differences, so no test here does: a listing or a count is of one moment
    for each stream, and not of the same for all; and orders of two clients that do not see each other's are
    listed by the clocks of the nodes.

    Attributes:
        batches_interleave_streams: Orders that one batch places in different streams may be listed in another
            turn than they were given in. Those of one stream keep theirs, and so do batches.
        batches_are_unknown_as_a_whole: A batch is not atomic over streams. After an error any part of it may
            be done.
        entries_without_order_are_taken_over: Who places an order takes over an entry of the directory that
            has no order. On one server there can be none, and its id cannot be placed until it is mended.
        changes_ask_the_stream: A change is checked by its stream, and not by the directory or the config. It
            neither believes an entry without an order, nor sees what was done to the config by hand.
        num_streams_is_fixed: `resize` is refused. What moves between masters are slots.
    """

    batches_interleave_streams: bool
    batches_are_unknown_as_a_whole: bool
    entries_without_order_are_taken_over: bool
    changes_ask_the_stream: bool
    num_streams_is_fixed: bool

    def settle(
        self, listed: Sequence[str], batch_of: Callable[[str], int], stream_of: Callable[[str], int]
    ) -> list[str]:
        """Return what was listed, with the orders of each batch by their streams where these interleave."""
        if not self.batches_interleave_streams:
            return list(listed)
        batches = groupby(listed, batch_of)
        return [order_id for _, batch in batches for order_id in sorted(batch, key=stream_of)]


ON_ONE_SERVER = Differences(*[False] * 5)
ON_A_CLUSTER = Differences(*[True] * 5)
