"""Carries commands out on a system: one by one, or many together with the same result."""

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
"""Commands of a file that are looked at together."""


class Refusal(NamedTuple):
    """A line that is no command: nothing was done for it."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Numbered(Command):
    """A command, and the number of the line that it came from."""

    line: int


class Replay:
    """Carries commands out, and counts what became of them.

    Args:
        system: where.
        window: how many commands may be read before the first of them is carried out. With more than
            one they go in groups of one op, in batches, with the same answers as one by one.

    Attributes:
        line: the number of the last line that was read.
        since: the number of the first line that may not have been carried out yet.
        applied: commands that changed something, by op.
        ignored: commands that changed nothing, by op, such as a cancel of an order that is gone.
        refused: lines that are no command.
        unanswered: the numbers of the lines that were sent together last and whose answers were not read:
            they may have been carried out or not. Empty unless `run` is interrupted.
    """

    def __init__(self, system: CryptoOrderSystem, window: int = 1) -> None:
        self.line: int = 0
        self.since: int = 1
        self.applied: Counter[Op] = Counter[Op]()
        self.ignored: Counter[Op] = Counter[Op]()
        self.refused: int = 0
        self.unanswered: list[int] = []
        self._window = window
        self._system = system
        self._one: dict[Op, Callable[[str], int]] = {
            Op.PAUSE: system.pause,
            Op.RESUME: system.resume,
            Op.CANCEL: system.cancel,
            Op.CANCEL_ALL_BY_USER: system.cancel_all_by_user,
        }
        self._many: dict[Op, Callable[[list[str]], list[bool]]] = {
            Op.PAUSE: system.pause_many,
            Op.RESUME: system.resume_many,
            Op.CANCEL: system.cancel_many,
        }

    def run(self, lines: Iterable[bytes]) -> Iterator[Refusal]:
        """Carry the lines out, and yield the refusals, each when all before it is carried out.

        Raises:
            CryptoOrdersError: what came before the line `since` is applied; of the lines from there to
                `line` those that are counted are.
        """
        waiting: list[_Numbered] = []
        for line in lines:
            self.line += 1
            refusal = None
            if line.strip():
                try:
                    command = parse_command(line)
                    waiting.append(_Numbered(command.op, command.target, self.line))
                except (TypeError, ValueError) as error:
                    refusal = Refusal(self.line, str(error))
            if refusal or len(waiting) >= self._window:
                self._carry_out(waiting)
                waiting = []
            if refusal:
                self.refused += 1
                yield refusal
        self._carry_out(waiting)

    def _carry_out(self, commands: list["_Numbered"]) -> None:
        for group in group_commands(commands):
            op = group[0].op
            # Sent in batches from here, so that an interrupt leaves no more than one of them in doubt.
            size = BATCH if op is Op.PLACE or op in self._many else 1
            for start in range(0, len(group), size):
                self._carry_out_batch(op, group[start : start + size])
        self.since = self.line + 1

    def _carry_out_batch(self, op: Op, batch: list["_Numbered"]) -> None:
        self.unanswered = [command.line for command in batch]
        try:
            answers = self._answers(op, batch)
        except errors.CryptoOrdersError as stopped:
            self.unanswered = []  # the error says what is in doubt
            if isinstance(stopped, errors.BulkInterrupted):
                self._count(op, stopped.answers)
            raise
        self._count(op, answers)
        self.unanswered = []

    def _answers(self, op: Op, batch: Sequence[Command]) -> Sequence[int]:
        if len(batch) == 1:
            return [self._answer(batch[0])]
        if op is Op.PLACE:
            return self._system.place_many(cast("NewOrder", command.target) for command in batch)
        return self._many[op]([command.subject for command in batch])

    def _answer(self, command: Command) -> int:
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
        return self._one[command.op](target)

    def _reduce(self, target: Reduction) -> bool:
        try:
            return self._system.reduce(target.order_id, target.by) is not None
        except errors.AmountExceeded:
            return False

    def _count(self, op: Op, answers: Iterable[int]) -> None:
        for answer in answers:
            (self.applied if answer else self.ignored)[op] += 1
