"""The program on a Redis Cluster."""

import json

import pytest
from typer.testing import CliRunner

from cryptoorders_redis.cli.app import app
from tests.support.command_lines import event_line
from tests.support.consistency import Names, keys_after_drop
from tests.support.program import answered


@pytest.fixture
def run(cluster, namespace):
    """Runs a command in this process, on three masters."""
    environment = {"CRYPTOORDERS_URL": cluster.url, "CRYPTOORDERS_NAMESPACE": namespace}

    def run(*arguments):
        return CliRunner().invoke(app, arguments, env=environment)

    return run


def test_each_command_works_on_a_cluster(run, cluster_raw, namespace, tmp_path):
    assert answered(run("place", "order1", "alice", "BTC", "0.5", "60000"), 0, "placed order1\n")
    lines = [
        {"op": "place", "order_id": f"o{n}", "user_id": f"u{n}", "currency": "BTC", "amount": 1, "price": 2}
        for n in range(20)
    ]
    file = tmp_path / "orders.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert json.loads(run("replay", str(file), "--json").stdout)["applied"]["place"] == 20
    assert answered(run("pause", "order1"), 0, "paused order1\n")
    live = run("live").stdout.splitlines()
    assert live[0] == "order1(paused)"
    assert sorted(live[1:]) == sorted(f"o{n}" for n in range(20))
    assert answered(run("count"), 0, "21\n")
    assert "order1" in run("get", "order1").stdout
    watched = run("watch", "--count", "1")
    assert (watched.exit_code, "21" in watched.stdout) == (0, True)
    assert json.loads(run("stats", "--json").stdout)["live"] == 21
    assert answered(run("verify"), 0, "all keys are consistent\n")
    cluster_raw.hdel(Names(cluster_raw, namespace).directory_of("order1"), "order1")
    assert run("verify").exit_code == 1
    assert "order1" in run("repair").stdout
    assert answered(run("verify"), 0, "all keys are consistent\n")
    assert answered(run("resume", "order1"), 0, "resumed order1\n")
    assert run("amend", "order1", "--price", "3").exit_code == 0
    assert run("reduce", "order1", "0.5").exit_code == 0
    assert answered(run("cancel", "o1"), 0, "cancelled o1\n")
    assert answered(run("cancel-all", "u2"), 0, "cancelled 1 of u2\n")
    events = tmp_path / "events.jsonl"
    events.write_bytes(event_line("pause", "e1", 2_000) + event_line("place", "e1", 1_000) + b"no event\n")
    assert run("submit", str(events)).stdout == "accepted 2\nknown 0\nrefused 1 (no event 1)\n"
    assert run("intake", "flush").exit_code == 0
    assert answered(run("worker", "--until-empty"), 0, "applied 2 events\n")
    assert "e1(paused)" in run("live").stdout.splitlines()
    assert "0 living workers, 0 events wait" in run("intake", "stats").stdout
    assert answered(run("cancel", "e1"), 0, "cancelled e1\n")
    dropped = f"dropped namespace {namespace} with 18 live orders\n"
    assert answered(run("drop", "--yes"), 0, dropped)
    assert keys_after_drop(cluster_raw, namespace) == []
