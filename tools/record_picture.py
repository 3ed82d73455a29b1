"""Records README's picture of the command line: the real program, on a terminal, with a private server.

Run `python -m tools.record_picture`. It writes docs/images/terminal.svg.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "terminal.svg"
COLUMNS, ROWS = 84, 50

SETUP = "replay {root}/examples/night.jsonl --streams 3"
COMMANDS = (
    "live --limit 8",
    "pause n-002 n-009",
    "reduce n-012 0.05",
    "cancel-all alice",
    "live --status paused --user bob",
    "verify",
)

TIME = re.compile(rb"\d\d-\d\d \d\d:\d\d:\d\d")
SAME_TIME = b"01-15 20:00:00"
"""In place of each time that is shown, so that a new picture differs only where the program does."""

FONT_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def record() -> str:
    """Run the commands in a new store, and return what a terminal shows, with its control sequences."""
    with tempfile.TemporaryDirectory(prefix="cor-") as folder:
        environment = {
            **os.environ,
            "CRYPTOORDERS_URL": f"file:{folder}",
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
        }
        environment.pop("NO_COLOR", None)
        _run(SETUP.format(root=ROOT), environment)
        shown: list[bytes] = []
        for command in COMMANDS:
            shown += [b"\x1b[1;34m$\x1b[0m \x1b[1mcryptoorders " + command.encode() + b"\x1b[0m"]
            lines = TIME.sub(SAME_TIME, _run(command, environment)).split(b"\r\n")
            shown += [line.rstrip() for line in lines if Text.from_ansi(line.decode()).plain.strip()] + [b""]
    return b"\n".join(shown[:-1]).decode()


def draw(shown: str) -> str:
    """Draw what a terminal shows, as SVG that loads nothing."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, color_system="256", force_terminal=True)
        console.print(Text.from_ansi(shown))
        svg = console.export_svg(title="cryptoorders", theme=MONOKAI, unique_id="terminal")
    return FONT_FROM_ELSEWHERE.sub("", svg)


def _run(command: str, environment: dict[str, str]) -> bytes:
    """Run the program on a terminal, and return what it printed."""
    terminal, end_of_program = pty.openpty()
    fcntl.ioctl(end_of_program, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    arguments = [sys.executable, "-m", "cryptoorders_redis", *command.split()]
    streams = {"stdin": end_of_program, "stdout": end_of_program, "stderr": end_of_program}
    with subprocess.Popen(arguments, env=environment, start_new_session=True, **streams) as program:
        os.close(end_of_program)
        printed = b""
        try:
            while chunk := os.read(terminal, 65536):
                printed += chunk
        except OSError:  # Linux: the program has ended
            pass
    os.close(terminal)
    if program.returncode:
        sys.exit(f"{command}: {printed.decode()}")
    return printed


if __name__ == "__main__":
    PICTURE.write_text(draw(record()))
