"""Gets an operation's steps done, each change once, whatever the connection does. Free of I/O.

A change that may have been sent is sent again under the same request number, to which the server
gives the answer that it gave the first time. So a call ends in one of three ways: with its true
answer; with an error that says that nothing was changed; or with `OutcomeUnknown`, when the deadline
has passed, or the server has forgotten what it answered, and what was sent is still without an answer.
"""

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, NoReturn, TypeAlias, TypeVar, cast

from redis.backoff import FullJitterBackoff
from redis.exceptions import NoScriptError

from cryptoorders_redis import errors
from cryptoorders_redis.observing import CallInfo, Observer
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, SingleChange, Step
from cryptoorders_redis.operations.words import NO_WORDS, Argument, pack
from cryptoorders_redis.transport.error_mapping import ReplyLost, refusal
from cryptoorders_redis.transport.resp import Reply, encode_command, encode_run
from cryptoorders_redis.transport.sessions import Session, Sessions

T = TypeVar("T")

_log = logging.getLogger("cryptoorders_redis")

_BACKOFF = FullJitterBackoff(base=0.01, cap=0.5)
"""The wait before an attempt, in seconds: random, so that clients do not all come back at once."""

LONGEST_DEADLINE_SECONDS = 600
"""Far less than the hour for which the server keeps the sessions of a client."""

NO_SESSION = b"NOSESSION"

_DONE = {b"y": True, b"n": False}
"""What the replies to the first call of most changes mean."""

_FORGOTTEN = (
    "the server has forgotten this client's earlier requests: it lost data, its clock was set forward, or it "
    "evicts keys (see maxmemory-policy)"
)


class Request(NamedTuple):
    """Bytes to send as they are, and how many replies will come.

    Attributes:
        wait_seconds: how long to wait before it.
        give_up_at: when to stop waiting for a free connection, by `time.monotonic()`.
        is_long: whether the replies may be long, or take long to make.
    """

    data: bytes
    num_replies: int
    wait_seconds: float
    give_up_at: float
    is_long: bool


Conversation: TypeAlias = Generator[Request, list[Reply], T]
"""Yields requests, is sent their replies or thrown what went wrong with them, returns a T."""


FirstTry: TypeAlias = tuple[bytes, Session, float]
"""The bytes of an operation's first request, its session, and when to give it up as in `Request`."""


class Executor:
    """Carries out the operations of one system.

    Args:
        sessions: where request numbers come from.
        deadline_seconds: how long a call tries again while the server does not answer. A server that never
            answered is not waited for: its address is more likely wrong than it is down.
        observer: is told of each call, once.
    """

    def __init__(self, sessions: Sessions, deadline_seconds: float, observer: Observer | None = None) -> None:
        if not 0 <= deadline_seconds <= LONGEST_DEADLINE_SECONDS:
            raise ValueError(
                f"deadline_seconds must be 0 to {LONGEST_DEADLINE_SECONDS}, not {deadline_seconds}"
            )
        if observer is not None and not callable(getattr(observer, "call", None)):
            raise TypeError(f"observer must have a method call, and {type(observer).__name__} has none")
        self._sessions = sessions
        self._deadline_seconds = deadline_seconds
        self._observer = observer
        self._server_known = False

    def first_try(self, operation: Operation[Any]) -> FirstTry | None:
        """Return the request with which nearly every change of one order begins and ends; None for all else.

        The caller sends it once, without the generators of `execute`, which take a third of a call's time. A
        reply that `settled` does not know, or an error, is handed to `execute` as the outcome of its first
        request. So nothing about lost replies is decided here.
        """
        if not isinstance(operation, SingleChange) or self._observer:
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
                pending = [_PendingStep(step) for step in to_send]
                give_up_at = time.monotonic() + self._deadline_seconds
                if first_try:
                    _, pending[0].session, give_up_at = first_try
                    first_try = None
                try:
                    yield from self._deliver(operation, pending, give_up_at)
                    _conclude(operation, pending)
                except errors.CryptoOrdersError as error:
                    to_send = steps.throw(error)  # for it to say what was done until then
                else:
                    to_send = steps.send([step.reply for step in pending])
        except StopIteration as done:
            return done.value

    def _deliver(
        self, operation: Operation[Any], steps: "list[_PendingStep]", give_up_at: float
    ) -> Conversation[None]:
        """Send until each step has its answer, or a refusal that trying again would not change."""
        pending: list[_PendingStep] = steps
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
                replies: Iterator[Reply] = iter(
                    (yield _in_one(pending, wait_seconds, give_up_at, operation.is_long))
                )
            except ReplyLost as lost:
                trouble = errors.StoreUnavailable(str(lost))
                for step in pending:
                    step.in_doubt = step.session is not None
            except errors.StoreUnavailable as error:
                trouble = error
                if not self._server_known or isinstance(error, errors.ServerNotStarted):
                    _give_up(operation, pending, error)
            except errors.CryptoOrdersError as error:
                _give_up(operation, pending, error)
            else:
                self._server_known = True
                pending = [step for step in pending if not step.settled_by(replies)]
                trouble = next((step.trouble for step in pending if step.trouble), None)
            if trouble:
                failures += 1
                wait_seconds = _BACKOFF.compute(failures)
                if time.monotonic() + wait_seconds >= give_up_at:
                    _give_up(operation, pending, trouble)
                operation.attempts += 1
                _log.debug("%s is sent again in %.3f s: %s", operation.name, wait_seconds, trouble)

    def _begin_session(
        self, operation: Operation[Any], slot: str, give_up_at: float
    ) -> Conversation[Session]:
        """Begin or renew this client's sessions in a slot, and take one of them."""
        while True:
            key, call = self._sessions.begin_call(slot)
            step = _PendingStep(call)
            yield from self._deliver(operation, [step], give_up_at)
            _conclude(operation, [step])
            self._sessions.begin(slot, key, step.reply.decode())
            if session := self._sessions.take(slot):
                return session


def _conclude(operation: Operation[Any], steps: "list[_PendingStep]") -> None:
    """Give the sessions back, and raise the first refusal."""
    for step in steps:
        # A session whose outcome is open is not used again: its request may yet arrive.
        if step.session and not step.in_doubt:
            step.session.give_back()
    for step in steps:
        if step.refused:
            _give_up(operation, [step], step.refused)


class _PendingStep:
    """A step on its way: what to send for it next, and what came of it so far."""

    __slots__ = ("as_source", "in_doubt", "refused", "reply", "session", "step", "trouble")

    def __init__(self, step: Step) -> None:
        self.step: Step = step
        self.session: Session | None = None
        """For a change: where its request number comes from."""
        self.as_source = False
        self.in_doubt = False
        """Whether it is a change that was sent, and whose reply was lost."""
        self.trouble: errors.StoreUnavailable | None = None
        self.refused: errors.CryptoOrdersError | None = None
        self.reply: Reply = None

    def request(self) -> tuple[bytes, int]:
        """Return the bytes to send, and how many replies there will be."""
        if isinstance(self.step, ReadTransaction):
            commands = [("MULTI",), *self.step.commands, ("EXEC",)]
            return b"".join(map(encode_command, commands)), len(commands)
        return encode_run(self.step, self.session, self.as_source), 1

    def settled_by(self, replies: Iterator[Reply]) -> bool:
        """Take this step's replies, and return whether there is nothing left to send for it."""
        self.trouble = None
        reply = self._reply_among(replies)
        if isinstance(reply, Exception):
            return self._settled_without(reply)
        if reply == NO_SESSION and self.session:
            return self._forgotten_with(self.session)
        self.in_doubt = False
        self.reply = reply
        return True

    def _forgotten_with(self, session: Session) -> bool:
        """Nothing was done now. Whether an earlier sending was carried out the server cannot say any more."""
        session.forget()
        error = errors.StoreUnavailable(_FORGOTTEN)
        if self.in_doubt:
            self.refused = error
            return True
        self.trouble, self.session = error, None
        return False

    def _settled_without(self, answer: Exception) -> bool:
        if isinstance(answer, NoScriptError):
            # After a restart or a SCRIPT FLUSH. It did not run.
            self.as_source = True
            _log.debug("the server does not know a script, which is sent again as text")
            return False
        error = refusal(answer)
        if isinstance(error, errors.StoreFull) and isinstance(self.step, ReadTransaction):
            self.step = _as_script(self.step)
            return False
        if isinstance(error, errors.StoreUnavailable):
            self.trouble = error
            return False
        self.refused = error
        return True

    def _reply_among(self, replies: Iterator[Reply]) -> Reply:
        """Return the one reply of a script; of a transaction what EXEC replied, or the first error."""
        if isinstance(self.step, Call):
            return next(replies)
        *queued, last = islice(replies, len(self.step.commands) + 2)
        results = cast("list[Reply]", last) if isinstance(last, list) else [last]
        for reply in (*queued, *results):
            if isinstance(reply, Exception):
                return reply
        return results


def _in_one(steps: Sequence[_PendingStep], wait_seconds: float, give_up_at: float, is_long: bool) -> Request:
    if len(steps) == 1:
        return Request(*steps[0].request(), wait_seconds, give_up_at, is_long)
    requests = [step.request() for step in steps]
    return Request(
        b"".join(data for data, _ in requests),
        sum(num_replies for _, num_replies in requests),
        wait_seconds,
        give_up_at,
        is_long,
    )


def _as_script(snapshot: ReadTransaction) -> Call:
    """Return the way to the same replies when memory is full: transactions are refused then."""
    words: list[Argument] = []
    for command in snapshot.commands:
        words += (len(command), *command)
    return Call("snapshot", snapshot.slot, NO_WORDS, pack(words))


def _give_up(
    operation: Operation[Any], steps: Sequence[_PendingStep], error: errors.CryptoOrdersError
) -> NoReturn:
    """Raise the error; as `OutcomeUnknown` where a change may nevertheless have taken effect."""
    ids = tuple(order_id for step in steps if step.in_doubt for order_id in step.step.changes)
    if not ids:
        raise error
    named = ", ".join(map(repr, ids[:3])) + (", ..." if ids[3:] else "")
    message = f"{operation.name} of {named} may have taken effect or not: {error}"
    _log.warning("%s", message)
    raise errors.OutcomeUnknown(message, operation=operation.name, ids=ids) from error
