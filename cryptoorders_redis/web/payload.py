"""What is told to the browsers of the viewers: messages of server-sent events."""

import json
from collections.abc import Iterable
from datetime import datetime
from heapq import nlargest
from typing import Any, NamedTuple

from cryptoorders_redis.operations.metrics import StoreMetrics, StreamMetrics
from cryptoorders_redis.operations.rates import Rates
from cryptoorders_redis.operations.summary import Summary
from cryptoorders_redis.order import Order

MAX_STREAMS = 10
"""How many streams are shown, those with most orders: a store can have thousands."""

_SHOWN = ("order_id", "user_id", "currency", "amount", "price", "status", "placed_at", "sequence")


class Point(NamedTuple):
    """A point of the plot: a moment, in seconds since 1970, the live orders, and the rates."""

    at: float
    live: int
    placed: float | None
    cancelled: float | None
    changes: float | None


def make_point(at: datetime, summary: Summary, rates: Rates | None) -> Point:
    """Return the point of a look. The first look has no rates."""
    if rates is None:
        return Point(round(at.timestamp(), 2), summary.live, None, None, None)
    changes = None if rates.changes is None else round(rates.changes, 2)
    return Point(
        round(at.timestamp(), 2), summary.live, round(rates.placed, 2), round(rates.cancelled, 2), changes
    )


def encode_look(namespace: str, at: datetime, summary: Summary, metrics: StoreMetrics, point: Point) -> bytes:
    """Return the message of a look."""
    fields = {
        "namespace": namespace,
        "at": at.isoformat(),
        "active": summary.active,
        "paused": summary.paused,
        "moving_from": summary.moving_from,
        "placed_at": metrics.placed_at and metrics.placed_at.isoformat(),
        "point": point,
        "newest": [_to_fields(order) for order in summary.newest],
        "streams": _summarize_streams(metrics.streams),
        "intake": _summarize_intake(metrics),
        "deadlines": {
            "set": sum(stream.deadlines for stream in metrics.streams),
            "overdue": max((stream.overdue_seconds for stream in metrics.streams), default=0),
        },
    }
    return _encode("look", fields)


def encode_failure(namespace: str, at: datetime, error: Exception) -> bytes:
    """Return the message that the store did not answer."""
    return _encode("failure", {"namespace": namespace, "at": at.isoformat(), "error": str(error)})


def encode_past(points: Iterable[Point]) -> bytes:
    """Return the message of the last minutes, which a new viewer gets first."""
    return _encode("past", list(points))


def _encode(name: str, fields: Any) -> bytes:
    # In JSON that is ASCII no line ends, and so no text can end the message.
    return f"event: {name}\ndata: {json.dumps(fields, separators=(',', ':'))}\n\n".encode()


def _to_fields(order: Order) -> dict[str, Any]:
    fields = order.to_dict()
    return {name: fields[name] for name in _SHOWN}


def _summarize_streams(streams: tuple[StreamMetrics, ...]) -> dict[str, Any]:
    busiest = nlargest(MAX_STREAMS, streams, key=lambda stream: (stream.live, -stream.stream))
    return {
        "number": len(streams),
        "busiest": [(each.stream, each.active, each.paused, each.waiting) for each in busiest],
    }


def _summarize_intake(metrics: StoreMetrics) -> dict[str, Any]:
    streams = metrics.streams
    return {
        "waiting": sum(stream.waiting for stream in streams),
        "oldest": max((stream.oldest_seconds for stream in streams), default=0),
        "lag": max((stream.lag_seconds for stream in streams), default=0),
        "applied": sum(stream.applied for stream in streams),
        "late": sum(stream.late for stream in streams),
        "refused": sum(stream.refused for stream in streams),
        "workers": metrics.workers,
        "dead_letters": metrics.dead_letters,
    }
