"""Events take effect once and in their order, though workers die and replies are lost."""

import random

import pytest

from cryptoorders_redis import CryptoOrderSystem, Event, OutcomeState, Submission, Worker, errors
from tests.support.cluster import ClusterServers
from tests.support.consistency import assert_consistent
from tests.support.intake_load import STREAMS, assert_like_ordered, run_flow
from tests.support.proxy import Fault

SEED, NUM_EVENTS = 5, 2000


def test_a_flow_survives_workers_that_are_killed(server, raw, namespace):
    assert run_flow(server.url, namespace, seed=SEED, num_events=NUM_EVENTS, seconds=3, num_workers=3) > 1
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        assert_like_ordered(system, raw, server, seed=SEED, num_events=NUM_EVENTS)
        assert system.verify() == []
    assert_consistent(raw, namespace)


def test_a_flow_survives_kills_while_slots_move(server, own_cluster, namespace):
    cluster = own_cluster()
    chance = random.Random(1)
    slots = [ClusterServers.slot_of(f"{{{namespace}:{stream}}}") for stream in range(STREAMS)]

    def move_a_slot():
        slot = chance.choice(slots)
        target = chance.choice([each for each in cluster.addresses if each != cluster.owner_of(slot)])
        cluster.move_slot(slot, target)

    run_flow(cluster.url, namespace, seed=6, num_events=600, seconds=3, meanwhile=move_a_slot)
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system, cluster.client() as raw:
        assert_like_ordered(system, raw, server, seed=6, num_events=600)
        system.repair()  # of workers that were killed between a stream and the directory
        assert system.verify() == []
        assert_consistent(raw, namespace)


@pytest.fixture
def system(api, proxy, server, namespace):
    """A system behind the proxy; the server knows all scripts."""
    with api(3, url=server.url, namespace=namespace) as direct:
        direct.submit(Event("pause", "bob", 1, "none"))
        direct.intake.flush()
        direct.intake.advance()
    with api(url=proxy.url, namespace=namespace) as system:
        assert system.cancel("nothing") is False
        system.intake.advance()
        yield system


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_a_submission_with_a_fault_has_its_true_answer(system, proxy, fault):
    event = Event("place", "alice", 2, "o", "BTC", 1, 1)
    for expected in (Submission.ACCEPTED, Submission.KNOWN):
        proxy.next_call(fault)
        assert system.submit(event) is expected
    future = Event("pause", "alice", 8_000_000_000_000, "o", event_id="early")
    proxy.next_call(fault)
    assert system.submit_many([future, future]) == [Submission.EARLY, Submission.EARLY]
    assert sum(stream.refused for stream in system.intake.stats().streams) == 2
    system.intake.configure(ahead=366 * 86_400, window=0)
    proxy.next_call(fault)
    assert system.intake.resubmit(["early", "none"]) == [False, False]
    proxy.deliver_held()
    assert system.intake.stats().waiting == 1


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_a_letter_that_is_resubmitted_waits_once(system, proxy, fault):
    system.intake.configure(late="reject")
    assert system.submit(Event("place", "alice", 0, "o", "BTC", 1, 1, "late")) is Submission.LATE
    proxy.next_call(fault)
    assert system.intake.resubmit(["late"]) == [True]
    system.intake.advance()
    assert system.cancel("o") is True
    proxy.deliver_held()
    assert system.intake.advance().applied == 0
    assert system.count() == 0


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_events_are_applied_once_with_each_fault(system, proxy, server, raw, namespace, fault):
    system.submit_many(Event("place", "alice", n, f"o{n}", "BTC", 1, 1) for n in range(2, 9))
    system.intake.flush()
    proxy.next_call(fault)
    system.intake.advance()
    assert system.count() == 7
    assert system.cancel_all_by_user("alice") == 7
    proxy.deliver_held()
    assert system.count() == 0
    assert sum(stream.applied for stream in system.intake.stats().streams) == 8
    assert_consistent(raw, namespace)


def test_without_any_reply_a_submission_is_unknown(proxy, server, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as direct:
        direct.submit(Event("pause", "bob", 1, "none"))
        with CryptoOrderSystem(3, url=proxy.url, namespace=namespace, deadline_seconds=0.1) as system:
            assert system.cancel("nothing") is False
            proxy.every_call(Fault.LOSE_REPLY)
            with pytest.raises(errors.OutcomeUnknown, match="submit of 'e'"):
                system.submit(Event("pause", "alice", 2, "o", event_id="e"))
        assert direct.outcome("e", "alice").state is OutcomeState.WAITING
        assert direct.submit(Event("pause", "alice", 2, "o", event_id="e")) is Submission.KNOWN


def test_a_worker_waits_for_a_server_that_is_away(own_server, namespace):
    server = own_server("--appendfsync", "always")
    with CryptoOrderSystem(3, url=server.url, namespace=namespace, deadline_seconds=0) as system:
        system.submit(Event("place", "alice", 1, "o", "BTC", 1, 1))
        system.intake.flush()
        worker = Worker(system)
        server.kill()
        assert worker._advance() is None
        server.start()
        assert worker.run_until_empty() == 1
