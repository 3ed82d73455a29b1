"""The charts of docs/performance.md. The README shows the first one."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from benchmarks import asynchronous, bulk, intake, listing, single_calls
from benchmarks.harness import HIREDIS, Section
from benchmarks.peers import CALLS

OURS, THEIRS, FLOOR = "#c0392b", "#7f8c8d", "#bdc3c7"
LEG = HIREDIS[True]


def draw_charts(folder: Path, sections: Mapping[str, Section]) -> None:
    """Draw all charts."""
    plt.rcParams.update(
        {"figure.dpi": 120, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    for name, draw in (
        ("single_calls.png", _single_calls),
        ("bulk_and_listing.png", _bulk_and_listing),
        ("intake.png", draw_intake),
        ("growth.png", _growth),
    ):
        draw(sections)
        plt.tight_layout()
        plt.savefig(folder / name)
        plt.close()


def _single_calls(sections: Mapping[str, Section]) -> None:
    _, both = plt.subplots(1, 2, figsize=(9.5, 3.6))
    costs = sections["asynchronous"].data[f"uvloop, {LEG}"][asynchronous.TASKS[-1]]
    times = {name: {call: [c.time for c in of[call]] for call in CALLS} for name, of in costs.items()}
    _grouped(both[0], times, f"async, one process, {asynchronous.TASKS[-1]} tasks")
    blocking = sections["single_calls"].data
    _grouped(both[1], blocking[single_calls.title_of(4, hiredis=True)], "blocking, four processes")


def _grouped(axes: Any, times: Mapping[str, Mapping[str, list[float]]], title: str) -> None:
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
    axes.invert_yaxis()


def _bulk_and_listing(sections: Mapping[str, Section]) -> None:
    _, (many, all_orders) = plt.subplots(1, 2, figsize=(9.5, 3))
    samples = sections["bulk"].data[LEG]
    names = [name for name in bulk.WAYS if name != "resume_many"]
    rates = [1e-3 / median(samples[name]) for name in names]
    bars = many.barh(names, rates, color=[OURS if "_many" in name else THEIRS for name in names])
    many.bar_label(bars, fmt="%.0f k", padding=2, fontsize=8)
    many.set_title("thousand orders a second, one process", fontsize=9)
    many.invert_yaxis()
    many.margins(x=0.15)
    times = sections["listing"].data[LEG]
    ours = (listing.LISTING, listing.PAGED)
    bars = all_orders.barh(
        list(times),
        [median(times[name]) for name in times],
        color=[OURS if n in ours else THEIRS for n in times],
    )
    all_orders.bar_label(bars, fmt="%.2f s", padding=2, fontsize=8)
    all_orders.set_title(sections["listing"].title.lower(), fontsize=9)
    all_orders.invert_yaxis()
    all_orders.margins(x=0.15)


def draw_intake(sections: Mapping[str, Section]) -> None:
    """Draw events a second, and the lag over the time."""
    _, (rates, lags) = plt.subplots(1, 2, figsize=(9.5, 3))
    times = sections["intake"].data["rates"]
    bars = rates.barh(
        list(times),
        [1e-3 / median(times[way]) for way in times],
        color=[THEIRS if way == intake.DIRECT else OURS for way in times],
    )
    rates.bar_label(bars, fmt="%.0f k", padding=2, fontsize=8)
    rates.set_title("thousand events a second, end to end", fontsize=9)
    rates.invert_yaxis()
    rates.margins(x=0.15)
    for (share, seen), colour in zip(sections["intake"].data["lag"].items(), ("#2c3e50", OURS), strict=True):
        lags.plot(
            [passed for passed, _ in seen],
            [1e3 * lag for _, lag in seen],
            label=f"at {100 * share:.0f} % of the greatest rate",
            color=colour,
            linewidth=1,
        )
    lags.set_ylim(bottom=0)
    lags.set_title("lag, ms", fontsize=9)
    lags.set_xlabel("seconds")
    lags.legend(frameon=False, fontsize=8)


def _growth(sections: Mapping[str, Section]) -> None:
    _, (calls, room) = plt.subplots(1, 2, figsize=(9.5, 3.2))
    by_call = sections["growth"].data["by size"]
    sizes = list(by_call[CALLS[0]])
    for call, colour in zip(CALLS, (OURS, "#2c3e50", "#16a085", "#8e44ad"), strict=True):
        calls.plot(
            sizes, [1e6 * median(by_call[call][size]) for size in sizes], "o-", label=call, color=colour
        )
    calls.set_ylim(bottom=0)
    calls.set_title("time of a call, µs", fontsize=9)
    calls.set_xlabel("live orders in the store")
    calls.legend(frameon=False, fontsize=8)
    by_server = sections["memory"].data["by server"]
    bars = room.bar(list(by_server), list(by_server.values()), 0.5, color=OURS)
    room.bar_label(bars, fmt="%.0f")
    room.set_title("bytes an order, with all keys", fontsize=9)
