"""The command line gives orders deadlines, and arms the dead man's switch."""

import json
from datetime import datetime, timedelta

from tests.support.model import live_order


def test_an_order_is_placed_with_a_deadline(run, system):
    assert run("place", "o1", "alice", "BTC", "1", "2", "--expires-at", "2099-11-24T06:00Z").exit_code == 0
    assert run("place", "o2", "alice", "BTC", "1", "2", "--expires-in", "3600").exit_code == 0
    assert live_order(system, "o1").expires_at == datetime.fromisoformat("2099-11-24T06:00Z")
    order = live_order(system, "o2")
    assert order.expires_at
    assert abs(order.expires_at - order.placed_at - timedelta(hours=1)) < timedelta(seconds=5)


def test_a_deadline_that_cannot_be_is_an_error(run, system):
    for options, message in [
        (("--expires-at", "2001-01-01"), "not in the future"),
        (("--expires-in", "0"), "from now on"),
        (("--expires-in", "1e30"), "200 years"),
        (("--expires-in", "5", "--expires-at", "2099-01-01"), "not both"),
    ]:
        done = run("place", "o", "alice", "BTC", "1", "2", *options)
        assert done.exit_code == 2, options
        assert message in done.stderr
    assert system.count() == 0


def test_a_switch_is_armed_and_disarmed(run, system):
    done = run("cancel-all-after", "alice", "60")
    moment = system.cancel_all_deadline("alice")
    assert (
        done.stdout == f"all orders of alice are cancelled at {moment.isoformat(timespec='microseconds')}\n"
    )
    assert json.loads(run("cancel-all-after", "alice", "0", "--json").stdout) == {
        "op": "cancel_all_after",
        "user_id": "alice",
        "at": None,
    }
    assert run("cancel-all-after", "alice", "0").stdout == "disarmed for alice\n"
    assert system.cancel_all_deadline("alice") is None
