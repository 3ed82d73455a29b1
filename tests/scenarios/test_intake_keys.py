"""verify() finds keys of events that disagree; drop() removes them; a copy is refused while events wait."""

import pytest

from cryptoorders_redis import CryptoOrderSystem, Event, Submission
from cryptoorders_redis.operations import copying
from cryptoorders_redis.operations.copying import CopyFailed
from cryptoorders_redis.schema.keys import ClusterKeys, Keys
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.consistency import assert_consistent, keys_after_drop

STREAM = stream_of_user("alice", 3)
OTHER = (STREAM + 1) % 3


@pytest.fixture
def system(backend, namespace):
    """An event of alice's that waits, and a dead letter."""
    with CryptoOrderSystem(3, url=backend.url, namespace=namespace) as system:
        assert system.submit(Event("pause", "alice", 1, "o", event_id="e")) is Submission.ACCEPTED
        early = Event("pause", "alice", 8_000_000_000_000, "o", event_id="early")
        assert system.submit(early) is Submission.EARLY
        yield system


@pytest.fixture
def keys(backend, namespace):
    return (Keys if backend.url.startswith("unix") else ClusterKeys)(namespace)


DAMAGES = [
    pytest.param(
        lambda raw, keys: raw.hdel(keys.events(STREAM), "e"),
        ("e", "waits in a queue, but there is no such event"),
        id="no-text",
    ),
    pytest.param(
        lambda raw, keys: raw.zrem(keys.waiting(STREAM), "e"),
        ("e", "an event that is in no queue"),
        id="in-no-queue",
    ),
    pytest.param(
        lambda raw, keys: raw.hset(keys.events(STREAM), "spoiled", "{"),
        ("spoiled", "an event that is in no queue"),
        id="spoiled-and-in-no-queue",
    ),
    pytest.param(
        lambda raw, keys: raw.hdel(keys.letters(STREAM), "early"),
        ("early", "listed as a dead letter, but there is none"),
        id="no-letter",
    ),
    pytest.param(
        lambda raw, keys: raw.zrem(keys.dead(STREAM), "early"),
        ("early", "a dead letter that is not listed"),
        id="not-listed",
    ),
]


@pytest.mark.parametrize(("damage", "expected"), DAMAGES)
def test_keys_of_events_that_disagree_are_found(system, backend, namespace, keys, damage, expected):
    assert system.verify() == []
    assert_consistent(backend.raw, namespace)
    damage(backend.raw, keys)
    (found,) = system.verify()
    assert (found.subject, found.problem) == expected
    with pytest.raises(AssertionError):
        assert_consistent(backend.raw, namespace)
    (mended,) = system.repair()
    assert mended.subject == expected[0]
    assert system.verify() == system.repair() == []
    assert_consistent(backend.raw, namespace)


def test_an_event_in_another_stream_is_found(open_system, raw, namespace):
    system, keys = open_system(3), Keys(namespace)
    system.submit(Event("pause", "alice", 1, "o", event_id="e"))
    raw.zrem(keys.waiting(STREAM), "e")
    raw.zadd(keys.waiting(OTHER), {"e": 1000})
    assert {each.problem.split(",")[0] for each in system.verify()} == {
        "waits in the queue of another stream than that of its user 'alice'",
        "an event that is in no queue",
    }
    with pytest.raises(AssertionError):
        assert_consistent(raw, namespace)


def test_dropping_removes_all_that_the_intake_has(system, backend, namespace):
    system.intake.beat("worker")
    system.intake.flush()
    system.intake.advance()
    system.submit(Event("pause", "alice", 2, "o", event_id="late"))
    system.drop()
    left = keys_after_drop(backend.raw, namespace)
    assert [key for key in left if b":sessions:" not in key] == []


def test_a_copy_is_refused_while_events_wait(system):
    with pytest.raises(CopyFailed, match="1 events wait"):
        system._run(copying.survey(system._store))
    system.intake.flush()
    system.intake.advance()
    assert len(system._run(copying.survey(system._store)).counts) == 3
