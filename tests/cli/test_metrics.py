"""The command `metrics`, which serves the numbers of a store to Prometheus."""

import json
import re
import signal
import socket
import sys
import urllib.request

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.consistency import keys_of
from tests.support.program import Program
from tests.support.waiting import wait_until


def fetch(address):
    with urllib.request.urlopen(address, timeout=10) as response:
        return response.read().decode()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(program, system, ending):
    system.place("order1", "alice", "BTC", 1, 2)
    with program.start("metrics", "--listen", "127.0.0.1:0") as process:
        line = process.stdout.readline().decode()
        found = re.fullmatch(r"serving (http://127\.0\.0\.1:\d+/metrics)\n", line)
        assert found
        text = fetch(found[1])
        assert "\ncryptoorders_up 1.0\n" in text
        assert 'cryptoorders_live{status="active",stream="0"} 1.0\n' in text
        assert text == fetch(found[1])
        process.send_signal(ending)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_an_outage_is_up_0_until_it_is_over(own_server, namespace):
    server = own_server("--appendonly", "yes")
    with CryptoOrderSystem(url=server.url, namespace=namespace):
        program = Program(server.url, namespace)
        with program.start("metrics", "--listen", "127.0.0.1:0", "--json") as process:
            assert process.stdout
            address = json.loads(process.stdout.readline())["url"]
            server.stop_answering()
            shown = fetch(address)  # sooner than Prometheus gives up
            assert "cryptoorders_up 0.0" in shown.splitlines()
            assert "cryptoorders_live" not in shown
            server.go_on()
            wait_until(lambda: "cryptoorders_up 1.0" in fetch(address).splitlines())
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def test_once_prints_the_metrics_and_ends(run, system):
    system.place("order1", "alice", "BTC", 1, 2)
    shown = run("metrics", "--once")
    assert shown.exit_code == 0
    assert "cryptoorders_up 1.0" in shown.stdout.splitlines()
    as_json = json.loads(run("metrics", "--once", "--json").stdout)
    assert (as_json["workers"], as_json["streams"][0]["active"]) == (0, 1)


def test_streams_are_labelled_where_that_is_asked_for(run, server, namespace):
    with CryptoOrderSystem(65, url=server.url, namespace=namespace):
        assert "stream=" not in run("metrics", "--once").stdout
        assert 'stream="64"' in run("metrics", "--once", "--per-stream").stdout


@pytest.mark.parametrize(
    "listen", ["", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:9464", "a b:1", "a:-1"]
)
def test_an_illegal_address_is_refused(run, system, listen):
    result = run("metrics", "--listen", listen)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"cryptoorders: --listen must be HOST:PORT, such as localhost:9464 or [::1]:9464, not {listen!r}\n"
    )


def test_a_port_that_is_taken_is_named(run, system):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run("metrics", "--listen", listen)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"cryptoorders: cannot listen at {listen}: Address already in use\n"


def test_a_host_that_is_none_is_named(run, system):
    result = run("metrics", "--listen", "no-such-host.invalid:9464")
    assert result.exit_code == 2
    assert re.fullmatch(r"cryptoorders: cannot listen at no-such-host\.invalid:9464: .+\n", result.stderr)


def test_a_namespace_that_is_gone_is_not_created(program, system, raw, namespace):
    with program.start("metrics", "--listen", "127.0.0.1:0") as process:
        address = process.stdout.readline().decode().split()[1]
        system.drop()
        assert "cryptoorders_up 0.0" in fetch(address).splitlines()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert b"there is no namespace" in process.stderr.read()
    assert keys_of(raw, namespace) == []


def test_without_the_extra_it_says_what_to_install(run, system, monkeypatch):
    monkeypatch.delitem(sys.modules, "cryptoorders_redis.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    result = run("metrics", "--once")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "cryptoorders: metrics need prometheus-client: run pip install 'cryptoorders-redis[metrics]'\n"
    )
