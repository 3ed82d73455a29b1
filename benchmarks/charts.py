"""The charts that the README shows."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from benchmarks import listing, memory, single_calls
from benchmarks.harness import Section
from benchmarks.peers import CALLS

OURS, THEIRS, FLOOR = "#c0392b", "#7f8c8d", "#bdc3c7"


def draw_charts(folder: Path, sections: Mapping[str, Section]) -> None:
    """Draw the charts whose sections were measured."""
    plt.rcParams.update(
        {"figure.dpi": 120, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    charts = {
        "single_calls.png": (_single_calls, ("single_calls",)),
        "growth.png": (_growth, ("growth", "memory")),
        "bulk_and_listing.png": (_bulk_and_listing, ("bulk", "listing")),
    }
    for name, (draw, needed) in charts.items():
        if all(sections.get(key) and sections[key].data for key in needed):
            draw(*(sections[key] for key in needed))
            plt.tight_layout()
            plt.savefig(folder / name)
            plt.close()


def _single_calls(section: Section) -> None:
    _, both = plt.subplots(1, 2, figsize=(9.5, 3.6), sharey=True)
    for axes, title in zip(both, ("Unix socket, 1 process", "Unix socket, 4 processes"), strict=True):
        times = section.data[title]
        names = list(times)
        width = 0.8 / len(CALLS)
        for number, call in enumerate(CALLS):
            rates = [1e-3 / median(times[name][call]) for name in names]
            spots = [row + (number - 1.5) * width for row in range(len(names))]
            colours = [
                OURS if name == single_calls.SUBJECT else FLOOR if name == single_calls.FLOOR else THEIRS
                for name in names
            ]
            bars = axes.barh(spots, rates, width * 0.9, color=colours, alpha=1 - 0.17 * number)
            axes.bar_label(bars, [f"{call} {rate:.0f} k" for rate in rates], fontsize=6, padding=2)
        axes.set_yticks(range(len(names)), names)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("thousand calls a second")
        axes.margins(x=0.15)
    both[0].invert_yaxis()


def _growth(growth: Section, of_memory: Section) -> None:
    _, (calls, room) = plt.subplots(1, 2, figsize=(9.5, 3.2))
    by_call = growth.data["by size"]
    sizes = list(by_call[CALLS[0]])
    for call, colour in zip(CALLS, (OURS, "#2c3e50", "#16a085", "#8e44ad"), strict=True):
        calls.plot(
            sizes, [1e6 * median(by_call[call][size]) for size in sizes], "o-", label=call, color=colour
        )
    calls.set_ylim(bottom=0)
    calls.set_title("time of a call, µs", fontsize=9)
    calls.set_xlabel("live orders in the store")
    calls.legend(frameon=False, fontsize=8)
    of_size = of_memory.data["bytes"]
    bars = room.bar([f"{int(size):,}" for size in of_size], list(of_size.values()), 0.5, color=OURS)
    room.bar_label(bars, fmt="%.0f")
    room.axhline(memory.LIMIT, color=THEIRS, linestyle="--", linewidth=1)
    room.set_title("bytes an order, with all keys (dashed: the goal)", fontsize=9)
    room.set_xlabel("live orders in the store")


def _bulk_and_listing(of_bulk: Section, of_listing: Section) -> None:
    _, (many, all_orders) = plt.subplots(1, 2, figsize=(9.5, 3))
    samples = of_bulk.data["seconds"]
    names = [name for name in samples if name != "pause_many"]
    rates = [1e-3 / median(samples[name]) for name in names]
    bars = many.barh(names, rates, color=[OURS if "_many" in name else THEIRS for name in names])
    many.bar_label(bars, fmt="%.0f k", padding=2, fontsize=8)
    many.set_title("orders a second, one process", fontsize=9)
    many.invert_yaxis()
    many.margins(x=0.15)
    times = of_listing.data["seconds"]
    ours = (listing.LISTING, listing.PAGED)
    bars = all_orders.barh(
        list(times),
        [median(times[name]) for name in times],
        color=[OURS if n in ours else THEIRS for n in times],
    )
    all_orders.bar_label(bars, fmt="%.1f s", padding=2, fontsize=8)
    all_orders.set_title(of_listing.title.lower(), fontsize=9)
    all_orders.invert_yaxis()
    all_orders.margins(x=0.15)
