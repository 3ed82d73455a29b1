"""The demo of a cluster, with a server of this machine and with the one of the extra `embedded`."""

import os
import re

import pytest

from tests.support.examples import run_example


@pytest.fixture(params=[os.environ["PATH"], "/nonexistent"], ids=["on PATH", "embedded"])
def path(request):
    return request.param


def test_the_cluster_demo_shows_a_failover_and_leaves_nothing(path, tmp_path):
    shown = run_example("cluster_demo.py", PATH=path, TMPDIR=str(tmp_path))
    assert "Each was placed once: 400 answers were True, and 400 orders are live." in shown
    assert re.search(r"^No call failed, and 0 of \d+ answers were wrong\.$", shown, re.MULTILINE), shown
    assert "# the same listing" in shown
    for call, answer in (
        ("repair()    # what a failover has lost is mended", "[]"),
        ("verify()", "[]"),
        ('place("new", "alice", "BTC", "0.5", 60_000)', "True"),
        ('pause("new")', "True"),
        ('cancel("new")', "True"),
        ('cancel_all_by_user("user-1")', "34"),
        ("count()", "366"),
    ):
        assert f">>> system.{call}\n{answer}\n" in shown
    assert list(tmp_path.iterdir()) == []
