"""Runs commands on a system: one by one, or in batches with the same result."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from cryptoorders_redis import errors
from cryptoorders_redis.operations.bulk import BATCH
from cryptoorders_redis.order import NewOrder
from cryptoorders_redis.replay.batching import group_commands
from cryptoorders_redis.replay.commands import Amendment, Command, Op, Reduction, parse_command
from cryptoorders_redis.system import CryptoOrderSystem

WINDOW = 5000
"""The number of commands of a file that are grouped together."""


class Refusal(NamedTuple):
    """A line that is not a command. Nothing was done for it.

    Attributes:
        line: The number of the line, from 1.
        reason: What is wrong with it.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class _NumberedCommand(Command):
    """A command with the number of its line."""

    line: int


class Replay:
    """Runs commands, and counts their results.

    Args:
        system: The system that runs the commands.
        window: How many commands may be read before the first of them runs. With more than one, commands of
            one op are sent in batches. The answers are the same as one by one.

    Attributes:
        line: The number of the last line that was read.
        since: The number of the first line that may not be applied yet.
        applied: The number of commands that changed something, by op.
        ignored: The number of commands that changed nothing, by op: for example a cancel of an order that is
            not live.
        refused: The number of lines that are not a command.
        unanswered: The numbers of the lines that were sent last, if their answers were not read. Each may be
            applied or not. Empty unless `run` was interrupted.
        waiting: The numbers of the lines that were read and not applied. Empty after `run`.
    """

    def __init__(self, system: CryptoOrderSystem, window: int = 1) -> None:
        self.line: int = 0
        self.since: int = 1
        self.applied: Counter[Op] = Counter[Op]()
        self.ignored: Counter[Op] = Counter[Op]()
        self.refused: int = 0
        self.unanswered: list[int] = []
        self.waiting: set[int] = set()
        self._window = window
        self._system = system
        self._change_one: dict[Op, Callable[[str], int]] = {
            Op.PAUSE: system.pause,
            Op.RESUME: system.resume,
            Op.CANCEL: system.cancel,
            Op.CANCEL_ALL_BY_USER: system.cancel_all_by_user,
        }
        self._change_many: dict[Op, Callable[[list[str]], list[bool]]] = {
            Op.PAUSE: system.pause_many,
            Op.RESUME: system.resume_many,
            Op.CANCEL: system.cancel_many,
        }

    def run(self, lines: Iterable[bytes]) -> Iterator[Refusal]:
        """Run the commands of the lines. Yield a refusal after all commands before it have run.

        Raises:
            CryptoOrdersError: The replay stopped. All lines before `since` have run. Of the lines from
                `since` to `line` those that are counted have run.
        """
        commands: list[_NumberedCommand] = []
        for line in lines:
            self.line += 1
            refusal = None
            if line.strip():
                try:
                    command = parse_command(line)
                    commands.append(_NumberedCommand(command.op, command.target, self.line))
                    self.waiting.add(self.line)
                except (TypeError, ValueError) as error:
                    refusal = Refusal(self.line, str(error))
            if refusal or len(commands) >= self._window:
                self._run_commands(commands)
                commands = []
            if refusal:
                self.refused += 1
                yield refusal
        self._run_commands(commands)

    def _run_commands(self, commands: list["_NumberedCommand"]) -> None:
        for group in group_commands(commands):
            op = group[0].op
            # Each call sends one batch, so that an interrupt leaves at most one batch in doubt.
            size = BATCH if op is Op.PLACE or op in self._change_many else 1
            for start in range(0, len(group), size):
                self._run_batch(op, group[start : start + size])
        self.since = self.line + 1

    def _run_batch(self, op: Op, batch: list["_NumberedCommand"]) -> None:
        self.unanswered = lines = [command.line for command in batch]
        self.waiting.difference_update(lines)
        try:
            answers = self._send_batch(op, batch)
        except errors.CryptoOrdersError as stopped:
            self.unanswered = []  # the error says which are in doubt
            if isinstance(stopped, errors.BulkInterrupted):
                self._count_answers(op, stopped.answers)
                self.waiting.update(lines[index] for index in stopped.not_done)
            elif not isinstance(stopped, errors.OutcomeUnknown):
                self.waiting.update(lines)
            raise
        self._count_answers(op, answers)
        self.unanswered = []

    def _send_batch(self, op: Op, batch: Sequence[Command]) -> Sequence[int]:
        if len(batch) == 1:
            return [self._send_one(batch[0])]
        if op is Op.PLACE:
            return self._system.place_many(cast("NewOrder", command.target) for command in batch)
        return self._change_many[op]([command.subject for command in batch])

    def _send_one(self, command: Command) -> int:
        target = command.target
        if isinstance(target, NewOrder):
            return self._system.place(*target[:5], metadata=target.metadata)
        if isinstance(target, Amendment):
            order_id, amount, price, expected_amount, expected_price = target
            return self._system.amend(
                order_id,
                amount=amount,
                price=price,
                expected_amount=expected_amount,
                expected_price=expected_price,
            )
        if isinstance(target, Reduction):
            return self._reduce(target)
        return self._change_one[command.op](target)

    def _reduce(self, target: Reduction) -> bool:
        try:
            return self._system.reduce(target.order_id, target.by) is not None
        except (errors.AmountExceeded, errors.TooManyDigits):
            return False

    def _count_answers(self, op: Op, answers: Iterable[int]) -> None:
        for answer in answers:
            (self.applied if answer else self.ignored)[op] += 1
