"""Gets an operation's steps done, each change once, whatever the connection does. Free of I/O.

A change that may have been sent is sent again under the same request number, to which the server
gives the answer that it gave the first time. So a call ends in one of three ways: with its true
answer; with an error that says that nothing was changed; or with `OutcomeUnknown`, when the deadline
has passed, or the server has forgotten what it answered, and what was sent is still without an answer.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

from redis.backoff import FullJitterBackoff

from cryptoorders_redis import errors
from cryptoorders_redis.observing import CallInfo, Observer
from cryptoorders_redis.operations import Operation, SingleChange, Step
from cryptoorders_redis.operations.deadlines import wait_out
from cryptoorders_redis.operations.gate import is_due_reply
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.transport.error_mapping import ReplyLost
from cryptoorders_redis.transport.pending_step import PendingStep, conclude, give_up, in_one
from cryptoorders_redis.transport.request import Conversation
from cryptoorders_redis.transport.resp import Reply, encode_run
from cryptoorders_redis.transport.sessions import Session, Sessions

T = TypeVar("T")

_log = logging.getLogger("cryptoorders_redis")

BACKOFF = FullJitterBackoff(base=0.01, cap=0.5)
"""The wait before an attempt, in seconds: random, so that clients do not all come back at once."""

LONGEST_DEADLINE_SECONDS = 600
"""Far less than the hour for which the server keeps the sessions of a client."""

_DONE = {b"y": True, b"n": False}
"""What the replies to the first call of most changes mean."""

FirstTry: TypeAlias = tuple[bytes, Session, float]
"""The bytes of an operation's first request, its session, and when to give it up as in `Request`."""


class Executor:
    """Carries out the operations of one system.

    Args:
        sessions: where request numbers come from.
        deadline_seconds: how long a call tries again while the server does not answer. A server that never
            answered is not waited for: its address is more likely wrong than it is down.
        observer: is told of each call, once.
        wait_replicas: how many replicas must have a change before it counts as done.
        store: carries out deadlines that have passed. None where nothing has a deadline.
    """

    def __init__(
        self,
        sessions: Sessions,
        deadline_seconds: float,
        observer: Observer | None = None,
        *,
        wait_replicas: int = 0,
        store: Store | None = None,
    ) -> None:
        if not 0 <= deadline_seconds <= LONGEST_DEADLINE_SECONDS:
            raise ValueError(
                f"deadline_seconds must be 0 to {LONGEST_DEADLINE_SECONDS}, not {deadline_seconds}"
            )
        if isinstance(wait_replicas, bool) or not isinstance(wait_replicas, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"wait_replicas must be an int, not {type(wait_replicas).__name__}")
        if wait_replicas < 0:
            raise ValueError(f"wait_replicas must be 0 or more, not {wait_replicas}")
        if observer is not None and not callable(getattr(observer, "call", None)):
            raise TypeError(f"observer must have a method call, and {type(observer).__name__} has none")
        self._sessions = sessions
        self._deadline_seconds = deadline_seconds
        self._observer = observer
        self._wait_replicas = wait_replicas
        self._store = store
        self._has_first_tries = observer is None and not wait_replicas
        self._server_known = False

    def first_try(self, operation: Operation[Any]) -> FirstTry | None:
        """Return the request with which nearly every change of one order begins and ends; None for all else.

        The caller sends it once, without the generators of `execute`, which take a third of a call's time. A
        reply that `settled` does not know, or an error, is handed to `execute` as the outcome of its first
        request. So nothing about lost replies is decided here.
        """
        if not self._has_first_tries or not isinstance(operation, SingleChange):
            return None
        call = operation.first_call()
        session = self._sessions.take(call.slot)
        if session is None:
            return None
        return encode_run(call, session), session, time.monotonic() + self._deadline_seconds

    def settled(self, session: Session, reply: Reply) -> bool | None:
        """Return the answer that the reply to a first try is; None if it is anything else."""
        if type(reply) is not bytes or (answer := _DONE.get(reply)) is None:
            return None
        session.give_back()
        return answer

    def execute(self, operation: Operation[T], first_try: FirstTry | None = None) -> Conversation[T]:
        """Carry an operation out: the caller sends each request, and hands in what came of it.

        After a first try the first request has the same request number.
        """
        if self._observer is None:
            return self._carry_out(operation, first_try)
        return self._observe(operation, self._observer)

    def _observe(self, operation: Operation[T], observer: Observer) -> Conversation[T]:
        begin = time.perf_counter()
        answer: T | None = None
        error: BaseException | None = None
        try:
            answer = yield from self._carry_out(operation, None)
        except BaseException as raised:
            error = raised
            raise
        else:
            return answer
        finally:
            seconds = time.perf_counter() - begin
            info = CallInfo(operation.name, operation.kind, answer, error, seconds, operation.attempts)
            try:
                observer.call(info)
            except Exception:  # noqa: BLE001 - whatever it is, the call has ended as it has
                _log.exception("the observer failed on a call of %s", operation.name)

    def _carry_out(self, operation: Operation[T], first_try: FirstTry | None) -> Conversation[T]:
        steps = operation.steps()
        try:
            to_send = next(steps)
            while True:
                pending = [self._make_pending(step) for step in to_send]
                give_up_at = time.monotonic() + self._deadline_seconds
                if first_try:
                    _, pending[0].session, give_up_at = first_try
                    first_try = None
                try:
                    yield from self._deliver(operation, pending, give_up_at)
                    conclude(operation, pending)
                except errors.CryptoOrdersError as error:
                    to_send = steps.throw(error)  # for it to say what was done until then
                    continue
                replies: list[Any] = [step.reply for step in pending]
                if self._store and any(map(is_due_reply, replies)):
                    steps = wait_out(self._store, steps, to_send, replies)
                    to_send = next(steps)
                else:
                    to_send = steps.send(replies)
        except StopIteration as done:
            return done.value

    def _make_pending(self, step: Step) -> PendingStep:
        return PendingStep(step, self._wait_replicas)

    def _deliver(
        self, operation: Operation[Any], steps: Sequence[PendingStep], give_up_at: float
    ) -> Conversation[None]:
        """Send until each step has its answer, or a refusal that trying again would not change."""
        pending = steps
        wait_seconds, failures = max(step.step.wait_seconds for step in steps), 0
        while pending:
            trouble: errors.StoreUnavailable | None = None
            try:
                for step in pending:
                    if step.step.changes and not step.session:
                        slot = step.step.slot
                        step.session = self._sessions.take(slot) or (
                            yield from self._begin_session(operation, slot, give_up_at)
                        )
                replies: Iterator[Reply] = iter((yield in_one(pending, operation, give_up_at, wait_seconds)))
            except ReplyLost as lost:
                trouble = errors.StoreUnavailable(str(lost))
                for step in pending:
                    step.note_lost_reply()
            except errors.StoreUnavailable as error:
                trouble = error
                if not self._server_known or isinstance(error, errors.ServerNotStarted):
                    give_up(operation, pending, error)
            except errors.CryptoOrdersError as error:
                give_up(operation, pending, error)
            else:
                self._server_known = True
                wait_seconds = 0.0
                pending = [step for step in pending if not step.settled_by(replies)]
                trouble = next((step.trouble for step in pending if step.trouble), None)
            if trouble:
                failures += 1
                wait_seconds = BACKOFF.compute(failures)
                if time.monotonic() + wait_seconds >= give_up_at:
                    give_up(operation, pending, trouble)
                operation.attempts += 1
                _log.debug("%s is sent again in %.3f s: %s", operation.name, wait_seconds, trouble)

    def _begin_session(
        self, operation: Operation[Any], slot: str, give_up_at: float
    ) -> Conversation[Session]:
        """Begin or renew this client's sessions in a slot, and take one of them."""
        while True:
            key, call = self._sessions.begin_call(slot)
            step = self._make_pending(call)
            yield from self._deliver(operation, [step], give_up_at)
            conclude(operation, [step])
            self._sessions.begin(slot, key, step.reply.decode())
            if session := self._sessions.take(slot):
                return session
