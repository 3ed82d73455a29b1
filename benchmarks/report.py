"""Writes docs/performance.md: the results, for people."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.harness import Scale, Section, Table, spread, verdict

INTRODUCTION = """# Performance

`make bench` writes this page; nothing in it is written by hand. Everything was measured in one run. Each
round measures the library and its peers alternately.

- A time is the median of at least {rounds} rounds, or of 5 rounds if a round takes seconds.
- `±` is half the distance between the quartiles.
- A ratio is the median of the ratios within each round, so that a slow round has no effect on it. A ratio
  below 1 means that the library is faster than the peer.
- Client and server share the machine. One client and its server have one core each. Four clients share all
  cores with the server.
- Work of the lowest priority keeps the cores awake, because waking a core can take longer than a call.

To repeat it, run `make bench`, which takes about seven minutes. `make bench QUICK=1` takes one minute, with
small stores. `make bench FULL=1` takes a quarter of an hour, and adds 5 million orders. You need
redis-server, and PostgreSQL for its rows.
{quick}"""

CHARTS = ("single_calls.png", "growth.png", "bulk_and_listing.png")


def write_report(
    folder: Path, scale: Scale, quick: bool, machine: Sequence[tuple[str, str]], sections: Sequence[Section]
) -> Path:
    warning = (
        "\n**This was a quick run with small stores and few calls. Do not compare its numbers.**\n"
        if quick
        else ""
    )
    parts = [INTRODUCTION.format(rounds=scale.rounds, quick=warning), "## In short\n\n" + _goals(sections)]
    parts += [f"![{name.removesuffix('.png')}]({name})" for name in CHARTS if (folder / name).exists()]
    parts.append("## Measured on\n\n" + "\n".join(_lines(Table(("", ""), list(machine)))))
    parts += [section_text(section) for section in sections]
    path = folder / "performance.md"
    path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")
    return path


def _goals(sections: Sequence[Section]) -> str:
    table = Table(("goal", "limit", "measured", ""))
    for section in sections:
        for what, measured, limit in section.goals:
            table.add(
                what, f"{limit:g}", f"{median(measured):.3g} {spread(measured)}", verdict(measured, limit)
            )
    return "\n".join(_lines(table))


def section_text(section: Section) -> str:
    parts = [f"## {section.title}", section.how]
    for table in section.tables:
        if table.title:
            parts.append(f"**{table.title}**")
        parts.append("\n".join(_lines(table)))
    parts += ["\n".join(f"- {finding}" for finding in section.findings)] if section.findings else []
    return "\n\n".join(parts)


def _lines(table: Table) -> list[str]:
    rule = ["---"] + ["---:"] * (len(table.head) - 1) if len(table.head) > 2 else ["---"] * len(table.head)
    return [f"| {' | '.join(cells)} |" for cells in (table.head, rule, *table.rows)]
