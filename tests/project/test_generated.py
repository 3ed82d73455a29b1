"""The sync API is what the async API generates."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.support.servers import REPOSITORY
from tools import generate_sync

API = generate_sync.PACKAGE / "aio.py"


def run_tool(*arguments):
    command = [sys.executable, "-m", "tools.generate_sync", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_the_sync_api_is_fresh():
    done = run_tool("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_sync_api_is_refused_and_says_what_to_do(monkeypatch, tmp_path):
    package = shutil.copytree(generate_sync.PACKAGE, tmp_path / generate_sync.PACKAGE.name)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    monkeypatch.setattr(generate_sync, "PACKAGE", package)
    stale = package / "intake.py"
    stale.write_text("# edited by hand\n")
    with pytest.raises(SystemExit, match=r"intake\.py is not what aio_intake\.py generates: edit that"):
        generate_sync.main(["--check"])
    assert stale.read_text() == "# edited by hand\n"
    generate_sync.main([])
    generate_sync.main(["--check"])


def test_a_replacement_that_occurs_no_longer_is_refused():
    source = API.read_text()
    old = generate_sync.REPLACEMENTS["aio.py"][0][0]
    with pytest.raises(ValueError, match="occurs 0 times, not once: " + re.escape(repr(old))):
        generate_sync.generate("aio.py", source.replace(old, ""))


def test_what_still_speaks_of_async_is_refused():
    source = API.read_text()
    with pytest.raises(ValueError, match="Await it, in an async program"):
        generate_sync.generate(
            "aio.py", source + '\n\ndef extra() -> None:\n    """Await it, in an async program."""\n'
        )
