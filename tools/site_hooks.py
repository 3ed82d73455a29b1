"""Hooks of mkdocs. The pages of docs/ are read on GitHub as they are, and on the site after these changes.

- A link that leaves docs/ leads to the repository.
- Instructions to doctest are not shown.
- CHANGELOG.md becomes a page.
- A page that would load anything from another place is an error.
"""

import logging
import posixpath
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Homepage"]

CHANGES = "CHANGELOG.md"
CHANGES_PAGE = CHANGES.lower()

LINK = re.compile(r"^```.*?^```$|(?<=\]\()(?P<path>[^)#\s]+)(?=[)#])", re.MULTILINE | re.DOTALL)
"""The path of a link, or a fenced block, in which nothing is a link."""

LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\ssrc=\"?(https?:|//)[^>]*>")
LINKED = re.compile(
    r"<link\b(?=[^>]*rel=\"?(?:stylesheet|preconnect|preload|icon))[^>]*href=\"?(?:https?:|//)[^>]*>"
)

log = logging.getLogger("mkdocs.hooks.site")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the page of changes, as if it lay in docs/."""
    text = (ROOT / CHANGES).read_text().replace("](docs/", "](")
    files.append(File.generated(config, CHANGES_PAGE, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Change what GitHub shows well and the site would not."""
    markdown = re.sub(r"  # doctest: \+\w+$", "", markdown, flags=re.MULTILINE)
    markdown = re.sub(r"`[^`\n]+`", lambda code: code[0].replace(r"\|", "|"), markdown)
    return LINK.sub(_replacing_in(page.file.src_uri), markdown)


def on_post_build(*, config: Any) -> None:
    """Warn of each page that loads something from another place. With --strict that is an error."""
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        text = path.read_text()
        for found in [*LOADED.finditer(text), *LINKED.finditer(text)]:
            log.warning("%s loads %s", path.name, found[0])


def _replacing_in(page: str) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        path = found["path"]
        if not path or ":" in path:
            return found[0]
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), path))
        if target.startswith("docs/"):
            return path
        if target == CHANGES:
            return posixpath.relpath(CHANGES_PAGE, posixpath.dirname(page) or ".")
        if not (ROOT / target).exists():
            log.warning("%s has a link to %s, which is not there", page, target)
        return f"{REPOSITORY}/{'tree' if (ROOT / target).is_dir() else 'blob'}/main/{target}"

    return replace
