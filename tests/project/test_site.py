"""The documentation site: every page is in its navigation, and every name of the package in its API pages."""

import re

import pytest
import yaml

import cryptoorders_redis
from tests.project.pages import PAGES, REPOSITORY, page_name

DOCS = REPOSITORY / "docs"
SITE = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())
MADE_FROM_THE_CHANGELOG = {"changelog.md"}
SHOWN = set(re.findall(r"^::: (.+)$", "".join(p.read_text() for p in DOCS.rglob("*.md")), re.MULTILINE))
"""What mkdocstrings puts into the pages."""


def pages_in(nav):
    """Yield the pages of a part of the navigation."""
    for entry in nav:
        (page,) = entry.values()
        yield from [page] if isinstance(page, str) else pages_in(page)


def test_every_page_is_once_in_the_navigation():
    listed = list(pages_in(SITE["nav"]))
    there = {page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS)}
    assert len(set(listed)) == len(listed)
    assert set(listed) - MADE_FROM_THE_CHANGELOG == there


def test_every_name_of_the_package_is_in_the_api_in_full():
    assert not {name for name in cryptoorders_redis.__all__ if f"cryptoorders_redis.{name}" not in SHOWN}


def test_the_site_is_strict_and_loads_no_fonts():
    assert SITE["strict"] is True
    assert SITE["theme"]["font"] is False
    assert "repo_url" not in SITE  # with it, each page would ask GitHub for the number of stars


@pytest.mark.parametrize("image", sorted((DOCS / "images").iterdir()), ids=page_name)
def test_images_are_small_and_shown(image):
    assert image.stat().st_size < 100_000
    shown = [page for page in PAGES if f"images/{image.name})" in page.read_text(encoding="utf-8")]
    assert shown
