"""How everything is measured: subject and peer alternately, with medians and their spread."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from benchmarks import cores
from tests.support import processes

Samples = list[float]

HIREDIS = {False: "without hiredis", True: "with hiredis"}
"""The two legs of each benchmark whose client reads replies. In a leg, all peers are in the same position."""


@dataclass(frozen=True)
class Scale:
    """How much a run measures."""

    rounds: int
    calls: int
    """Calls of each kind, in each round and each process."""
    sizes: tuple[int, ...]
    """The numbers of orders in the stores."""
    whale: int
    """Orders of one user that one call cancels."""
    bulk: int


QUICK = Scale(rounds=3, calls=100, sizes=(1_000, 10_000, 100_000), whale=10_000, bulk=5_000)
NORMAL = Scale(rounds=15, calls=250, sizes=(10_000, 100_000, 1_000_000), whale=100_000, bulk=20_000)
FULL = Scale(rounds=15, calls=250, sizes=(*NORMAL.sizes, 5_000_000), whale=100_000, bulk=20_000)


@dataclass
class Table:
    head: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    title: str = ""

    def add(self, *cells: str) -> None:
        self.rows.append(cells)


@dataclass(frozen=True)
class Goal:
    """A result and its limit."""

    what: str
    measured: Samples
    """One value for each round."""
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row of the report: what, limit, measured, verdict."""
        sign = "≥" if self.at_least else "≤"
        measured = f"{median(self.measured):.3g}{self.unit} {spread(self.measured)}"
        return self.what, f"{sign} {self.limit:g}{self.unit}", measured, self.verdict

    @property
    def is_met(self) -> bool:
        middle = median(self.measured)
        return middle >= self.limit if self.at_least else middle <= self.limit

    @property
    def verdict(self) -> str:
        """Whether the median meets the limit, and whether the limit is between the quartiles."""
        low, _, high = _quartiles(self.measured)
        close = ", but close" if low < self.limit < high else ""
        return ("met" if self.is_met else "**missed**") + close


@dataclass(frozen=True)
class Number:
    """One of the few results on the first page and in the README, as cells of a table."""

    what: str
    ours: str
    peer: str
    theirs: str


@dataclass
class Section:
    """What one benchmark found."""

    title: str
    how: str
    tables: list[Table] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    """What the charts are drawn from."""

    def goal(
        self, what: str, measured: Samples, limit: float, unit: str = "", *, at_least: bool = False
    ) -> None:
        """Compare a result with its goal. The report shows it whether the goal is met or missed."""
        self.goals.append(Goal(what, measured, limit, unit, at_least))

    def number(self, what: str, ours: str, peer: str, theirs: str) -> None:
        """Show a result on the first page."""
        self.numbers.append(Number(what, ours, peer, theirs))


def in_turns(subjects: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Samples]:
    """Run each subject once a round, with another one first each time. A round before does not count."""
    names = list(subjects)
    samples: dict[str, Samples] = {name: [] for name in names}
    for number in range(-1, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            took = subjects[name]()
            if number >= 0:
                samples[name].append(took)
    return samples


def ratios(samples: Samples, peer: Samples) -> Samples:
    """Return the ratio within each round: what slows down a whole round has no effect on it."""
    return [ours / theirs for ours, theirs in zip(samples, peer, strict=True)]


def ratio(samples: Samples, peer: Samples) -> float:
    return median(ratios(samples, peer))


def spread(samples: Samples) -> str:
    """Return half the distance between the quartiles, as a part of the median."""
    if len(samples) < 3:
        return ""
    low, middle, high = _quartiles(samples)
    return f"±{50 * (high - low) / middle:.0f} %"


def _quartiles(samples: Samples) -> tuple[float, float, float]:
    if len(samples) < 3:
        return min(samples), median(samples), max(samples)
    low, middle, high = quantiles(samples, n=4)
    return low, middle, high


def micros(samples: Samples) -> str:
    """Return seconds as microseconds, with their spread."""
    return f"{1e6 * median(samples):.1f} µs {spread(samples)}"


def seconds(samples: Samples) -> str:
    return f"{median(samples):.2f} s {spread(samples)}"


def millis(samples: Samples) -> str:
    return f"{1e3 * median(samples):.1f} ms {spread(samples)}"


def per_second(samples: Samples) -> str:
    """Return seconds a call as calls a second, in thousands."""
    return f"{1e-3 / median(samples):.1f} k"


class Worker(processes.Worker):
    """A worker whose process is kept to some of the cores, and has hiredis or not."""

    def __init__(
        self,
        make: Callable[..., object],
        *arguments: object,
        to: set[int] = cores.CLIENT,
        hiredis: bool = False,
    ) -> None:
        environment = {"BENCHMARK_HIREDIS": "yes" if hiredis else "no"}
        with cores.kept_to(to):
            super().__init__(make, *arguments, strict=False, environment=environment)
