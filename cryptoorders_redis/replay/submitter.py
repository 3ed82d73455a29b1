"""Submits the events of a file, in batches."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cryptoorders_redis import errors
from cryptoorders_redis.event import Event, Submission
from cryptoorders_redis.replay.commands import parse_event
from cryptoorders_redis.replay.runner import Refusal
from cryptoorders_redis.system import CryptoOrderSystem

LINE_DIGITS = 12
"""Digits of the line's number in an id, so that ids sort as the lines do."""

_REASONS = {
    Submission.LATE: "refused: it came too late, and is a dead letter",
    Submission.EARLY: "refused: its time is too far in the future, and it is a dead letter",
}


class _NumberedEvent(NamedTuple):
    """An event with the number of its line."""

    line: int
    event: Event


class Submitter:
    """Submits events, and counts what became of them.

    Args:
        system: The system that takes the events.
        batch: How many lines are read before their events are submitted.
        prefix: What the id of an event without one begins with, before the number of its line.

    Attributes:
        line: The number of the last line that was read.
        since: The number of the first line that may not be done yet.
        counts: How many events were accepted, known, late and early.
        malformed: The number of lines that are no event.
        unanswered: The numbers of the lines whose events may be taken or not. Empty unless `run` was stopped.
    """

    def __init__(self, system: CryptoOrderSystem, batch: int, prefix: str = "") -> None:
        self.line: int = 0
        self.since: int = 1
        self.counts: Counter[Submission] = Counter[Submission]()
        self.malformed: int = 0
        self.unanswered: list[int] = []
        self._system = system
        self._batch = batch
        self._prefix = prefix

    @property
    def refused(self) -> int:
        """How many lines were refused."""
        return self.malformed + self.counts[Submission.LATE] + self.counts[Submission.EARLY]

    def run(self, lines: Iterable[bytes]) -> Iterator[Refusal]:
        """Submit the events of the lines. Yield the refusals of each batch when it is done.

        Raises:
            CryptoOrdersError: It stopped. All lines before `since` are done.
        """
        events: list[_NumberedEvent] = []
        refusals: list[Refusal] = []
        for line in lines:
            self.line += 1
            if line.strip():
                try:
                    event = parse_event(line, f"{self._prefix}{self.line:0{LINE_DIGITS}d}")
                    events.append(_NumberedEvent(self.line, event))
                except (TypeError, ValueError) as error:
                    refusals.append(Refusal(self.line, str(error)))
            if self.line - self.since + 1 >= self._batch:
                yield from self._submit(events, refusals)
                events, refusals = [], []
        yield from self._submit(events, refusals)

    def _submit(self, events: list[_NumberedEvent], refusals: list[Refusal]) -> Iterator[Refusal]:
        lines = [line for line, _ in events]
        self.unanswered = lines
        stopped = None
        try:
            answers = self._system.submit_many(event for _, event in events)
            self.unanswered, self.since = [], self.line + 1
        except errors.BulkInterrupted as error:
            stopped, answers = error, error.answers
            self.unanswered, self.since = [lines[index] for index in error.unknown], lines[len(answers)]
        self.counts.update(answers)
        done = [refusal for refusal in refusals if refusal.line < self.since]
        self.malformed += len(done)
        done += (
            Refusal(line, _REASONS[answer])
            for line, answer in zip(lines, answers, strict=False)
            if answer in _REASONS
        )
        yield from sorted(done)
        if stopped:
            raise stopped
