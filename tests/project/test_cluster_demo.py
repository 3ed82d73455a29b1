"""The demo of a cluster, with a server of this machine and with the one of the extra `embedded`."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.servers import REPOSITORY


@pytest.fixture(params=[os.environ["PATH"], "/nonexistent"], ids=["on PATH", "embedded"])
def path(request):
    return request.param


def test_the_cluster_demo_shows_a_failover_and_leaves_nothing(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", REPOSITORY / "examples" / "cluster_demo.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)},
    )
    shown = done.stdout
    assert done.returncode == 0, shown
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
