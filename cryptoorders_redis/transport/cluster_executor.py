"""Gets an operation's steps to the masters of a Redis Cluster, each change once. Free of I/O.

All steps of a round are sent at one time, those for one master in one request. A step that is redirected
did not run, and follows the redirection at once. The map of slots is asked for again when a redirection, or
a node that cannot be reached, shows that it is outdated.
"""

import logging
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError

from cryptoorders_redis import errors
from cryptoorders_redis.observing import Observer
from cryptoorders_redis.operations import Operation, ReadTransaction, Step
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.transport.error_mapping import ReplyLost, refusal
from cryptoorders_redis.transport.executor import BACKOFF, Executor
from cryptoorders_redis.transport.pending_step import PendingStep, conclude, give_up, in_one
from cryptoorders_redis.transport.request import ClusterRequest, Conversation, Outcome, Request
from cryptoorders_redis.transport.resp import Reply, encode_command
from cryptoorders_redis.transport.sessions import Sessions
from cryptoorders_redis.transport.topology import Address, Topology

_log = logging.getLogger("cryptoorders_redis")

AT_ONCE = 3
"""So many redirections of a step are followed without waiting."""

_ASKING = encode_command(("ASKING",))
_CLUSTER_SLOTS = encode_command(("CLUSTER", "SLOTS"))

_NO_CLUSTER = "cluster support disabled"
"""Part of a standalone server's answer to CLUSTER SLOTS."""

_NOT_HERE = re.compile("non local key|while the cluster is down")
"""Where a script touches a key that it did not declare, the server gives no code. Our scripts touch such
keys only before their first write, so nothing was done.
"""


class ClusterExecutor(Executor):
    """Carries out the operations of one system on a cluster.

    Args:
        sessions: where request numbers come from.
        deadline_seconds: how long a call tries again while nodes do not answer. If no node of the cluster
            ever answered, it is not waited for.
        observer: is told of each call, once.
        topology: says which master serves a slot.
        wait_replicas: how many replicas must have a change before it counts as done.
        store: carries out deadlines that have passed. None where nothing has a deadline.
    """

    def __init__(
        self,
        sessions: Sessions,
        deadline_seconds: float,
        observer: Observer | None,
        topology: Topology,
        *,
        wait_replicas: int = 0,
        store: Store | None = None,
    ) -> None:
        super().__init__(sessions, deadline_seconds, observer, wait_replicas=wait_replicas, store=store)
        self._topology = topology
        self._has_first_tries = False  # where to send one, only the map of slots says

    def _make_pending(self, step: Step) -> PendingStep:
        return RoutedStep(step, self._topology, self._wait_replicas)

    def _deliver(
        self, operation: Operation[Any], steps: Sequence[PendingStep], give_up_at: float
    ) -> Conversation[None]:
        pending = cast("Sequence[RoutedStep]", steps)
        wait_seconds, failures = max(step.step.wait_seconds for step in steps), 0
        while pending:
            trouble: errors.StoreUnavailable | None = None
            if self._topology.is_outdated:
                trouble = yield from self._ask_for_map(operation, pending, wait_seconds, give_up_at)
                wait_seconds = 0.0
            if not trouble:
                yield from self._begin_sessions(operation, pending, give_up_at)
                trouble = yield from self._send(operation, pending, wait_seconds, give_up_at)
                wait_seconds = 0.0
                pending = [step for step in pending if not step.is_settled]
                trouble = trouble or next((step.trouble for step in pending if step.trouble), None)
            if trouble and pending:
                failures += 1
                wait_seconds = BACKOFF.compute(failures)
                if not self._server_known or time.monotonic() + wait_seconds >= give_up_at:
                    give_up(operation, pending, trouble)
                operation.attempts += 1
                _log.debug("%s is sent again in %.3f s: %s", operation.name, wait_seconds, trouble)

    def _begin_sessions(
        self, operation: Operation[Any], pending: "Sequence[RoutedStep]", give_up_at: float
    ) -> Conversation[None]:
        """Give each change a session, after beginning them at one time in all slots that have none."""
        while needing := [step for step in pending if step.step.changes and not step.session]:
            for step in needing:
                step.session = self._sessions.take(step.step.slot)
            slots = dict.fromkeys(step.step.slot for step in needing if not step.session)
            if not slots:
                return
            calls = [self._sessions.begin_call(slot) for slot in slots]
            begins = [self._make_pending(call) for _, call in calls]
            yield from self._deliver(operation, begins, give_up_at)
            conclude(operation, begins)
            for slot, (key, _), begin in zip(slots, calls, begins, strict=True):
                self._sessions.begin(slot, key, begin.reply.decode())

    def _send(
        self,
        operation: Operation[Any],
        pending: "Sequence[RoutedStep]",
        wait_seconds: float,
        give_up_at: float,
    ) -> Conversation[errors.StoreUnavailable | None]:
        """Send the steps once, and take what comes back. Returns why a node could not be asked, if any."""
        groups: dict[Address, list[RoutedStep]] = {}
        for step in pending:
            groups.setdefault(step.find_address(), []).append(step)
        parts = [(address, in_one(group, operation, give_up_at, 0.0)) for address, group in groups.items()]
        outcomes: list[Outcome] = yield ClusterRequest(parts, wait_seconds)
        failures: list[Exception] = []
        for (address, group), outcome in zip(groups.items(), outcomes, strict=True):
            if isinstance(outcome, Exception):
                failures.append(outcome)
                self._topology.note_failure(address)
                for step in group:
                    step.fail(outcome)
            else:
                self._server_known = True
                self._topology.note_answer(address)
                replies: Iterator[Reply] = iter(outcome)
                for step in group:
                    step.take(replies, address)
        if any(step.is_redirected for step in pending):
            operation.attempts += 1
            _log.debug("%s is redirected", operation.name)
        # Only now: of each step it must be known whether its outcome is open.
        troubles = [_trouble_in(failure, operation, pending) for failure in failures]
        return troubles[0] if troubles else None

    def _ask_for_map(
        self,
        operation: Operation[Any],
        pending: "Sequence[RoutedStep]",
        wait_seconds: float,
        give_up_at: float,
    ) -> Conversation[errors.StoreUnavailable | None]:
        """Ask one node after another for the map of slots. Returns the last one's trouble if none has it."""
        trouble: errors.StoreUnavailable | None = None
        for address in self._topology.nodes_to_ask():
            request = Request(_CLUSTER_SLOTS, 1, give_up_at)
            outcomes: list[Outcome] = yield ClusterRequest([(address, request)], wait_seconds)
            wait_seconds = 0.0
            reply = _about_map(outcomes[0][0]) if isinstance(outcomes[0], list) else outcomes[0]
            if isinstance(reply, Exception):
                trouble = _trouble_in(reply, operation, pending)
            elif self._topology.learn(reply, address):
                self._server_known = True
                self._topology.note_answer(address)
                return None
            else:
                trouble = errors.StoreUnavailable(f"{address} is in no cluster yet")
            self._topology.note_failure(address)
            if time.monotonic() >= give_up_at:
                break
        return trouble


def _about_map(reply: Reply) -> Reply:
    """Return a reply to CLUSTER SLOTS: our error in place of the server's."""
    if not isinstance(reply, Exception):
        return reply
    if _NO_CLUSTER in str(reply):
        return errors.ConfigurationMismatch(
            "the server is not a node of a Redis Cluster: use a URL such as redis://host:port, or a "
            "client of the class Redis"
        )
    return refusal(reply)


def _trouble_in(
    error: Exception, operation: Operation[Any], pending: "Sequence[RoutedStep]"
) -> errors.StoreUnavailable:
    """Return why a node could not be asked, or raise what trying again would not change."""
    if isinstance(error, ReplyLost):
        return errors.StoreUnavailable(str(error))
    if isinstance(error, errors.StoreUnavailable):
        return error
    if isinstance(error, errors.CryptoOrdersError):
        give_up(operation, [step for step in pending if not step.is_settled], error)
    raise error


class RoutedStep(PendingStep):
    """A step on its way to the node that serves its slot."""

    __slots__ = ("_ask_at", "_asked", "_redirections", "_slot", "_topology", "is_redirected", "is_settled")

    def __init__(self, step: Step, topology: Topology, wait_replicas: int = 0) -> None:
        super().__init__(step, wait_replicas)
        self.is_settled: bool = False
        self.is_redirected: bool = False
        """Whether it is to be sent elsewhere at once."""
        self._redirections = 0
        self._topology = topology
        self._slot = key_slot(step.slot.encode())
        self._asked: Address = ""
        """The node that it was sent to last."""
        self._ask_at: Address = ""
        """The node to send it to once: its slot is on its way there."""

    def find_address(self) -> Address:
        """Return the node to send it to now."""
        if self._ask_at:
            return self._ask_at
        if isinstance(self.step, ReadTransaction) and self.step.node:
            return self.step.node
        return self._topology.master_of(self._slot) or self._topology.nodes_to_ask()[0]

    def request(self) -> tuple[bytes, int]:
        """Return the bytes to send, and how many replies there will be."""
        data, num_replies = super().request()
        return (_ASKING + data, num_replies + 1) if self._ask_at else (data, num_replies)

    def take(self, replies: Iterator[Reply], asked: Address) -> None:
        """Take this step's replies."""
        to_asking = next(replies) if self._ask_at else None
        self._ask_at = ""
        self._asked = asked
        self.is_redirected = False
        self.is_settled = self.settled_by(replies)
        if isinstance(to_asking, Exception) and not self.is_settled:  # the user may not send ASKING
            self.is_redirected, self.is_settled = False, True
            self.refuse(to_asking)

    def fail(self, error: Exception) -> None:
        """Note that the request brought no replies."""
        self._ask_at = ""
        self.trouble = None
        self.is_redirected = False
        if isinstance(error, ReplyLost):
            self.note_lost_reply()

    def _is_confirmed_by(self, replies: list[Reply]) -> bool:
        if super()._is_confirmed_by(replies):
            return True
        self._topology.is_outdated = True  # the node may have lost its replicas because one took over
        return False

    def _settled_without(self, answer: Exception) -> bool:
        if isinstance(answer, MovedError):
            self._topology.learn_move(answer.slot_id, self._address_in(answer))
            self._redirect(answer)
        elif isinstance(answer, AskError):
            if isinstance(self.step, ReadTransaction) and len(self.step.commands) > 1:
                self._wait(answer)  # ASKING is for one command
            else:
                self._ask_at = self._address_in(answer)
                self._redirect(answer)
        elif isinstance(answer, TryAgainError):
            self._wait(answer)
        elif isinstance(answer, ClusterDownError) or _NOT_HERE.search(str(answer)):
            self._topology.is_outdated = True
            self._wait(answer)
        elif isinstance(refusal(answer), errors.StoreReadOnly):
            self._topology.is_outdated = True  # a replica by now: its master has changed
            self._wait(answer)
        else:
            return super()._settled_without(answer)
        return False

    def _address_in(self, answer: AskError) -> Address:
        host, port = cast("Any", answer).node_addr
        return self._topology.address(host, port, self._asked)

    def _redirect(self, answer: Exception) -> None:
        self._redirections += 1
        self.is_redirected = self._redirections <= AT_ONCE
        if not self.is_redirected:
            self._wait(answer)

    def _wait(self, answer: Exception) -> None:
        self.trouble = errors.StoreUnavailable(f"{type(answer).__name__}: {answer}")
