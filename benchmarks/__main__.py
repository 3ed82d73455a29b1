"""`python -m benchmarks [--quick | --full] [--only NAME ...]`.

It measures, and writes docs/performance.md and the figures of README.md.
"""

import argparse
import signal
import sys
import time
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

from redis.utils import HIREDIS_AVAILABLE

from benchmarks import cores, machine, report
from benchmarks.charts import draw_charts
from benchmarks.harness import FULL, NORMAL, QUICK, Scale, Section

NAMES = (
    "asynchronous",
    "single_calls",
    "bulk",
    "listing",
    "memory",
    "scale_out",
    "intake",
    "cluster",
    "client_time",
    "server_time",
    "feed",
    "deadlines",
    "holding",
    "growth",
    "placement",
    "resize",
)
"""In the order of the report."""

KEPT_AWAKE = {"asynchronous", "bulk", "listing", "scale_out", "intake", "holding"}
"""Where client and server have a core each. Where they share one, it does not fall asleep."""

REPOSITORY = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--quick", action="store_true", help="one minute, with small stores, to see that it works"
    )
    size.add_argument("--full", action="store_true", help="with 5 million orders")
    parser.add_argument(
        "--only", nargs="*", choices=NAMES, default=NAMES, help="print only these sections, and write nothing"
    )
    chosen = parser.parse_args()
    if not HIREDIS_AVAILABLE:
        sys.exit("hiredis is missing, with which half of the benchmarks run: pip install 'hiredis>=3.2'")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end with us
    scale = QUICK if chosen.quick else FULL if chosen.full else NORMAL
    load = machine.load()
    with cores.kept_to(cores.CLIENT):
        sections = _measure(chosen.only, scale)
    if chosen.only != NAMES:
        return
    folder = REPOSITORY / ("build" if chosen.quick else "docs")  # a quick run does not overwrite a real one
    folder.mkdir(exist_ok=True)
    draw_charts(folder, sections)
    path = report.write_report(folder, chosen.quick, machine.describe(load), sections)
    print(f"wrote {path.relative_to(REPOSITORY)}")
    if not chosen.quick:
        report.write_figures(REPOSITORY / "README.md", sections)
        print("wrote the figures of README.md")


def _measure(names: tuple[str, ...], scale: Scale) -> dict[str, Section]:
    sections: dict[str, Section] = {}
    for name in names:
        began = time.monotonic()
        with cores.kept_awake() if name in KEPT_AWAKE else nullcontext():
            sections[name] = import_module(f"benchmarks.{name}").run(scale)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
        if names != NAMES:
            print(report.section_text(sections[name]))
    return sections


if __name__ == "__main__":
    main()
