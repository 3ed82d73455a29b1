"""repair() mends every damage of a single entry or key, and pairs; what a record describes stays live.

All pairs are in `make damage`.
"""

import contextlib
import itertools

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.operations import verify
from cryptoorders_redis.operations.repair import repair
from tests.support.consistency import assert_consistent
from tests.support.damage import BOB, Whole, sample
from tests.support.stepwise import Stepwise

ON_SERVER = 200
"""Pairs of damages on one server: 40 ms each."""

ON_CLUSTER = 25
"""Pairs of damages on a Redis Cluster."""

READS = {"read_config", "snapshot", "inspect"}
"""What a repair sends that changes nothing."""


@pytest.fixture
def whole(backend, namespace, monkeypatch):
    monkeypatch.setattr(verify, "LOOK_AGAIN_SECONDS", 0.0)
    with contextlib.closing(Whole(backend.url, backend.raw, namespace)) as whole:
        yield whole


def check_all(whole, damage_sets, *, thoroughly=False):
    """Fail with the names of all damages that a repair does not make right."""
    failed = []
    for damages in damage_sets:
        try:
            whole.check(damages, thoroughly=thoroughly)
        except Exception as error:  # noqa: BLE001 - each one is named
            failed.append((" and ".join(damage.name for damage in damages), repr(error)))
    assert failed == []


def test_every_single_damage_is_mended(whole):
    assert len(whole.damages) > 150
    check_all(whole, [[damage] for damage in whole.damages], thoroughly=not whole.names.is_cluster)


def test_pairs_of_damages_are_mended(whole):
    check_all(whole, sample(whole.damages, ON_CLUSTER if whole.names.is_cluster else ON_SERVER))


def named(whole, *names):
    """Return the damages with these names, in this order."""
    found = {damage.name: damage for damage in whole.damages}
    return [found[name] for name in names]


SEVERAL = (
    ":0}:orders a1: spoiled",
    ":0}:placed a2: deleted",
    ":0}:paused a2: moved",
    ":1}:orders b2: moved",
    f":1}}:user:{BOB}: deleted",
    f":1}}:due u:{BOB}: moved",
    ":1}:changed: spoiled",
    ":1}:waiting: of another type",
    "}:config placement: spoiled",
)
"""Damages of many kinds, which a repair mends one after the other."""


@pytest.fixture
def damaged(whole):
    """Makes the namespace and damages it by many kinds at once."""

    def make():
        whole.restore()
        for damage in named(whole, *SEVERAL):
            damage.apply(whole.raw)

    return make


def test_a_dry_run_says_it_and_changes_no_byte(whole):
    for damage in whole.damages[:: 5 if whole.names.is_cluster else 1]:
        whole.restore()
        damage.apply(whole.raw)
        before = whole.contents()
        said = whole.repair(is_dry=True)
        assert whole.contents() == before, damage.name
        mended = whole.repair()
        strip = lambda found: {(each.subject, each.stream, each.problem[:20]) for each in found}  # noqa: E731
        assert strip(said) <= strip(mended), damage.name
        assert bool(said) == bool(mended), damage.name


def test_a_repair_killed_at_any_step_is_done_by_the_next(whole, damaged, namespace):
    damaged()
    whole.repair()
    wanted = states(whole)
    system = whole.link
    kill_at = 0
    for kill_at in itertools.count():
        damaged()
        whole.forget()
        killed = Stepwise(repair(system.store), system)
        for _ in range(kill_at):
            killed.step()
            while not killed.done and READS.issuperset(killed.about_to_send):
                killed.step()
            if killed.done:
                break
        whole.repair()
        assert whole.repair() == []
        assert states(whole) == wanted, kill_at
        assert_consistent(whole.raw, namespace)
        if killed.done:
            break
    assert kill_at >= 8


def states(whole):
    """Return what is live, and how."""
    with CryptoOrderSystem(url=whole.url, namespace=whole.namespace, create=False) as system:
        return [(each.order_id, each.user_id, each.status, each.price) for each in system.live_orders()]


@pytest.mark.parametrize("backend", ["server"], indirect=True)
def test_both_apis_report_the_same(api, whole, damaged):
    damaged()
    whole.raw.hset(whole.names.config, "placement", "modulo")  # else it cannot be opened
    with api(url=whole.url, namespace=whole.namespace, create=False) as system:
        before = whole.contents()
        assert system.repair(dry_run=True)
        assert whole.contents() == before
        found = {each.subject for each in system.repair()}
        assert {"a1", "a2", "b1", "b2", "waits1"} <= found
        assert system.verify() == system.repair() == []


@pytest.mark.parametrize("backend", ["server"], indirect=True)
def test_what_is_removed_is_logged_and_kept_aside(whole, caplog):
    whole.restore()
    for damage in named(whole, ":0}:orders a1: spoiled", ":1}:paused: of another type"):
        damage.apply(whole.raw)
    mended = whole.repair()
    assert any("'~'" in each.problem for each in mended if each.subject == "a1")
    assert "'~'" in caplog.text
    slot = f"{{{whole.namespace}:"
    (record,) = whole.raw.hgetall(f"{slot}0}}:aside:records").items()
    assert record[0].split(b" ")[1:] == [b"a1"]
    assert record[1] == b"~"
    (aside,) = whole.raw.keys(f"{slot}1}}:aside:*:paused")
    assert whole.raw.get(aside) == b"x"


@pytest.mark.parametrize("change", ["cancel", "amend", "pause", "place"])
def test_a_change_between_look_and_mend_is_not_undone(whole, change):
    """Another client changes an order that is mended: on one server before each step of the repair."""
    step_at, done = 0, False
    while not done:
        whole.restore()
        for damage in named(whole, ":0}:placed a1: deleted", ":1}:orders b2: deleted"):
            damage.apply(whole.raw)
        whole.forget()
        repairing = Stepwise(repair(whole.link.store), whole.link)
        with CryptoOrderSystem(url=whole.url, namespace=whole.namespace) as system:
            for _ in range(step_at):
                if not repairing.done:
                    repairing.step()
            done = repairing.done
            has_changed = {
                "cancel": lambda: system.cancel("a1"),
                "amend": lambda: system.amend("a1", price=77),
                "pause": lambda: system.pause("a1"),  # false while it is not listed
                "place": lambda: system.place("b2", BOB, "BTC", 1, 99),
            }[change]()
            while not repairing.done:
                repairing.step()
            whole.repair()
            assert system.verify() == []
            order, placed = system.get("a1"), system.get("b2")
            assert (order is None) == (change == "cancel")
            if order:
                assert (order.price == 77) == (change == "amend")
                assert (order.status == "PAUSED") == (change == "pause" and has_changed)
            assert (placed is not None) == (change == "place" and has_changed)
            # What was placed before the repair told the feed that b2 is gone is twice in it.
            assert_consistent(
                whole.raw, whole.namespace, replays=change != "place" or not whole.names.is_cluster
            )
        step_at += 9 if whole.names.is_cluster else 1


def test_an_order_that_is_live_twice_stays_where_its_id_finds_it(whole):
    whole.restore()
    record = whole.raw.hget(f"{{{whole.namespace}:0}}:orders", "a1")
    whole.raw.hset(f"{{{whole.namespace}:1}}:orders", "a1", record)
    whole.repair()
    assert [each[0] for each in states(whole)] == ["a1", "a2", "b1", "b2"]
    assert whole.raw.hget(f"{{{whole.namespace}:0}}:orders", "a1") == record
    assert_consistent(whole.raw, whole.namespace)


def test_orders_of_a_stream_too_many_are_moved_home(whole):
    whole.restore()
    for kind in ("orders", "placed", "paused", f"user:{BOB}"):
        here, there = (f"{{{whole.namespace}:{stream}}}:{kind}" for stream in (1, 7))
        whole.raw.restore(there, 0, whole.raw.dump(here))
        whole.raw.delete(here)
    before = [("a1", 1), ("a2", 2), ("b1", 3), ("b2", 4)]
    whole.repair()
    assert [(each[0], each[3]) for each in states(whole)] == before
    # The feed of stream 1 never said that they had left.
    assert_consistent(whole.raw, whole.namespace, replays=False)


@pytest.mark.parametrize("backend", ["server"], indirect=True)
def test_a_repair_that_cannot_be_is_refused_clearly(whole):
    whole.restore()
    whole.raw.hset(whole.names.config, "schema_version", 2)
    with pytest.raises(errors.SchemaVersionMismatch, match="schema version 2"):
        whole.repair()
