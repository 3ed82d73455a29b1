"""Steps on their way to the server: what to send for each next, and what came of it. Free of I/O."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NoReturn, cast

from redis.exceptions import NoScriptError

from cryptoorders_redis import errors
from cryptoorders_redis.operations import Call, Operation, ReadTransaction, Step
from cryptoorders_redis.operations.words import NO_WORDS, Argument, Words, pack
from cryptoorders_redis.transport.error_mapping import refusal
from cryptoorders_redis.transport.request import Request
from cryptoorders_redis.transport.resp import Reply, encode_command, encode_run
from cryptoorders_redis.transport.sessions import KEPT_SECONDS, Session

_log = logging.getLogger("cryptoorders_redis")

NO_SESSION = b"NOSESSION"

_WRITING_SCRIPTS = frozenset(("begin_sessions", "cluster/claim", "cluster/fence"))
"""Scripts that write what changes rely on, and whose calls change no order, so that they have no session."""

_WAIT_MILLISECONDS = 1000
"""How long the server waits for replicas before it says how many have confirmed."""

_FORGOTTEN = (
    "the server has forgotten this client's earlier requests: it lost data, its clock was set forward, or it "
    "evicts keys (see maxmemory-policy)"
)


def conclude(operation: Operation[Any], steps: "list[PendingStep]") -> None:
    """Give the sessions back, and raise the first refusal."""
    for step in steps:
        # A session whose outcome is open is not used again: its request may yet arrive.
        if step.session and not step.in_doubt:
            step.session.give_back()
    for step in steps:
        if step.refused:
            give_up(operation, [step], step.refused)


class PendingStep:
    """A step on its way: what to send for it next, and what came of it so far."""

    __slots__ = (
        "_num_replies", "_wait_replicas", "as_source", "in_doubt", "refused", "reply", "session", "step",
        "trouble",
    )  # fmt: skip

    def __init__(self, step: Step, wait_replicas: int = 0) -> None:
        self.step: Step = step
        self._wait_replicas = wait_replicas if wait_replicas and _writes(step) else 0
        self.session: Session | None = None
        """For a change: where its request number comes from."""
        self.as_source: bool = False
        self.in_doubt: bool = False
        """Whether it is a change that was sent, and that has no reply that counts."""
        self.trouble: errors.StoreUnavailable | None = None
        self.refused: errors.CryptoOrdersError | None = None
        self.reply: Reply = None

    def request(self) -> tuple[bytes, int]:
        """Return the bytes to send, and how many replies there will be."""
        if isinstance(self.step, ReadTransaction):
            commands = self.step.commands
            if len(commands) > 1:
                commands = (("MULTI",), *commands, ("EXEC",))
            return b"".join(map(encode_command, commands)), len(commands)
        run = encode_run(self.step, self.session, self.as_source)
        if not self._wait_replicas:
            return run, 1
        if self.session and self.in_doubt:
            # From Redis 7.2 WAIT waits only for what this connection wrote. A repeated answer is no write.
            run += encode_command(("EXPIRE", Words(1, self.session.packed_key), KEPT_SECONDS))
            self._num_replies = 3
        else:
            self._num_replies = 2
        return run + encode_command(("WAIT", self._wait_replicas, _WAIT_MILLISECONDS)), self._num_replies

    def note_lost_reply(self) -> None:
        """Note that it was sent, and may have been carried out."""
        self.in_doubt = self.session is not None

    def refuse(self, answer: Exception) -> None:
        """Take an answer that trying again would not change."""
        self.refused = refusal(answer)

    def settled_by(self, replies: Iterator[Reply]) -> bool:
        """Take this step's replies, and return whether there is nothing left to send for it."""
        self.trouble = None
        reply = self._reply_among(replies)
        confirmations = list(islice(replies, self._num_replies - 1)) if self._wait_replicas else ()
        if isinstance(reply, Exception):
            return self._settled_without(reply)
        if reply == NO_SESSION and self.session:
            return self._forgotten_with(self.session)
        if confirmations and not self._is_confirmed_by(confirmations):
            return self.refused is not None
        self.in_doubt = False
        self.reply = reply
        return True

    def _is_confirmed_by(self, replies: list[Reply]) -> bool:
        """Return whether enough replicas have the change. Else it took effect, and may yet be lost."""
        self.note_lost_reply()
        for reply in replies:
            if isinstance(reply, Exception):
                error = refusal(reply)
                if isinstance(error, errors.AccessDenied):
                    self.refused = error
                else:  # the change has run; perhaps its server is a replica by now, or its slot has moved
                    self.trouble = errors.StoreUnavailable(str(error))
                return False
        if replies[-1] >= self._wait_replicas:
            return True
        self.trouble = errors.StoreUnavailable(
            f"{replies[-1]} of {self._wait_replicas} replicas have confirmed a change "
            f"within {_WAIT_MILLISECONDS} ms"
        )
        return False

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
        """Return the one reply of a script; of commands the list of their replies, or the first error."""
        if isinstance(self.step, Call):
            return next(replies)
        if len(self.step.commands) == 1:
            reply = next(replies)
            return reply if isinstance(reply, Exception) else [reply]
        *queued, last = islice(replies, len(self.step.commands) + 2)
        results = cast("list[Reply]", last) if isinstance(last, list) else [last]
        for reply in (*queued, *results):
            if isinstance(reply, Exception):
                return reply
        return results


def _writes(step: Step) -> bool:
    return isinstance(step, Call) and (bool(step.changes) or step.script in _WRITING_SCRIPTS)


def in_one(
    steps: Sequence[PendingStep], operation: Operation[Any], give_up_at: float, wait_seconds: float
) -> Request:
    how = (give_up_at, wait_seconds, operation.is_long, operation.holds_connection)
    if len(steps) == 1:
        return Request(*steps[0].request(), *how)
    sources: set[str] = set()
    for step in steps:
        if step.as_source and isinstance(step.step, Call):
            step.as_source = step.step.script not in sources  # its text once: the server keeps it
            sources.add(step.step.script)
    requests = [step.request() for step in steps]
    return Request(
        b"".join(data for data, _ in requests),
        sum(num_replies for _, num_replies in requests),
        *how,
    )


def _as_script(snapshot: ReadTransaction) -> Call:
    """Return the way to the same replies when memory is full: transactions are refused then."""
    words: list[Argument] = []
    for command in snapshot.commands:
        words += (len(command), *command)
    return Call("snapshot", snapshot.slot, NO_WORDS, pack(words))


def give_up(
    operation: Operation[Any], steps: Sequence[PendingStep], error: errors.CryptoOrdersError
) -> NoReturn:
    """Raise the error; as `OutcomeUnknown` where a change may nevertheless have taken effect."""
    ids = tuple(order_id for step in steps if step.in_doubt for order_id in step.step.changes)
    if not ids:
        raise error
    named = ", ".join(map(repr, ids[:3])) + (", ..." if ids[3:] else "")
    message = f"{operation.name} of {named} may have taken effect or not: {error}"
    _log.warning("%s", message)
    raise errors.OutcomeUnknown(message, operation=operation.name, ids=ids) from error
