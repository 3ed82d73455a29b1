"""What is sent next after each reply that a cluster can give, without a server."""

from collections.abc import Callable
from typing import Any

import pytest
from redis.crc import key_slot

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Operation
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.transport.cluster_executor import ClusterExecutor
from cryptoorders_redis.transport.error_mapping import ReplyLost
from cryptoorders_redis.transport.request import ClusterRequest
from cryptoorders_redis.transport.resp_reader import parse_error
from cryptoorders_redis.transport.sessions import Sessions
from cryptoorders_redis.transport.topology import Topology
from tests.support.cluster_steps import operation_of, read, set_once, slot_of

LOW, HIGH, NEW = "low:1", "high:2", "new:3"
SLOTS = [[0, 8191, [b"low", 1, b"a"]], [8192, 16383, [b"high", 2, b"b"]]]

IN_LOW, IN_HIGH = [
    next(n for n in range(100) if (key_slot(slot_of(n).encode()) < 8192) == low) for low in (True, False)
]
"""A stream on each of the two masters."""

LOW_SLOT = key_slot(slot_of(IN_LOW).encode())

GET_LOW, GET_HIGH = read(IN_LOW, ("GET", ":a")), read(IN_HIGH, ("GET", ":a"))


class ByHand:
    """An operation that is carried out by a test, which sees each request and makes up its outcomes."""

    def __init__(self, operation: Operation[Any], deadline_seconds: float = 60, **options: Any) -> None:
        self.topology = Topology(["start:1"])
        self.topology.learn(SLOTS, "start:1")
        sessions = Sessions(ClusterKeys("ns"))
        self.executor = ClusterExecutor(sessions, deadline_seconds, None, self.topology, **options)
        self.executor._server_known = True
        self.operation = operation
        self._conversation = self.executor.execute(operation)
        self.is_done = False
        self.result: Any = None
        self._request: ClusterRequest | None = None
        self._go_on(lambda: next(self._conversation))

    def sent(self) -> dict[str, bytes]:
        """Return what is sent now, by address."""
        assert self._request
        return {address: request.data for address, request in self._request.parts}

    def waits(self) -> bool:
        assert self._request
        return self._request.wait_seconds > 0

    def answer(self, *outcomes: Any) -> None:
        """Hand in the outcomes, an error reply as text."""
        given: list[Any] = [
            [parse_error(one) if isinstance(one, str) else one for one in outcome]
            if isinstance(outcome, list)
            else outcome
            for outcome in outcomes
        ]
        assert self._request
        assert len(given) == len(self._request.parts)
        for outcome, (_, request) in zip(given, self._request.parts, strict=True):
            assert not isinstance(outcome, list) or len(outcome) == request.num_replies
        self._go_on(lambda: self._conversation.send(given))

    def _go_on(self, resume: Callable[[], ClusterRequest]) -> None:
        try:
            self._request = resume()
        except StopIteration as end:
            self.is_done, self.result, self._request = True, end.value, None


def begun(call: Any, **options: Any) -> ByHand:
    """Return a change whose sessions have begun, and which is about to be sent."""
    by_hand = ByHand(operation_of([call]), **options)
    assert b":probe" in by_hand.sent()[LOW]
    by_hand.answer([b"1000"])
    return by_hand


def test_steps_go_together_each_to_the_master_of_its_slot():
    other = read(IN_LOW, ("GET", ":b"))
    by_hand = ByHand(operation_of([GET_LOW, GET_HIGH, other]))
    sent = by_hand.sent()
    assert set(sent) == {LOW, HIGH}
    assert sent[LOW].count(b"GET") == 2
    by_hand.answer([b"1", b"3"], [b"2"])
    assert by_hand.result == [[[b"1"], [b"2"], [b"3"]]]


def test_one_command_is_sent_plain_several_as_a_transaction():
    by_hand = ByHand(operation_of([GET_LOW]))
    assert by_hand.sent()[LOW].startswith(b"*2\r\n$3\r\nGET")
    by_hand = ByHand(operation_of([read(IN_LOW, ("GET", ":a"), ("GET", ":b"))]))
    assert b"MULTI" in by_hand.sent()[LOW]
    by_hand.answer([b"OK", b"QUEUED", b"QUEUED", [b"1", b"2"]])
    assert by_hand.result == [[[b"1", b"2"]]]


def test_a_certain_node_is_read_whoever_has_the_slot():
    by_hand = ByHand(operation_of([read(IN_LOW, ("SCAN", ""), node=HIGH)]))
    assert set(by_hand.sent()) == {HIGH}


def test_a_moved_step_is_sent_on_at_once_by_a_new_map():
    by_hand = ByHand(operation_of([GET_LOW, GET_HIGH]))
    by_hand.answer([f"MOVED {LOW_SLOT} new:3"], [b"2"])
    ((_, asked_for_map),) = by_hand.sent().items()
    assert b"SLOTS" in asked_for_map
    assert not by_hand.waits()
    by_hand.answer([[*SLOTS, [LOW_SLOT, LOW_SLOT, [b"new", 3, b"c"]]]])
    assert set(by_hand.sent()) == {NEW}
    assert not by_hand.waits()
    by_hand.answer([b"1"])
    assert by_hand.result == [[[b"1"], [b"2"]]]
    assert by_hand.operation.attempts == 2


def test_three_redirections_are_followed_at_once_then_it_waits():
    by_hand = ByHand(operation_of([GET_LOW]))
    for number in range(5):
        assert set(by_hand.sent()) == {LOW}, "the map is still the old one"
        by_hand.answer([f"MOVED {LOW_SLOT} new:3"])
        assert by_hand.waits() == (number >= 3)
        by_hand.answer([SLOTS])


def test_a_step_is_asked_elsewhere_once():
    by_hand = ByHand(operation_of([GET_LOW]))
    by_hand.answer([f"ASK {LOW_SLOT} new:3"])
    ((address, data),) = by_hand.sent().items()
    assert (address, data.count(b"ASKING"), data.count(b"GET")) == (NEW, 1, 1)
    assert not by_hand.waits()
    by_hand.answer([b"OK", "NOSCRIPT none"])
    assert set(by_hand.sent()) == {LOW}, "only once, for the slot may not have arrived"


def test_a_user_who_may_not_follow_a_slot_on_its_way_is_told_so():
    by_hand = ByHand(operation_of([GET_LOW]))
    by_hand.answer([f"ASK {LOW_SLOT} new:3"])
    with pytest.raises(errors.AccessDenied, match="asking"):
        by_hand.answer(
            ["NOPERM this user has no permissions to run the 'asking' command", f"MOVED {LOW_SLOT} low:1"]
        )


def test_a_transaction_waits_where_one_command_would_ask():
    by_hand = ByHand(operation_of([read(IN_LOW, ("GET", ":a"), ("GET", ":b"))]))
    by_hand.answer([b"OK", f"ASK {LOW_SLOT} new:3", b"QUEUED", "EXECABORT discarded"])
    assert set(by_hand.sent()) == {LOW}
    assert by_hand.waits()


WAITED_FOR = [
    pytest.param("TRYAGAIN Multiple keys request during rehashing of slot", False, id="try-again"),
    pytest.param("CLUSTERDOWN The cluster is down", True, id="cluster-down"),
    pytest.param("LOADING Redis is loading the dataset in memory", False, id="loading"),
    pytest.param("MASTERDOWN Link with MASTER is down", True, id="master-down"),
    pytest.param("READONLY You can't write against a read only replica.", True, id="demoted"),
    pytest.param("ERR Script attempted to access a non local key in a cluster node", True, id="non-local"),
    pytest.param(
        "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: Lua script attempted to "
        "access a non local key in a cluster node", True, id="non-local-6.2",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "asks_for_map"), WAITED_FOR)
def test_what_cannot_be_served_now_is_sent_again_later(reply, asks_for_map):
    by_hand = begun(set_once(IN_LOW))
    first = by_hand.sent()
    by_hand.answer([reply])
    assert by_hand.waits()
    if asks_for_map:
        by_hand.answer([SLOTS])
        assert not by_hand.waits(), "it has waited before it asked"
    assert by_hand.sent() == first
    by_hand.answer([b"y"])
    assert by_hand.result == [[b"y"]]


@pytest.mark.parametrize("reply", ["TRYAGAIN later", "CLUSTERDOWN down", "READONLY replica"])
def test_at_the_deadline_a_refused_change_was_not_made(reply):
    by_hand = begun(set_once(IN_LOW), deadline_seconds=0)
    with pytest.raises(errors.StoreUnavailable):
        by_hand.answer([reply])


def test_a_change_without_confirmation_asks_for_the_map():
    """Where the master was cut off, its replica may be the master now."""
    by_hand = ByHand(operation_of([set_once(IN_LOW)]), wait_replicas=1)
    by_hand.answer([b"1000", 1])
    by_hand.answer([b"y", 0])
    assert b"SLOTS" in next(iter(by_hand.sent().values()))


def test_a_script_that_a_node_does_not_know_is_sent_as_text():
    by_hand = ByHand(operation_of([set_once(IN_LOW), set_once(IN_HIGH)]))
    by_hand.answer([b"1000"], [b"2000"])
    by_hand.answer(["NOSCRIPT none"], [b"y"])
    ((address, data),) = by_hand.sent().items()
    assert address == LOW
    assert b"EVAL\r\n" in data
    by_hand.answer([b"n"])
    assert by_hand.result == [[b"n", b"y"]]


def test_sessions_of_several_slots_begin_in_one_round_trip():
    by_hand = ByHand(operation_of([set_once(IN_LOW), set_once(IN_HIGH)], [set_once(IN_HIGH)]))
    assert all(data.count(b":probe") == 1 for data in by_hand.sent().values())
    assert set(by_hand.sent()) == {LOW, HIGH}
    by_hand.answer([b"1000"], [b"2000"])
    assert b"1000." in by_hand.sent()[LOW]
    assert b"2000." in by_hand.sent()[HIGH]
    by_hand.answer([b"y"], [b"y"])
    assert b":probe" not in by_hand.sent()[HIGH]
    by_hand.answer([b"n"])
    assert by_hand.result == [[b"y", b"y"], [b"n"]]


def test_a_lost_reply_puts_only_its_own_part_in_doubt():
    by_hand = ByHand(operation_of([set_once(IN_LOW), set_once(IN_HIGH)]), deadline_seconds=0)
    by_hand.answer([b"1000"], [b"2000"])
    with pytest.raises(errors.OutcomeUnknown) as caught:
        by_hand.answer([b"y"], ReplyLost("gone"))
    assert caught.value.ids == (f"id{IN_HIGH}",)


def test_after_a_lost_reply_the_same_request_goes_by_a_new_map():
    by_hand = ByHand(operation_of([set_once(IN_LOW), set_once(IN_HIGH)]))
    by_hand.answer([b"1000"], [b"2000"])
    first = by_hand.sent()
    by_hand.answer([b"y"], ReplyLost("gone"))
    assert by_hand.waits()
    assert HIGH not in by_hand.sent(), "it was just found down"
    by_hand.answer([[[0, 8191, [b"low", 1, b"a"]], [8192, 16383, [b"new", 3, b"c"]]]])
    assert by_hand.sent() == {NEW: first[HIGH]}
    by_hand.answer([b"y"])
    assert by_hand.result == [[b"y", b"y"]]


def test_a_node_that_cannot_be_reached_leaves_nothing_in_doubt():
    by_hand = begun(set_once(IN_LOW), deadline_seconds=0)
    with pytest.raises(errors.StoreUnavailable, match="refused"):
        by_hand.answer(errors.StoreUnavailable("refused"))


def test_a_node_that_cannot_be_reached_is_asked_last():
    by_hand = begun(set_once(IN_LOW))
    by_hand.answer(errors.StoreUnavailable("refused"))
    for _ in range(2):
        assert LOW not in by_hand.sent()
        by_hand.answer(errors.StoreUnavailable("refused"))
    assert set(by_hand.sent()) == {LOW}


def test_a_refusal_is_raised_after_all_outcomes_are_known():
    by_hand = ByHand(operation_of([set_once(IN_LOW), set_once(IN_HIGH)]))
    by_hand.answer([b"1000"], [b"2000"])
    with pytest.raises(errors.OutcomeUnknown, match="no login") as caught:
        by_hand.answer(errors.AccessDenied("no login"), ReplyLost("gone"))
    assert caught.value.ids == (f"id{IN_HIGH}",)


def test_every_known_node_is_asked_for_the_map():
    by_hand = ByHand(operation_of([GET_LOW]))
    by_hand.answer([f"MOVED {LOW_SLOT} new:3"])
    asked: set[str] = set()
    for outcome in (errors.StoreUnavailable("refused"), ReplyLost("gone"), [[]]):
        asked |= set(by_hand.sent())
        by_hand.answer(outcome)
    assert asked == {LOW, HIGH, "start:1"}
    assert by_hand.waits(), "none has told it"


def test_a_node_that_is_still_loading_is_passed_over_for_the_map():
    by_hand = ByHand(operation_of([GET_LOW]))
    by_hand.answer([f"MOVED {LOW_SLOT} new:3"])
    for _ in range(2):
        by_hand.answer(["LOADING Redis is loading the dataset in memory"])
    by_hand.answer([SLOTS])
    by_hand.answer([b"1"])
    assert by_hand.result == [[[b"1"]]]


def test_a_cluster_that_never_answered_is_not_waited_for():
    executor = ClusterExecutor(Sessions(ClusterKeys("ns")), 60, None, Topology(["a:1", "b:2"]))
    conversation = executor.execute(operation_of([GET_LOW]))
    next(conversation)
    conversation.send([errors.StoreUnavailable("refused")])
    with pytest.raises(errors.StoreUnavailable, match="refused"):
        conversation.send([errors.StoreUnavailable("refused")])


def test_a_server_that_is_no_cluster_node_is_named_so():
    by_hand = ByHand(operation_of([GET_LOW]))
    by_hand.answer([f"MOVED {LOW_SLOT} new:3"])
    with pytest.raises(errors.ConfigurationMismatch, match="such as redis://host:port"):
        by_hand.answer(["ERR This instance has cluster support disabled"])


@pytest.mark.parametrize(
    "reply",
    [
        "NOPERM this user has no permissions to run the 'cluster|slots' command",
        "NOAUTH Authentication required.",
    ],
)
def test_a_user_who_may_not_read_the_map_is_told_so(reply):
    by_hand = ByHand(operation_of([GET_LOW]))
    by_hand.answer([f"MOVED {LOW_SLOT} new:3"])
    with pytest.raises(errors.AccessDenied):
        by_hand.answer([reply])


def test_a_read_at_full_memory_is_a_script_in_the_same_slot():
    by_hand = ByHand(operation_of([read(IN_LOW, ("GET", ":a"), ("GET", ":b"))]))
    by_hand.answer([b"OK", "OOM command not allowed", "OOM command not allowed", "EXECABORT discarded"])
    assert b"EVALSHA" in by_hand.sent()[LOW]
    by_hand.answer([[b"1", b"2"]])
    assert by_hand.result == [[[b"1", b"2"]]]
