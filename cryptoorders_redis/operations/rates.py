"""How fast a store changes: the rates between two summaries."""

from dataclasses import dataclass

from cryptoorders_redis.operations.summary import Summary


@dataclass(frozen=True, slots=True)
class Rates:
    """Orders a second since the last summary.

    An order that was placed and cancelled between two summaries is only in `changes`: it left nothing else to
    read.

    Attributes:
        placed: Orders placed a second.
        cancelled: Orders cancelled a second.
        changes: Changes of any kind a second, by the change feed; None where there is none.
    """

    placed: float
    cancelled: float
    changes: float | None


def compute_rates(last: Summary, summary: Summary, seconds: float) -> Rates:
    """Return the rates between two summaries. The second one counts what was placed after the first one."""
    cancelled = last.live + summary.placed - summary.live
    changes = None
    if summary.changes is not None and last.changes is not None:
        changes = max(0, summary.changes - last.changes) / seconds
    return Rates(summary.placed / seconds, max(0, cancelled) / seconds, changes)
