"""The pages of the documentation: their blocks, headings and links, and how an example is run."""

import contextlib
import doctest
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cryptoorders_redis import CryptoOrderSystem
from tests.support.servers import REPOSITORY, RedisServer

README = REPOSITORY / "README.md"
GENERATED = REPOSITORY / "docs" / "performance.md"
"""Written by `make bench`: its words come from the benchmarks."""

PAGES = [README, *sorted((REPOSITORY / "docs").rglob("*.md"))]
FIGURES = re.compile(r"(?<=<!-- figures -->\n\n).*?(?=\n\n<!-- end of figures -->)", re.DOTALL)
"""What `make bench` writes in README.md."""

WRITTEN = [page for page in PAGES if page != GENERATED]

RUN = {"pycon", "python", "console", "json"}

NOT_RUN = {"sh", "text"}
"""`sh` changes the reader's machine. `text` is what the program before it prints, or a drawing."""


class Block(NamedTuple):
    """A fenced block: its kind, its text, and the line of the page where the text begins."""

    kind: str
    text: str
    line: int


def page_name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    fences = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(fence[1], fence[2], text.count("\n", 0, fence.start(2)) + 1) for fence in fences]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


class Examples:
    """Runs the blocks of one page in their order, on one server and in one folder."""

    def __init__(self, page: Path, server: RedisServer, folder: Path) -> None:
        self._page = page
        self._server = server
        self._folder = folder
        self._names: dict[str, Any] = {}
        (folder / "examples").symlink_to(REPOSITORY / "examples")

    def run(self, words: Mapping[str, str]) -> None:
        """Run all blocks, with each of the words replaced."""
        found = [block._replace(text=_with(words, block.text)) for block in blocks(self._page)]
        with contextlib.closing(self):
            for block, following in zip(found, [*found[1:], None], strict=True):
                where = f"{page_name(self._page)}, line {block.line}"
                if block.kind == "pycon":
                    self._run_session(block, where)
                elif block.kind == "python" and (named := re.match(r"# (\w+\.py)\n", block.text)):
                    (self._folder / named[1]).write_text(block.text, encoding="utf-8")
                elif block.kind == "python":
                    self._run_program(block, following, where)
                elif block.kind == "console":
                    self._run_commands(block, where)
                elif block.kind == "json":
                    for line in block.text.splitlines():
                        json.loads(line)
                else:
                    assert block.kind in NOT_RUN, f"{where}: a block of the kind {block.kind!r}"

    def close(self) -> None:
        for value in self._names.values():
            if isinstance(value, CryptoOrderSystem):
                value.close()
        for file in self._folder.glob("*.pid"):  # of a server that a page has started, and did not end
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)

    def _run_session(self, block: Block, where: str) -> None:
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        test = doctest.DocTestParser().get_doctest(block.text, self._names, where, where, 0)
        said = io.StringIO()
        results = runner.run(test, out=said.write, clear_globs=False)
        self._names = test.globs
        assert results.failed == 0, said.getvalue()

    def _run_program(self, block: Block, following: Block | None, where: str) -> None:
        done = self._run([sys.executable, "-W", "error", "-c", block.text])
        shown = following.text if following and following.kind == "text" else ""
        assert done.returncode == 0, f"{where}: {done.stdout}"
        assert same_at_any_time(done.stdout) == same_at_any_time(shown), where

    def _run_commands(self, block: Block, where: str) -> None:
        for command, shown in _commands(block.text):
            done = self._run(["bash", "-c", f"{self._redis_cli()}; {command}"])
            assert same_at_any_time(done.stdout) == same_at_any_time(shown), f"{where}: {command}"

    def _redis_cli(self) -> str:
        found = shutil.which("redis-cli") or Path(self._server.program).with_name("redis-cli")
        return f'redis-cli() {{ "{found}" -s "{self._server.socket}" "$@"; }}'

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self._folder,
            env=_environment(os.environ),
        )


def _with(words: Mapping[str, str], text: str) -> str:
    return re.sub("|".join(words), lambda found: words[found[0]], text) if words else text


def same_at_any_time(text: str) -> str:
    """The text with times, and the numbers made of them, all alike."""
    text = re.sub(r"\b\d{16}\b", "NUMBER", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "TIME", text)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what is shown below it; `> ` continues a command."""
    for first, more, shown in re.findall(r"^\$ (.*)\n((?:> .*\n)*)((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
        yield "\n".join([first, *(line.removeprefix("> ") for line in more.splitlines())]), shown


def _environment(outer: Mapping[str, str]) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{outer['PATH']}"
    return {**outer, "PATH": path, "PYTHONPATH": str(REPOSITORY)}
