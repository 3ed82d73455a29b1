"""Makes a span of OpenTelemetry of each call, by an observer. Needs opentelemetry-sdk."""

import time

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from cryptoorders_redis import CallInfo, CryptoOrderSystem


class Spans:
    """An observer for both APIs: a call has ended when it is told of it, so its span begins in the past."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def call(self, info: CallInfo) -> None:
        end = time.time_ns()
        span = self._tracer.start_span(
            f"cryptoorders.{info.name}",
            kind=SpanKind.CLIENT,
            start_time=end - int(info.seconds * 1e9),
            attributes={"cryptoorders.kind": info.kind, "cryptoorders.attempts": info.attempts},
        )
        if info.error is not None:
            span.record_exception(info.error, timestamp=end)
            span.set_status(StatusCode.ERROR, type(info.error).__name__)
        span.end(end)


def main() -> None:
    provider = TracerProvider()
    # In place of the console: opentelemetry-exporter-otlp, and BatchSpanProcessor.
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    observer = Spans(provider.get_tracer("cryptoorders_redis"))
    with CryptoOrderSystem(3, url="memory://", observer=observer) as system:
        system.place("order1", "alice", "BTC", "0.5", 60_000)
        system.cancel("order1")
    provider.shutdown()


if __name__ == "__main__":
    main()
