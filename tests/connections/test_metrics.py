"""The metrics for Prometheus: those of a store, and those of an observer."""

import gc
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from cryptoorders_redis import CryptoOrderSystem, Event, errors
from cryptoorders_redis.metrics import ANSWERS, CallMetrics, StoreCollector
from cryptoorders_redis.observing import CallInfo
from tests.support.nasty import NASTY_IDS
from tests.support.proxy import Fault


def samples(registry):
    """What a scrape shows: the value of each sample by its name and the values of its labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith(("_bucket", "_created", "_sum"))
    }


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        yield system


@pytest.fixture
def scrape(registry, system):
    registry.register(StoreCollector(system))
    return lambda: samples(registry)


def fill(system):
    system.configure(feed=1000)
    system.place_many([(f"o{number}", f"user{number % 9}", "BTC", 1, 1) for number in range(30)])
    system.pause_many([f"o{number}" for number in range(0, 30, 4)])
    assert system.place("kept", "user1", "BTC", 1, 1, expires_at=timedelta(hours=1))
    system.intake.configure(window=2, quiet=None)
    for number in range(9):
        event_time = datetime.now(UTC) - timedelta(seconds=20 - number)
        system.submit(Event("place", f"user{number}", event_time, f"event{number}", "BTC", 1, 1))
    system.intake.beat("worker")
    # The last one: each call after it may carry its deadline out.
    assert system.place("late", "user1", "BTC", 1, 1, expires_at=timedelta(milliseconds=1))


def test_each_number_of_a_scrape_is_the_stores(system, scrape):
    fill(system)
    time.sleep(0.01)
    seen, read = scrape(), system.metrics()
    expected = {
        ("cryptoorders_up",): 1,
        ("cryptoorders_placed_timestamp_seconds",): read.placed_at.timestamp(),
        ("cryptoorders_dead_letters",): 0,
        ("cryptoorders_workers",): 1,
        ("cryptoorders_resizing",): 0,
    }
    ages = set()
    for each in read.streams:
        stream = str(each.stream)
        ages |= {
            ("cryptoorders_intake_oldest_seconds", stream),
            ("cryptoorders_overdue_seconds", stream),
        }
        expected |= {
            ("cryptoorders_live", stream, "active"): each.active,
            ("cryptoorders_live", stream, "paused"): each.paused,
            ("cryptoorders_changes_total", stream): each.changes,
            ("cryptoorders_intake_waiting", stream): each.waiting,
            ("cryptoorders_intake_lag_seconds", stream): each.lag_seconds,
            ("cryptoorders_intake_total", stream, "applied"): each.applied,
            ("cryptoorders_intake_total", stream, "late"): each.late,
            ("cryptoorders_intake_total", stream, "refused"): each.refused,
            ("cryptoorders_deadlines", stream): each.deadlines,
            ("cryptoorders_intake_oldest_seconds", stream): pytest.approx(each.oldest_seconds, abs=2),
            ("cryptoorders_overdue_seconds", stream): pytest.approx(each.overdue_seconds, abs=2),
        }
    assert seen == expected
    assert read.live == 32
    assert read.waiting == 9
    assert sum(each.deadlines for each in read.streams) == 2
    assert max(seen[age] for age in ages) > 10
    assert max(each.overdue_seconds for each in read.streams) > 0


def test_a_scrape_is_one_transaction_that_scans_nothing(system, raw, scrape):
    fill(system)
    scrape()

    def commands_of_a_scrape():
        raw.config_resetstat()
        scrape()
        stats = raw.info("commandstats")
        return {name.removeprefix("cmdstat_"): stats[name]["calls"] for name in stats}

    commands = commands_of_a_scrape()
    commands.pop("config|resetstat", commands.pop("config", None))
    reads = {"hmget", "zcard", "scard", "zrange", "time", "get"}
    assert commands.keys() == {"multi", "exec", *reads}
    assert commands["exec"] == 1
    system.place_many([(f"new{number}", f"user{number}", "BTC", 1, 1) for number in range(1000)])
    again = commands_of_a_scrape()
    assert {name: again[name] for name in commands} == commands, "it asks no more where there is more"


def test_what_a_store_does_not_have_is_left_out(scrape):
    names = {name for name, *_ in scrape()}
    assert "cryptoorders_live" in names
    assert not names & {"cryptoorders_changes_total", "cryptoorders_placed_timestamp_seconds"}


def test_above_64_streams_there_is_no_label(server, namespace, registry):
    with CryptoOrderSystem(65, url=server.url, namespace=namespace) as system:
        fill(system)
        registry.register(StoreCollector(system))
        seen, read = samples(registry), system.metrics()
        assert seen["cryptoorders_live", "active"] == read.active
        assert seen["cryptoorders_changes_total",] == read.changes
        assert seen["cryptoorders_intake_oldest_seconds",] == pytest.approx(
            max(stream.oldest_seconds for stream in read.streams), abs=2
        )
        assert seen["cryptoorders_intake_total", "applied"] == 0
        labelled = CollectorRegistry()
        labelled.register(StoreCollector(system, per_stream=True))
        assert samples(labelled)["cryptoorders_live", "64", "active"] == read.streams[64].active
        assert len(samples(labelled)) > 65 * 9
        system.configure(feed=10)
        system.resize(70)
        before = samples(registry)["cryptoorders_changes_total",]
        system.resize(65)
        assert samples(registry)["cryptoorders_changes_total",] >= before, "a counter does not fall"


def test_a_store_that_is_away_is_up_0_and_comes_back(own_server, namespace, registry, caplog):
    server = own_server("--appendonly", "yes")
    with CryptoOrderSystem(3, url=server.url, namespace=namespace, deadline_seconds=0.5) as system:
        fill(system)
        server.kill()
        registry.register(StoreCollector(system))
        assert not caplog.text, "to register it asks nothing"
        begin = time.monotonic()
        assert samples(registry) == {("cryptoorders_up",): 0}
        assert time.monotonic() - begin < 3
        assert samples(registry) == {("cryptoorders_up",): 0}
        assert caplog.text.count("the metrics of the store cannot be read") == 1
        server.launch()
        assert samples(registry)["cryptoorders_up",] == 1
        assert len(samples(registry)) > 20


def test_a_namespace_that_is_gone_is_up_0(server, system, namespace, registry):
    with CryptoOrderSystem(url=server.url, namespace=namespace, create=False) as reader:
        registry.register(StoreCollector(reader))
        assert samples(registry)["cryptoorders_up",] == 1
        system.drop()
        assert samples(registry) == {("cryptoorders_up",): 0}
    assert samples(registry) == {("cryptoorders_up",): 0}, "nor is one that is closed"


def test_a_thousand_scrapes_do_not_grow_memory(system, scrape):
    fill(system)
    for _ in range(100):
        scrape()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(1000):
        scrape()
    gc.collect()
    assert sys.getallocatedblocks() - before < 1000


def count(registry, call, answer):
    return samples(registry).get(("cryptoorders_call_seconds_count", *sorted((call, answer))), 0)


def test_each_call_is_counted_once(api, server, namespace, registry):
    with api(2, url=server.url, namespace=namespace, observer=CallMetrics(registry)) as system:
        system.place("o", "alice", "BTC", 1, 1)
        system.place("o", "alice", "BTC", 1, 1)
        system.place("p", "alice", "BTC", 1, 1)
        system.cancel_many(["o", "p"])
        with pytest.raises(errors.ConfigurationMismatch):
            system.position()
    assert count(registry, "open", "done") == 1
    assert count(registry, "place", "yes") == 2
    assert count(registry, "place", "no") == 1
    assert count(registry, "cancel_many", "done") == 1
    assert count(registry, "position", "ConfigurationMismatch") == 1
    seen = samples(registry)
    assert seen["cryptoorders_attempts_total", "place"] == 0
    assert registry.get_sample_value("cryptoorders_call_seconds_sum", {"call": "place", "answer": "yes"}) > 0


def test_what_is_sent_again_is_one_call(api, server, proxy, namespace, registry):
    with api(2, url=server.url, namespace=namespace) as other:
        other.place_many([("o", "alice", "BTC", 1, 1), ("p", "alice", "BTC", 1, 1)])
    metrics = CallMetrics(registry)
    with api(url=proxy.url, namespace=namespace, observer=metrics) as system:
        system.pause("nothing")
        proxy.next_call(Fault.LOSE_REPLY, having="\r\no\r\n")
        proxy.next_call(Fault.LOSE_REPLY, having="\r\no\r\n")
        assert system.cancel("o") is True
    assert count(registry, "cancel", "yes") == 1
    assert samples(registry)["cryptoorders_attempts_total", "cancel"] == 2
    assert samples(registry)["cryptoorders_attempts_total", "pause"] == 0
    with api(url=proxy.url, namespace=namespace, observer=metrics, deadline_seconds=0) as system:
        system.pause("nothing")
        proxy.next_call(Fault.LOSE_REPLY, having="\r\np\r\n")
        with pytest.raises(errors.OutcomeUnknown):
            system.cancel("p")
    assert count(registry, "cancel", "OutcomeUnknown") == 1


def test_the_values_of_labels_are_closed(api, server, namespace, registry):
    metrics = CallMetrics(registry)
    with api(2, url=server.url, namespace=namespace, observer=metrics) as system:
        for each in NASTY_IDS:
            system.place(each, each, "BTC", 1, 1)
            system.get(each)
            system.user(each).cancel(each)
            system.cancel_all_by_user(each)
    for error in (OSError(NASTY_IDS[0]), GeneratorExit(), type("AliceError", (errors.StoreFull,), {})("x")):
        metrics.call(CallInfo("place", "change", None, error, 0.1, 1))
    labels = [sample.labels for metric in registry.collect() for sample in metric.samples]
    assert {name for each in labels for name in each} == {"call", "answer", "le"}
    calls = {each["call"] for each in labels if "call" in each}
    assert calls == {"open", "place", "get", "cancel", "cancel_all_by_user"}
    assert {each["answer"] for each in labels if "answer" in each} == {"yes", "done", "other"}
    assert {"yes", "no", "done", "other", "OutcomeUnknown", "StoreFull", "CryptoOrdersError"} <= ANSWERS


def test_metrics_that_raise_harm_no_call(api, namespace, registry, caplog):
    metrics = CallMetrics(registry)

    def fail(seconds):
        raise RuntimeError

    metrics._observe["place", "yes"] = fail
    with api(2, url=f"memory://{namespace}", namespace=namespace, observer=metrics) as system:
        assert system.place("o", "alice", "BTC", 1, 1) is True
        assert system.get("o").user_id == "alice"
    assert "the observer failed on a call of place" in caplog.text
    assert count(registry, "get", "done") == 1


def test_without_the_extra_the_import_says_what_to_install():
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "import cryptoorders_redis\n"
        "try: import cryptoorders_redis.metrics\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "metrics need prometheus-client: run pip install 'cryptoorders-redis[metrics]'\n"
