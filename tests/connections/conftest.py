"""Fixtures: a server on a TCP port, and event loops."""

import asyncio
import gc
import warnings

import pytest

from tests.support.servers import free_port


@pytest.fixture
def tcp_server(own_server):
    """A server on a port, and the port."""
    port = free_port()
    return own_server("--port", str(port), "--bind", "127.0.0.1"), port


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine in a fresh event loop; whatever it leaves behind is an error."""
    factory = None
    if request.param == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop

    def run(coroutine):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with asyncio.Runner(debug=True, loop_factory=factory) as runner:
                runner.get_loop().slow_callback_duration = 60
                result = runner.run(coroutine)
            gc.collect()
        return result

    return run
