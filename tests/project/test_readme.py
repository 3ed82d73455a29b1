"""The README is short, its figures are those that were measured, and the docstrings' examples are true."""

import doctest
import html
import re

import pytest
from rich.text import Text

from cryptoorders_redis import aio, order, system
from cryptoorders_redis.workers import aio_worker, worker
from tests.project.pages import FIGURES, GENERATED, README, blocks
from tools.record_picture import PICTURE, record

MAX_LINES = 150
MAX_EXAMPLE_LINES = 15


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_the_readme_has_one_short_example_in_python():
    (example,) = (block for block in blocks(README) if block.kind in {"pycon", "python"})
    assert len(re.findall(r"^(>>>|\.\.\.) .", example.text, re.MULTILINE)) <= MAX_EXAMPLE_LINES


def test_the_readmes_figures_are_the_measured_ones():
    (figures,) = FIGURES.findall(README.read_text(encoding="utf-8"))
    assert re.search(r"\| \d+\.\d k \|", figures)
    assert figures in GENERATED.read_text(encoding="utf-8")


def test_no_figure_of_speed_stands_in_the_readme_by_hand():
    assert not re.search(r"\b\d+\.\d k\b", FIGURES.sub("", README.read_text(encoding="utf-8")))


def test_the_picture_shows_what_the_program_shows():
    shown = re.sub(r"<[^>]+>", "", re.sub(r"<style>.*?</style>", "", PICTURE.read_text(), flags=re.DOTALL))
    text = re.sub(r"\s", "", html.unescape(shown))
    for line in Text.from_ansi(record()).plain.splitlines():
        assert re.sub(r"\s", "", line) in text


def test_the_picture_loads_nothing():
    assert not re.search(r"@font-face|@import|href=|url\((?!#)", PICTURE.read_text())


@pytest.mark.parametrize("module", [system, aio, order, worker, aio_worker])
def test_the_docstrings_sessions(module):
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder().find(module):
        runner.run(test)
    failed, attempted = runner.summarize()
    assert failed == 0
    assert attempted > 0
