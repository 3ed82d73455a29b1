"""Metrics for Prometheus. Needs the extra: `pip install 'cryptoorders-redis[metrics]'`."""

import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager

from cryptoorders_redis import errors
from cryptoorders_redis.observing import CallInfo
from cryptoorders_redis.operations.metrics import StoreMetrics, StreamMetrics
from cryptoorders_redis.system import CryptoOrderSystem

try:
    from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, start_http_server
    from prometheus_client.core import REGISTRY, CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] != "prometheus_client":
        raise
    raise ImportError(
        "metrics need prometheus-client: run pip install 'cryptoorders-redis[metrics]'"
    ) from _missing

MAX_LABELLED_STREAMS = 64
"""With more streams the label `stream` is left out, unless it is asked for."""

_BUCKETS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""In seconds. A call takes about 50 µs, and at most the deadline of the system, which is 10 s."""

OTHER = "other"
"""What stands for the class of an error that is none of this library."""

_ERROR_NAMES: dict[type, str] = {
    error: name
    for name, error in vars(errors).items()
    if isinstance(error, type) and issubclass(error, errors.CryptoOrdersError)
}

ANSWERS: frozenset[str] = frozenset(("yes", "no", "done", OTHER, *_ERROR_NAMES.values()))
"""All values of the label `answer`."""

_log = logging.getLogger("cryptoorders_redis")


class StoreCollector(Collector):
    """The numbers of a store, for a registry of prometheus_client.

    Each scrape calls `system.metrics()` once: one round trip, no scan, O(num_streams). To register it asks
    the store nothing. Where the numbers cannot be read, a scrape has `cryptoorders_up 0` and nothing else,
    at the latest after the deadline of the system, and the log says why. It never raises. So it is also where
    the namespace does not exist; open the system with `create=False`, or it counts as one that is empty.

    A scrape runs in the thread of whoever asks, so it takes a system of the sync API. An async program
    opens one for it beside its own.

    Args:
        system: The store. Its deadline should be below the timeout of a scrape, which is 10 s in Prometheus.
        per_stream: Whether each stream has its own samples also above 64 streams. Otherwise there the label
            `stream` is left out: counts are added up, and of ages the largest is given.
    """

    def __init__(self, system: CryptoOrderSystem, *, per_stream: bool = False) -> None:
        self._system = system
        self._per_stream = per_stream
        self._last_error: type[BaseException] | None = None

    def describe(self) -> Iterable[Metric]:
        """Return nothing: to register it, the store need not be there."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Read the numbers, and return them as metrics."""
        up = GaugeMetricFamily("cryptoorders_up", "Whether the numbers of the store could be read.")
        try:
            read = self._system.metrics()
        except errors.CryptoOrdersError as error:
            if type(error) is not self._last_error:
                _log.warning("the metrics of the store cannot be read: %s", error)
            self._last_error = type(error)
            up.add_metric((), 0)
            return [up]
        self._last_error = None
        up.add_metric((), 1)
        return [up, *_of_store(read), *_of_streams(read, self._groups(read))]

    def _groups(self, read: StoreMetrics) -> "_Groups":
        if self._per_stream or len(read.streams) <= MAX_LABELLED_STREAMS:
            return _Groups(("stream",), [((str(stream.stream),), [stream]) for stream in read.streams])
        return _Groups((), [((), read.streams)])


class _Groups:
    """Streams, together or each alone, with what their samples are labelled by."""

    def __init__(
        self, labels: Sequence[str], groups: Sequence[tuple[Sequence[str], Sequence[StreamMetrics]]]
    ) -> None:
        self.labels: Sequence[str] = labels
        self._groups = groups

    def combine(
        self,
        family: type[GaugeMetricFamily] | type[CounterMetricFamily],
        name: str,
        text: str,
        field: str,
        how: Callable[[Iterable[float]], float] = sum,
    ) -> Metric:
        """Return a metric of a field: the sum over the streams, or what `how` makes of them."""
        metric = family(name, text, labels=self.labels)
        for values, streams in self._groups:
            metric.add_metric(values, how(getattr(stream, field) for stream in streams))
        return metric

    def add_up_each(
        self,
        family: type[GaugeMetricFamily] | type[CounterMetricFamily],
        name: str,
        text: str,
        label: str,
        fields: Sequence[str],
    ) -> Metric:
        """Return a metric of the sums of several fields, which are the values of one more label."""
        metric = family(name, text, labels=(*self.labels, label))
        for values, streams in self._groups:
            for field in fields:
                metric.add_metric((*values, field), sum(getattr(stream, field) for stream in streams))
        return metric


def _of_store(read: StoreMetrics) -> Iterable[Metric]:
    if read.placed_at:
        yield GaugeMetricFamily(
            "cryptoorders_placed_timestamp_seconds",
            "When the last order was placed.",
            read.placed_at.timestamp(),
        )
    yield GaugeMetricFamily("cryptoorders_dead_letters", "Dead letters that are kept.", read.dead_letters)
    yield GaugeMetricFamily("cryptoorders_workers", "Workers that live.", read.workers)
    yield GaugeMetricFamily(
        "cryptoorders_resizing", "Whether a resize is under way.", read.moving_from is not None
    )


def _of_streams(read: StoreMetrics, groups: _Groups) -> Iterable[Metric]:
    gauge, counter = GaugeMetricFamily, CounterMetricFamily
    yield groups.add_up_each(gauge, "cryptoorders_live", "Live orders.", "status", ("active", "paused"))
    if read.changes is not None:
        name, text = "cryptoorders_changes", "Changes that the feed has numbered."
        # All feeds, those that a resize has emptied too: a counter must not fall.
        yield (
            groups.combine(counter, name, text, "changes")
            if groups.labels
            else counter(name, text, read.changes)
        )
    yield groups.combine(gauge, "cryptoorders_intake_waiting", "Events that wait.", "waiting")
    yield groups.combine(
        gauge,
        "cryptoorders_intake_oldest_seconds",
        "How long ago the first waiting event happened.",
        "oldest_seconds",
        max,
    )
    yield groups.combine(
        gauge,
        "cryptoorders_intake_lag_seconds",
        "How long the first waiting event has been due.",
        "lag_seconds",
        max,
    )
    yield groups.add_up_each(
        counter,
        "cryptoorders_intake",
        "Events that were applied; and those that were late, or refused.",
        "outcome",
        ("applied", "late", "refused"),
    )
    yield groups.combine(gauge, "cryptoorders_deadlines", "Deadlines that are set.", "deadlines")
    yield groups.combine(
        gauge,
        "cryptoorders_overdue_seconds",
        "How long ago the first deadline passed that was not carried out.",
        "overdue_seconds",
        max,
    )


class CallMetrics:
    """Counts and times the calls of a system, as its observer. One object may observe several systems.

    `cryptoorders_call_seconds` is a histogram with the labels `call`, which is the name of the call, and
    `answer`: `yes` and `no` where the call returned a bool, `done` where it returned anything else, the name
    of the class of an error of this library, or `other` for what else ended it, such as a cancellation.
    `cryptoorders_attempts_total` counts by `call` what was sent again: a call that needed none adds 0. No id
    of an order or a user is ever a label.

    Args:
        registry: Where the metrics are registered.

    Raises:
        ValueError: The registry has these metrics already.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._seconds = Histogram(
            "cryptoorders_call_seconds",
            "How long calls took, with all waiting.",
            ("call", "answer"),
            registry=registry,
            buckets=_BUCKETS,
        )
        self._attempts = Counter(
            "cryptoorders_attempts", "Requests that had to be sent again.", ("call",), registry=registry
        )
        # `labels` takes more than twice the time of this.
        self._observe: dict[tuple[str, str], Callable[[float], None]] = {}

    def call(self, info: CallInfo) -> None:
        """Take note of a call."""
        key = info.name, _answer_of(info)
        observe = self._observe.get(key)
        if observe is None:
            self._attempts.labels(info.name)  # 0 is a sample too: a rate needs one to begin with
            observe = self._observe[key] = self._seconds.labels(*key).observe
        observe(info.seconds)
        if info.attempts > 1:
            self._attempts.labels(info.name).inc(info.attempts - 1)


def _answer_of(info: CallInfo) -> str:
    """Return the label of what a call returned or raised."""
    if info.error is not None:
        return _ERROR_NAMES.get(type(info.error), OTHER)
    if info.answer is True:
        return "yes"
    return "no" if info.answer is False else "done"


@contextmanager
def serve(collector: StoreCollector, host: str, port: int) -> Generator[int]:
    """Serve the metrics of a collector by HTTP, from a thread of its own, until the block ends.

    Args:
        collector: The collector.
        host: The address to listen at.
        port: The port; 0 for any that is free.

    Yields:
        The port.

    Raises:
        OSError: It cannot listen there.
    """
    server, thread = start_http_server(port, host, _registry_of(collector))
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def format_metrics(collector: StoreCollector) -> str:
    """Return the metrics of a collector in the text format of Prometheus."""
    return generate_latest(_registry_of(collector)).decode()


def _registry_of(collector: StoreCollector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry
