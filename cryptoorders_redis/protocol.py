"""From an operation's steps to the bytes of requests, and from replies back to answers. Free of I/O."""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

from redis.exceptions import NoScriptError

from cryptoorders_redis import errors
from cryptoorders_redis.connect import Reply, ReplyLost
from cryptoorders_redis.operations import Argument, Call, Operation, Snapshot, Step
from cryptoorders_redis.refusals import refusal
from cryptoorders_redis.scripts import script

T = TypeVar("T")


class Request(NamedTuple):
    """Bytes to send as they are, and how many replies will come."""

    data: bytes
    num_replies: int


Conversation: TypeAlias = Generator[Request, list[Reply], T]
"""Yields requests, is sent their replies or thrown what went wrong with them, returns a T."""


def conversation(operation: Operation[T]) -> Conversation[T]:
    """Carry an operation out: a face sends each request once, and hands in what came of it."""
    try:
        steps = next(operation)
        while True:
            steps = operation.send((yield from _answers(steps)))
    except StopIteration as done:
        return done.value


def _answers(steps: Sequence[Step]) -> Conversation[list[Any]]:
    requests = [_request(step) for step in steps]
    replies = yield from _sent(steps, requests)
    unknown = [place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if unknown:
        # After a restart or a SCRIPT FLUSH. None of these ran, so they can be sent again, as source.
        again = [steps[place] for place in unknown]
        loaded = yield from _sent(again, [_request(step, as_source=True) for step in again])
        for place, reply in zip(unknown, loaded, strict=True):
            replies[place] = reply
    for reply in replies:
        if isinstance(reply, Exception):
            raise refusal(reply) from reply
    return replies


def _sent(steps: Sequence[Step], requests: Sequence[Request]) -> Conversation[list[Any]]:
    """Send requests as one, and reply with an answer or an error for each step."""
    try:
        replies = yield Request(
            b"".join(request.data for request in requests),
            sum(request.num_replies for request in requests),
        )
    except ReplyLost as lost:
        raise _without_a_reply(steps, lost) from lost
    answers: list[Any] = []
    for request in requests:
        answers.append(_answer(replies[: request.num_replies]))
        del replies[: request.num_replies]
    return answers


def _without_a_reply(steps: Sequence[Step], lost: ReplyLost) -> errors.CryptoOrdersError:
    changes = [step for step in steps if isinstance(step, Call) and step.changes]
    if not changes:
        return errors.StoreUnavailable(str(lost))
    operation, ids = changes[0].script, tuple(step.changes for step in changes if step.changes)
    return errors.OutcomeUnknown(
        f"{operation} of {', '.join(map(repr, ids))} may have taken effect or not: {lost}",
        operation=operation,
        ids=ids,
    )


def _request(step: Step, *, as_source: bool = False) -> Request:
    if isinstance(step, Snapshot):
        commands = [("MULTI",), *step.commands, ("EXEC",)]
        return Request(b"".join(packed(command) for command in commands), len(commands))
    run = script(step.script)
    head = ("EVAL", run.source) if as_source else ("EVALSHA", run.sha)
    return Request(packed((*head, len(step.keys), *step.keys, *step.args)), 1)


def _answer(replies: list[Reply]) -> Reply:
    """Return the one reply of a script; of a transaction what EXEC replied, or the first error."""
    *queued, last = replies
    nested = cast("list[Reply]", last) if queued and isinstance(last, list) else []
    for reply in (*queued, *nested):
        if isinstance(reply, Exception):
            return reply
    return replies[-1]


def packed(command: Sequence[Argument]) -> bytes:
    """Return a command as the server reads it (RESP, an array of bulk strings)."""
    parts = [b"*%d\r\n" % len(command)]
    for argument in command:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)
