"""With `wait_replicas` a change counts as done when so many replicas have it."""

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.schema.scripts import script
from cryptoorders_redis.transport import pending_step
from cryptoorders_redis.transport.executor import Executor
from cryptoorders_redis.transport.request import Request
from cryptoorders_redis.transport.resp import encode_command
from cryptoorders_redis.transport.resp_reader import parse_error
from cryptoorders_redis.transport.sessions import Sessions
from tests.support.cluster_steps import operation_of, read, set_once, slot_of

WAIT = encode_command(("WAIT", 2, 1000))
NOT_PERMITTED = "NOPERM this user has no permissions to run the 'wait' command"


def begun(deadline_seconds: float = 60):
    """Return a change that waits for two replicas and is about to be sent, and its first request."""
    executor = Executor(Sessions(ClusterKeys("ns")), deadline_seconds, wait_replicas=2)
    executor._server_known = True
    conversation = executor.execute(operation_of([set_once(1)]))
    request = next(conversation)
    assert b":probe" in request.data
    assert request.data.endswith(WAIT)
    return conversation, conversation.send([b"1000", 2])


def result_of(conversation, replies):
    with pytest.raises(StopIteration) as ended:
        conversation.send(replies)
    return ended.value.value


def test_a_change_that_enough_replicas_have_is_done():
    conversation, request = begun()
    assert request.data.endswith(WAIT)
    assert request.num_replies == 2
    assert result_of(conversation, [b"y", 2]) == [[b"y"]]


def test_a_change_that_too_few_have_is_sent_again_and_written_to():
    """From Redis 7.2 WAIT waits only for what the connection wrote. The retry may have another connection."""
    conversation, first = begun()
    second = conversation.send([b"y", 1])
    run = first.data.removesuffix(WAIT)
    assert second.data.startswith(run)
    assert second.data.endswith(WAIT)
    touch = second.data.removeprefix(run).removesuffix(WAIT)
    assert touch.startswith(b"*3\r\n$6\r\nEXPIRE")
    assert slot_of(1).encode() + b":sessions:" in touch
    assert second.num_replies == 3
    assert second.wait_seconds > 0
    assert result_of(conversation, [b"y", 1, 2]) == [[b"y"]]


@pytest.mark.parametrize("last", [1, parse_error(NOT_PERMITTED)], ids=["too-few", "refused"])
def test_at_the_deadline_the_outcome_is_unknown(last):
    conversation, _ = begun(deadline_seconds=0)
    with pytest.raises(errors.OutcomeUnknown):
        conversation.send([b"y", last])


@pytest.mark.parametrize(
    "error",
    [
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
        "ERR WAIT cannot be used with replica instances. Please also note that writes are ignored",
        "MOVED 1 127.0.0.1:7001",
    ],
)
def test_a_master_that_became_a_replica_confirms_nothing(error):
    conversation, first = begun()
    second = conversation.send([b"y", parse_error(error)])
    assert second.data.startswith(first.data.removesuffix(WAIT))
    assert result_of(conversation, [b"y", 1, 2]) == [[b"y"]]


def test_nothing_is_changed_before_replicas_know_the_session():
    """Else a master that took over could not say whether it has a change that is in doubt."""
    executor = Executor(Sessions(ClusterKeys("ns")), 0, wait_replicas=2)
    executor._server_known = True
    conversation = executor.execute(operation_of([set_once(1)]))
    next(conversation)
    with pytest.raises(errors.StoreUnavailable, match="1 of 2 replicas"):
        conversation.send([b"1000", 1])


def test_without_the_right_to_wait_nothing_is_changed():
    executor = Executor(Sessions(ClusterKeys("ns")), 60, wait_replicas=2)
    executor._server_known = True
    conversation = executor.execute(operation_of([set_once(1)]))
    next(conversation)
    with pytest.raises(errors.AccessDenied, match="wait"):
        conversation.send([b"1000", parse_error(NOT_PERMITTED)])


def test_a_script_that_did_not_run_is_sent_again_with_its_wait():
    conversation, _ = begun()
    request = conversation.send([parse_error("NOSCRIPT none"), 0])
    assert request.num_replies == 2
    assert result_of(conversation, [b"n", 2]) == [[b"n"]]


def test_reads_do_not_wait():
    executor = Executor(Sessions(ClusterKeys("ns")), 60, wait_replicas=2)
    request: Request = next(executor.execute(operation_of([read(1, ("GET", ":a"))])))
    assert request.data == encode_command(("GET", slot_of(1) + ":a"))


def test_a_script_that_writes_without_a_session_waits(monkeypatch):
    monkeypatch.setattr(pending_step, "_WRITING_SCRIPTS", {"create"})
    executor = Executor(Sessions(ClusterKeys("ns")), 0, wait_replicas=2)
    executor._server_known = True
    conversation = executor.execute(operation_of([set_once(1)._replace(changes=())]))
    assert next(conversation).data.endswith(WAIT)
    with pytest.raises(errors.StoreUnavailable, match="1 of 2 replicas"):
        conversation.send([b"y", 1])


def test_a_claim_that_is_sent_again_is_written_again(server, namespace):
    """Else WAIT, from Redis 7.2, would find nothing to wait for behind it."""
    claim = (script("cluster/claim").source, 1, f"{{{namespace}}}:shard", "o", "1 token", "")
    with server.client() as client:
        counts = [client.info("persistence")["rdb_changes_since_last_save"]]
        for _ in range(2):
            assert client.eval(*claim)[1:] == [None]
            counts.append(client.info("persistence")["rdb_changes_since_last_save"])
    assert counts[0] < counts[1] < counts[2]


def test_there_is_no_first_try():
    with CryptoOrderSystem(2, url="memory://") as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        executor = Executor(system._sessions, 60, wait_replicas=1)
        assert executor.first_try(system._store.pause("o")) is None


WRONG = [(-1, ValueError), ("1", TypeError), (1.0, TypeError), (True, TypeError), (None, TypeError)]


@pytest.mark.parametrize(("wait_replicas", "error"), WRONG)
def test_what_is_no_number_of_replicas_is_refused(wait_replicas, error):
    with pytest.raises(error, match="wait_replicas must be"):
        CryptoOrderSystem(2, url="memory://", wait_replicas=wait_replicas)
