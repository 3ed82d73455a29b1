"""The example of an observer that makes spans of OpenTelemetry."""

import importlib.util
import json
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from cryptoorders_redis import errors
from tests.support.servers import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "opentelemetry_observer.py"


def test_the_example_shows_a_span_of_each_call():
    done = subprocess.run([sys.executable, EXAMPLE], check=True, capture_output=True, text=True, timeout=60)
    spans = [json.loads(text + "}") for text in done.stdout.split("\n}\n") if text.strip()]
    assert [span["name"] for span in spans] == [
        "cryptoorders.open", "cryptoorders.place", "cryptoorders.cancel",
    ]  # fmt: skip
    assert all(span["attributes"]["cryptoorders.attempts"] == 1 for span in spans)


def test_a_span_has_the_time_and_the_error_of_its_call(api, namespace):
    spec = importlib.util.spec_from_file_location("opentelemetry_observer", EXAMPLE)
    assert spec
    assert spec.loader
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    observer = example.Spans(provider.get_tracer("test"))
    with api(2, url=f"memory://{namespace}", namespace=namespace, observer=observer) as system:
        system.place("o", "alice", "BTC", 1, 1)
        with pytest.raises(errors.AmountExceeded):
            system.reduce("o", 2)
    placed, reduced = exporter.get_finished_spans()[1:]
    assert (placed.name, placed.status.status_code) == ("cryptoorders.place", StatusCode.UNSET)
    assert placed.start_time
    assert placed.end_time
    assert placed.start_time < placed.end_time
    assert (reduced.status.status_code, reduced.status.description) == (StatusCode.ERROR, "AmountExceeded")
    assert reduced.events[0].name == "exception"
