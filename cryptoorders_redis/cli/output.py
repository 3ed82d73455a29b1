"""Standard output and standard error of the command line, and how it ends when they cannot be written."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, TextIO, cast


class OutputLost(Exception):
    """Standard output could not be written. Not an `OSError`, which other code catches for other reasons."""


class _Output(io.FileIO):
    """A file descriptor that reports its first failure, and discards everything after it."""

    _is_lost = False

    def write(self, data: Any, /) -> int:
        if self._is_lost:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            # Python flushes the rest of the buffer when it ends. That must not fail again.
            self._is_lost = True
            raise OutputLost(error.strerror) from error


class _ErrorOutput(io.FileIO):
    """A file descriptor that discards what it cannot write. Then only the exit code reports an error."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


@contextlib.contextmanager
def guard_output() -> Generator[None]:
    """End the program with one line and exit code 2 when standard output cannot be written.

    When standard error cannot be written, the program continues unchanged.
    """
    sys.stderr = _wrap_stderr(cast("TextIO | None", sys.stderr))
    try:
        sys.stdout = _wrap_stdout(cast("TextIO | None", sys.stdout))
        try:
            yield
        finally:
            sys.stdout.flush()
    except OutputLost as lost:
        print(f"cryptoorders: cannot write to standard output: {lost}", file=sys.stderr)
        sys.exit(2)


def _wrap_stdout(stdout: TextIO | None) -> TextIO:
    if stdout is None:
        raise OutputLost(os.strerror(errno.EBADF))
    return _make_text_file(
        _Output(stdout.fileno(), "wb", closefd=False), stdout, line_buffering=stdout.isatty()
    )


def _wrap_stderr(stderr: TextIO | None) -> TextIO:
    if stderr is None:  # closed: Python would print to standard output instead
        return Path(os.devnull).open("w", encoding="utf-8")
    return _make_text_file(_ErrorOutput(stderr.fileno(), "wb", closefd=False), stderr, line_buffering=True)


def _make_text_file(file: io.FileIO, like: TextIO, *, line_buffering: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=like.encoding,
        errors="backslashreplace",  # an id may hold characters that the encoding cannot write
        line_buffering=line_buffering,
    )
