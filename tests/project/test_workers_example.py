"""The example of workers, on a private server."""

import os
import re
import subprocess
import sys

from tests.support.servers import REPOSITORY


def test_the_example_of_workers_applies_each_event_once(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", REPOSITORY / "examples" / "workers.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stdout
    accepted = re.search(r"submitted the file: (\d+) and (\d+) events were accepted", done.stdout)
    assert accepted
    assert sum(map(int, accepted.groups())) == 24
    assert "24 events were applied\n" in done.stdout
    assert "live: a-1, a-3, b-3(paused), c-1, c-2, d-2(paused)\n" in done.stdout
    assert "verify() finds 0 inconsistencies\n" in done.stdout
