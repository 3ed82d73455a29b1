"""What is said where the packages of the extra `web` are missing."""

import contextlib
from collections.abc import Generator

_PACKAGES = {"starlette", "anyio", "uvicorn"}


@contextlib.contextmanager
def explain_missing_extra() -> Generator[None]:
    """Say what to install when one of the packages cannot be imported."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise ImportError("the page is not installed: run pip install 'cryptoorders-redis[web]'") from error
