"""The machine and the versions that were measured."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cryptoorders_redis
from benchmarks.servers import postgresql_program
from tests.support.servers import server_program


def describe(load: str) -> list[tuple[str, str]]:
    """Return the facts about this machine and its software, in the order of the report."""
    return [
        ("cores", f"{os.cpu_count()} ({_processor()})"),
        ("load average at the start", load),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("redis-py", f"{_package('redis')}, without hiredis and with hiredis {_package('hiredis')}"),
        ("Redis", _first_line(server_program()).split("v=")[-1].split()[0]),
        (
            "PostgreSQL",
            _first_line(program) if (program := postgresql_program("postgres")) else "not installed",
        ),
        ("SQLite", sqlite3.sqlite_version),
        ("uvloop", _package("uvloop")),
        ("psycopg", _package("psycopg")),
        ("this library", cryptoorders_redis.__version__ + _revision()),
    ]


def load() -> str:
    """Return the load average of the last minute, with a warning if other processes were busy."""
    waiting = os.getloadavg()[0]
    busy = waiting > 0.5 * (os.cpu_count() or 1)
    return f"{waiting:.1f}" + (": **others were busy on it, and the numbers are rough**" if busy else "")


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _revision() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parent)
    changed = ["git", "status", "--porcelain", "cryptoorders_redis", "lua"]
    more = subprocess.run(
        changed, check=False, capture_output=True, text=True, cwd=Path(__file__).parent.parent
    )
    revision = done.stdout.strip()
    return f" at {revision}{' and later changes' if more.stdout.strip() else ''}" if revision else ""


def _first_line(program: object) -> str:
    done = subprocess.run([str(program), "--version"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[0].removeprefix("postgres (PostgreSQL) ")


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"
