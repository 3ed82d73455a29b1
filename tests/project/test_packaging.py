"""The Lua scripts are found from a checkout, an editable install and a built wheel."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.servers import REPOSITORY

USE_IT = """
import cryptoorders_redis, sys
assert cryptoorders_redis.__file__.startswith(sys.argv[1]), cryptoorders_redis.__file__
system = cryptoorders_redis.CryptoOrderSystem(num_streams=3, url="memory://")
assert system.place("order1", "alice", "BTC", "0.5", 60000)
print(system.display_all_live_orders())
"""
DEPENDENCIES = sysconfig.get_paths()["purelib"]


def use_it(python: Path | str, folder: Path, *, path: str = DEPENDENCIES) -> str:
    """Run a program away from the checkout, with the package from the folder; return what it printed."""
    done = subprocess.run(
        [python, "-P", "-W", "error", "-c", USE_IT, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    return done.stdout.splitlines()[-1]


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    # The build backend too is found on the path: --python runs pip under another interpreter.
    environment = {**os.environ, "PYTHONPATH": DEPENDENCIES}
    subprocess.run([str(part) for part in command], check=True, env=environment)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the files that git would hand out, so that no build leaves anything in the checkout."""
    folder = tmp_path / "source"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "*.egg-info")
    shutil.copytree(REPOSITORY, folder, ignore=ignored)
    return folder


def assert_links_work_on_pypi(wheel: Path) -> None:
    """Fail unless each link of the description is absolute, and leads to a file that is there."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        description = archive.read(name).decode().partition("\n\n")[2]
    found = re.findall(r"(!?)\[[^]]*\]\(([^)]+)\)", description)
    assert len(found) > 20
    for is_image, link in found:
        base = "raw.githubusercontent.com/cryptoorders/" if is_image else "github.com/cryptoorders/"
        assert link.startswith(f"https://{base}"), link
        path = re.sub(r"^.*?/cryptoorders_redis/(blob/)?main/|#.*$", "", link)
        assert (REPOSITORY / path).is_file(), link


def test_from_a_checkout() -> None:
    path = f"{REPOSITORY}{os.pathsep}{DEPENDENCIES}"
    assert use_it(sys.executable, REPOSITORY, path=path) == "['order1']"


def test_from_a_built_wheel(source: Path, tmp_path: Path) -> None:
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path / "dist", source)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert_links_work_on_pypi(wheel)
    pip("install", "--no-deps", "--target", tmp_path / "installed", wheel)
    path = f"{tmp_path / 'installed'}{os.pathsep}{DEPENDENCIES}"
    assert use_it(sys.executable, tmp_path / "installed", path=path) == "['order1']"
    assert (tmp_path / "installed" / "cryptoorders_redis" / "py.typed").is_file()
    static = Path("cryptoorders_redis") / "web" / "static"
    files = {path.name for path in (REPOSITORY / static).iterdir()}
    assert {path.name for path in (tmp_path / "installed" / static).iterdir()} == files


def test_from_an_editable_install_with_the_checkouts_scripts(source: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    pip("--python", python, "install", "--no-deps", "--no-build-isolation", "-e", source)
    assert use_it(python, source) == "['order1']"
    (source / "lua" / "place.lua").write_text("return 0\n")
    assert use_it(python, source) == "AssertionError"
