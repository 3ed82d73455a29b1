"""How everything is measured: subject and peer alternately, with medians and their spread."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from benchmarks import cores
from tests.support import processes

Samples = list[float]


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


QUICK = Scale(rounds=5, calls=100, sizes=(1_000, 10_000, 100_000), whale=10_000, bulk=5_000)
NORMAL = Scale(rounds=15, calls=250, sizes=(10_000, 100_000, 1_000_000), whale=100_000, bulk=20_000)
FULL = Scale(rounds=15, calls=250, sizes=(*NORMAL.sizes, 5_000_000), whale=100_000, bulk=20_000)


@dataclass
class Table:
    head: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    title: str = ""

    def add(self, *cells: str) -> None:
        self.rows.append(cells)


@dataclass
class Section:
    """What one benchmark found."""

    title: str
    how: str
    tables: list[Table] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    goals: list[tuple[str, Samples, float]] = field(default_factory=list)
    """What the goal is about, the result of each round, and the limit."""
    data: dict[str, Any] = field(default_factory=dict)
    """What the charts are drawn from."""

    def goal(self, what: str, measured: Samples, limit: float) -> None:
        """Compare a result with its goal. The report shows it whether the goal is met or missed."""
        self.goals.append((what, measured, limit))


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


def verdict(measured: Samples, limit: float) -> str:
    """Return whether a goal is met, if both quartiles of the rounds are on one side of the limit."""
    low, _, high = quantiles(measured, n=4) if len(measured) > 2 else (min(measured), 0, max(measured))
    return "met" if high <= limit else "**missed**" if low > limit else "too noisy to say"


def spread(samples: Samples) -> str:
    """Return half the distance between the quartiles, as a part of the median."""
    if len(samples) < 3:
        return ""
    low, middle, high = quantiles(samples, n=4)
    return f"±{50 * (high - low) / middle:.0f} %"


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
    """A worker whose process is kept to some of the cores."""

    def __init__(self, make: Callable[..., object], *arguments: object, to: set[int] = cores.CLIENT) -> None:
        with cores.kept_to(to):
            super().__init__(make, *arguments, strict=False)
