"""The example of workers, on a private server."""

import re

from tests.support.examples import run_example


def test_the_example_of_workers_applies_each_event_once(tmp_path):
    shown = run_example("workers.py")
    accepted = re.search(r"submitted the file: (\d+) and (\d+) events were accepted", shown)
    assert accepted
    assert sum(map(int, accepted.groups())) == 24
    assert "24 events were applied\n" in shown
    assert "live: a-1, a-3, b-3(paused), c-1, c-2, d-2(paused)\n" in shown
    assert "verify() finds 0 inconsistencies\n" in shown
