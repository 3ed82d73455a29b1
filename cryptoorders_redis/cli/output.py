"""Standard output and standard error of the command line, and what happens when they cannot be written."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, TextIO, cast


class OutputLost(Exception):
    """Standard output could not be written. No `OSError`: others catch those, and mean other things."""


class _Output(io.FileIO):
    """A file descriptor that reports its first failure, and discards everything after it."""

    _is_lost = False

    def write(self, data: Any, /) -> int:
        if self._is_lost:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            # What is still buffered is flushed once more when Python ends: that must not fail again.
            self._is_lost = True
            raise OutputLost(error.strerror) from error


class _ErrorOutput(io.FileIO):
    """A file descriptor that discards what it cannot write: the exit code is then all that can be told."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


@contextlib.contextmanager
def checked_output() -> Generator[None]:
    """Let a standard output that cannot be written end the program with one line and exit code 2.

    A standard error that cannot be written changes nothing of what the program does.
    """
    sys.stderr = _checked_errors(cast("TextIO | None", sys.stderr))
    try:
        sys.stdout = _checked(cast("TextIO | None", sys.stdout))
        try:
            yield
        finally:
            sys.stdout.flush()
    except OutputLost as lost:
        print(f"cryptoorders: cannot write to standard output: {lost}", file=sys.stderr)
        sys.exit(2)


def _checked(stdout: TextIO | None) -> TextIO:
    if stdout is None:
        raise OutputLost(os.strerror(errno.EBADF))
    return _text(_Output(stdout.fileno(), "wb", closefd=False), stdout, line_buffering=stdout.isatty())


def _checked_errors(stderr: TextIO | None) -> TextIO:
    if stderr is None:  # closed: Python would print to standard output in its place
        return Path(os.devnull).open("w", encoding="utf-8")
    return _text(_ErrorOutput(stderr.fileno(), "wb", closefd=False), stderr, line_buffering=True)


def _text(file: io.FileIO, like: TextIO, *, line_buffering: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=like.encoding,
        errors="backslashreplace",  # an id may hold letters that the terminal's encoding lacks
        line_buffering=line_buffering,
    )
