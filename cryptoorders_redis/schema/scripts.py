"""Finds the Lua scripts, puts their includes in, and knows their SHA."""

import re
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from pathlib import Path

_INCLUDE = re.compile(r'^--- @include "(\w+)"\n', re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """One atomic step: a file of `lua/` with its includes in place."""

    name: str
    source: bytes = field(repr=False)
    sha: bytes = field(repr=False)


@cache
def script(name: str) -> Script:
    """Return the script of `lua/NAME.lua`."""
    source = resolve_includes(name, _folder()).encode()
    return Script(name, source, sha1(source, usedforsecurity=False).hexdigest().encode())


def resolve_includes(name: str, folder: Path) -> str:
    """Return the text of `NAME.lua` behind all that it includes, each of them once.

    Raises:
        FileNotFoundError: a script or an include is not there.
        ValueError: an include includes itself.
    """
    parts: dict[Path, str] = {}

    def add(path: Path, above: tuple[Path, ...]) -> None:
        if path in above:
            raise ValueError(f"{path.name} includes itself: {' > '.join(p.stem for p in above)}")
        if path in parts:
            return
        text = path.read_text(encoding="utf-8")
        for included in _INCLUDE.findall(text):
            add(folder / "include" / f"{included}.lua", (*above, path))
        parts[path] = _INCLUDE.sub("", text)

    add(folder / f"{name}.lua", ())
    return "\n".join(parts.values())


def _folder() -> Path:
    """Return `lua/`: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parent.parent
    for folder in (package / "lua", package.parent / "lua"):
        if (folder / "place.lua").is_file():
            return folder
    raise FileNotFoundError(f"the Lua scripts are neither in {package} nor beside it")
