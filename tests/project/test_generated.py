"""The sync API is what the async API generates."""

import re
import subprocess
import sys

import pytest

from tests.support.servers import REPOSITORY
from tools import generate_sync


def run_tool(*arguments):
    command = [sys.executable, "-m", "tools.generate_sync", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_the_sync_api_is_fresh():
    done = run_tool("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_sync_api_is_refused_and_says_what_to_do(monkeypatch, tmp_path):
    stale = tmp_path / "system.py"
    stale.write_text("# edited by hand\n")
    monkeypatch.setattr(generate_sync, "SYNC_API", stale)
    with pytest.raises(SystemExit, match=r"edit aio\.py only"):
        generate_sync.main(["--check"])
    assert stale.read_text() == "# edited by hand\n"
    generate_sync.main([])
    generate_sync.main(["--check"])


def test_a_replacement_that_occurs_no_longer_is_refused():
    source = generate_sync.ASYNC_API.read_text()
    old = generate_sync.REPLACEMENTS[0][0]
    with pytest.raises(ValueError, match="occurs 0 times, not once: " + re.escape(repr(old))):
        generate_sync.generate(source.replace(old, ""))


def test_what_still_speaks_of_async_is_refused():
    source = generate_sync.ASYNC_API.read_text()
    with pytest.raises(ValueError, match="Await it, in an async program"):
        generate_sync.generate(
            source + '\n\ndef extra() -> None:\n    """Await it, in an async program."""\n'
        )
