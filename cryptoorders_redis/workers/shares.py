"""How the living workers share the streams. It is for thrift alone: two that take one stream do no harm."""

import os
import secrets
import socket
from collections.abc import Sequence


def new_worker_name() -> str:
    """Return a name that no other worker has, and by which a person finds the process."""
    return f"{socket.gethostname()[:200]}-{os.getpid()}-{secrets.token_hex(4)}"


def share_of(worker: str, living: Sequence[str]) -> tuple[int, int]:
    """Return which of how many workers one is, in the order of their names."""
    names = sorted({worker, *living})
    return names.index(worker), len(names)
