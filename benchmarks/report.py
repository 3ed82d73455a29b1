"""Writes docs/performance.md, and the figures of the README: the results, for people."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from statistics import median

from benchmarks import single_calls
from benchmarks.harness import HIREDIS, Section, Table, per_second
from benchmarks.peers import CALLS
from tests.project.pages import FIGURES

INTRODUCTION = """# Performance

`make bench` writes this page; nothing in it is written by hand. Everything was measured in one run, on the
machine that is described [below](#measured-on). Client and server share this machine, so all numbers are
about processor time and not about a network.

{quick}

To repeat it, run `make bench`. It takes about ten minutes and installs what it needs, except
redis-server and PostgreSQL. `make bench QUICK=1` takes a minute or two, with small stores, and only shows
that it works."""

HOW = """## How to read it

- The library and its peers take turns within each round. A number is the median of the rounds.
- `±` is half the distance between the quartiles.
- A ratio is the median of the ratios within each round, so that a slow round has no effect on it. *Time*
  below 1 means that the library is faster than the peer. *Times as many* above 1 means the same.
- Every client runs without hiredis and with it. In both cases, redis-py's own client is in the same
  position.
- A client that waits for each reply shares one core with its server. The time of a call is then the work of
  both, and not the time to wake another core. Where both work at the same time, each has its own core.
  Several processes share all cores with the server.
- Where client and server have a core each, work of the lowest priority keeps the cores awake, because waking
  a core can take longer than a call.
- Processor time is what the kernel counts for a process. It changes less from run to run than time by the
  clock."""

CHARTS = {
    "single_calls.png": "Calls a second, compared with their peers",
    "bulk_and_listing.png": "Many orders in one call, and the listing",
    "intake.png": "Events a second, and the lag at two rates",
    "growth.png": "Time of a call by the number of orders, and bytes an order by server",
}

MISSING = {
    single_calls.SUBJECT: "",
    single_calls.WATCH: "true answers after a lost reply, unless you build them",
    single_calls.POSTGRESQL: "true answers after a lost reply, unless you build them",
    single_calls.SQLITE: "other machines",
}


def write_report(
    folder: Path, quick: bool, machine: Sequence[tuple[str, str]], sections: Mapping[str, Section]
) -> Path:
    warning = "**This was a quick run with small stores and few calls. Do not compare its numbers.**"
    parts = [
        INTRODUCTION.format(quick=warning if quick else ""),
        "## In short",
        figures(sections),
        *(f"![{title}]({name})" for name, title in CHARTS.items() if (folder / name).exists()),
        HOW,
        "## Measured on\n\n" + "\n".join(_lines(Table(("", ""), list(machine)))),
        _goals(sections.values()),
        *map(section_text, sections.values()),
    ]
    path = folder / "performance.md"
    path.write_text(_joined(parts), encoding="utf-8")
    return path


def _joined(parts: Iterable[str]) -> str:
    """Return the parts with one blank line between them."""
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(part.strip() for part in parts)) + "\n"


def write_figures(readme: Path, sections: Mapping[str, Section]) -> None:
    """Replace the figures of the README by those of this run."""
    text, replaced = FIGURES.subn(lambda _: figures(sections), readme.read_text(encoding="utf-8"))
    assert replaced == 1, "README.md has no place for the figures"
    readme.write_text(text, encoding="utf-8")


def figures(sections: Mapping[str, Section]) -> str:
    """Return what the first page of the report and the README have in common."""
    numbers = Table(("", "this library", "compared with", ""))
    for number in chain.from_iterable(section.numbers for section in sections.values()):
        numbers.add(number.what, number.ours, number.peer, number.theirs)
    times = sections["single_calls"].data[single_calls.title_of(1, hiredis=True)]
    alternatives = Table(("one process that blocks, calls a second", *CALLS, "what is missing"))
    for name, missing in MISSING.items():
        if name in times:
            alternatives.add(name, *(per_second(times[name][call]) for call in CALLS), missing)
    return "\n\n".join(
        (
            "\n".join(_lines(numbers, words={0, 2})),
            "\n".join(_lines(alternatives, words={0, 5})),
            _sentences(times, list(chain.from_iterable(section.goals for section in sections.values()))),
        )
    )


def _sentences(times: Mapping[str, Mapping[str, Sequence[float]]], goals: Sequence) -> str:
    ours, sqlite = times[single_calls.SUBJECT], times[single_calls.SQLITE]
    pause, place = (median(ours[call]) / median(sqlite[call]) for call in ("pause", "place"))
    met = sum(goal.is_met for goal in goals)
    return (
        f"All through a Unix socket on one machine, redis-py and this library {HIREDIS[True]}, the "
        "append-only file on (off for the listing and the memory). An empty script is the cheapest request "
        "that runs Lua and changes nothing. None of the peers waits for the disk. For one process alone, "
        "SQLite needs no round trip: it makes "
        f"{pause:.1f} times the pauses and {place:.1f} times the places of this library. "
        f"{met} of {len(goals)} goals are met."
    )


def _goals(sections: Iterable[Section]) -> str:
    table = Table(("goal", "limit", "measured", ""))
    for goal in chain.from_iterable(section.goals for section in sections):
        table.add(*goal.cells)
    text = "A goal that was missed stays here. *Close* means that the limit is between the quartiles."
    return f"## Goals\n\n{text}\n\n" + "\n".join(_lines(table))


def section_text(section: Section) -> str:
    parts = [f"## {section.title}", section.how]
    for table in section.tables:
        if table.title:
            parts.append(f"**{table.title}**")
        parts.append("\n".join(_lines(table)))
    parts += ["\n".join(f"- {finding}" for finding in section.findings)] if section.findings else []
    return "\n\n".join(parts)


def _lines(table: Table, words: set[int] | None = None) -> list[str]:
    """`words`: the columns that are not numbers."""
    rule = ["---" if column in (words or {0}) else "---:" for column in range(len(table.head))]
    return [f"| {' | '.join(cells)} |" for cells in (table.head, rule, *table.rows)]
