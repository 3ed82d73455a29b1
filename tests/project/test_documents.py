"""The project's own files: they parse, they agree with each other, and what they name is there."""

import re
import tomllib

import pytest
import yaml

from tests.support.servers import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PRE_COMMIT = REPOSITORY / ".pre-commit-config.yaml"
YAML = [PRE_COMMIT, REPOSITORY / "docker-compose.yml", *(REPOSITORY / ".github").rglob("*.yml")]
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text()

NAME = r"[\w.-]+"
PATH = rf"(?:{NAME}/)+(?:{NAME})?|{NAME}\.(?:md|toml|lua|py)"


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_the_yaml_files_parse(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_pre_commit_and_make_lint_run_one_version_of_ruff():
    hooks = {repo["repo"]: repo.get("rev") for repo in yaml.safe_load(PRE_COMMIT.read_text())["repos"]}
    version = hooks["https://github.com/astral-sh/ruff-pre-commit"].removeprefix("v")
    assert PROJECT["dependency-groups"]["ruff"] == [f"ruff=={version}"]


def test_every_file_that_contributing_names_is_there():
    named = {
        word for code in re.findall(r"`([^`\n]+)`", CONTRIBUTING) for word in re.split(r"[ ,]", code)
        if re.fullmatch(PATH, word) and not word.startswith(".venv/")
    }  # fmt: skip
    assert len(named) > 30
    assert not {name for name in named if not (REPOSITORY / name).exists()}


def test_every_part_of_the_package_is_on_the_map():
    package = REPOSITORY / "cryptoorders_redis"
    parts = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    parts |= {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    assert {part for part in parts if f"`cryptoorders_redis/{part}`" not in CONTRIBUTING} == set()


def test_every_folder_of_tests_is_on_the_map():
    folders = {path.parent.name for path in (REPOSITORY / "tests").glob("*/__init__.py")}
    assert {folder for folder in folders if f"`tests/{folder}/`" not in CONTRIBUTING} == set()


def test_every_make_target_that_contributing_runs_is_there():
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^\$ make ([\w-]+)", CONTRIBUTING, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_what_the_makefile_runs_is_there():
    makefile = (REPOSITORY / "Makefile").read_text()
    for path in re.findall(r"\btests/[\w/]+(?:\.py)?", makefile):
        assert (REPOSITORY / path).exists(), path


def test_the_source_distribution_has_all_that_tests_need():
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    always = {"README.md", "LICENSE", "pyproject.toml", ".gitignore", "PKG-INFO"}  # hatchling adds these
    skipped = {"build", "dist"}
    there = {
        path.name for path in REPOSITORY.iterdir()
        if not re.match(r"\.(git$|venv|coverage|\w+_cache|hypothesis)|__pycache__", path.name)
    }  # fmt: skip
    assert there - skipped - always - set(included) == set()
