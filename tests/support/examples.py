"""The programs in the folder `examples`: run as a person runs them, or imported."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.support.servers import REPOSITORY

EXAMPLES = REPOSITORY / "examples"


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a program that is to use this checkout."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), **more}


def run_example(
    name: str,
    *arguments: str | Path,
    meanwhile: Callable[[], object] = lambda: None,
    **more: str,
) -> str:
    """Run a program, and return what it printed. A warning is an error in it, and so is a failure.

    `meanwhile` runs while it does. `more` is its environment.
    """
    command = [sys.executable, "-W", "error", EXAMPLES / name, *arguments]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment(**more), **options) as process:
        try:
            meanwhile()
            shown, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0, shown
    return shown


def load_example(name: str) -> ModuleType:
    """Import a program."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(EXAMPLES))
