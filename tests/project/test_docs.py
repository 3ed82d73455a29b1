"""What README and docs show is what happens; their links lead somewhere; their words are plain."""

import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.project.pages import (
    GENERATED,
    NOT_RUN,
    PAGES,
    REPOSITORY,
    RUN,
    WRITTEN,
    Examples,
    anchors,
    blocks,
    links,
    page_name,
    prose,
)

MAX_LINES = 250

CHANGES = REPOSITORY / "CHANGELOG.md"
CLUSTER = REPOSITORY / "docs" / "guides" / "cluster.md"

BANNED = {
    "hold ... against": r"\bh[oe]ld(s|ing)?\b[^.|]{0,60}\bagainst\b",
    "as to all else": r"\bas to all else\b",
    "beside": r"\bbeside\b",
    "by the page": r"\bby the page\b",
    "whoever": r"\bwhoever\b",
    "anew": r"\banew\b",
    "again and again": r"\bagain and again\b",
    "of which": r"\bof which\b",
    "in turn": r"\bin turn\b",
    "but for": r"\bbut for\b",
    "goes on": r"\bgo(es)? on\b",
    "an older word": r"\b(glance|disagreement|lane|face)s?\b",
}
"""What makes a page hard to read for people whose first language is not English."""


WHY_SHELL_IS_NOT_RUN = {
    "README.md": "it installs packages, and runs make",
    "docs/getting-started.md": "it installs packages",
    "docs/guides/backup.md": "it reads and writes the files of a server of the system",
    "docs/guides/cluster.md": "it starts servers on seven machines, or in containers",
    "docs/guides/failover.md": "it needs sentinels and replicas; tests/faults has its own",
    "docs/guides/metrics.md": "it serves a port, and starts containers",
    "docs/guides/moving.md": "it needs a server and a cluster on other machines",
    "docs/guides/web-page.md": "it installs packages, and serves a port",
}


def of_kind(page, kind):
    return [block.text for block in blocks(page) if block.kind == kind]


def by_page(pages):
    return pytest.mark.parametrize("page", pages, ids=page_name)


@pytest.fixture
def store(own_server, monkeypatch):
    """A server of the page's own, which $CRYPTOORDERS_URL names."""
    server = own_server()
    monkeypatch.setenv("CRYPTOORDERS_URL", server.url)
    monkeypatch.setenv("BROKER_URL", f"redis+socket://{server.socket}")
    return server


@pytest.fixture
def words(page, store, own_cluster, monkeypatch):
    """What a page shows, and what stands for it here. The page on clusters has one, which the URL names."""
    if page != CLUSTER:
        return {}
    cluster = own_cluster(3, 1)
    monkeypatch.setenv("CRYPTOORDERS_URL", cluster.url)
    ports = [address.rpartition(":")[2] for address in cluster.addresses]
    return {"7000": ports[0], "7001": ports[1]}


@pytest.fixture
def folder(monkeypatch):
    """A working directory whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="cor-") as folder:
        monkeypatch.chdir(folder)
        yield Path(folder)


@by_page([page for page in PAGES if blocks(page)])
def test_the_examples_do_what_they_show(page, store, folder, words):
    Examples(page, store, folder).run(words)


@by_page(PAGES)
def test_every_python_prompt_is_in_a_block_that_is_run(page):
    run = sum(block.text.count(">>> ") for block in blocks(page) if block.kind == "pycon")
    assert page.read_text(encoding="utf-8").count(">>> ") == run


@by_page(PAGES)
def test_no_block_is_left_out(page):
    fences = re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks(page))
    assert {block.kind for block in blocks(page)} <= RUN | NOT_RUN


def test_only_these_pages_have_shell_that_is_not_run():
    assert {page_name(page) for page in PAGES if of_kind(page, "sh")} == set(WHY_SHELL_IS_NOT_RUN)


@by_page([page for page in PAGES if of_kind(page, "sh")])
def test_shell_that_is_not_run_is_shell(page):
    for text in of_kind(page, "sh"):
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)


@by_page([*PAGES, CHANGES])
def test_links_lead_to_a_page_and_to_a_heading_of_it(page):
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index():
    index = REPOSITORY / "docs" / "README.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    assert not {page for page in PAGES if page.is_relative_to(index.parent)} - listed - {index}


@by_page(WRITTEN)
def test_no_page_is_long(page):
    assert len(page.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@by_page([*WRITTEN, CHANGES])
def test_no_page_uses_a_banned_phrase(page):
    text = re.sub(r"\s+", " ", prose(page))
    found = {name: re.search(rf"(?i).{{0,30}}(?:{banned}).{{0,30}}", text) for name, banned in BANNED.items()}
    assert not {name: hit[0] for name, hit in found.items() if hit}


def test_the_generated_page_is_where_the_benchmarks_write_it():
    assert GENERATED.is_file()
