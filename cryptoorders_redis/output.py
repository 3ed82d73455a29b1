"""Standard output of the command line, and what happens when it cannot be written."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Generator
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


@contextlib.contextmanager
def checked_output() -> Generator[None]:
    """Let a standard output that cannot be written end the program with one line and exit code 2."""
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
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(stdout.fileno(), "wb", closefd=False)),
        encoding=stdout.encoding,
        errors="backslashreplace",  # an id may hold letters that the terminal's encoding lacks
        line_buffering=stdout.isatty(),
    )
