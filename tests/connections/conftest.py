"""Fixtures: a server on a TCP port."""

import pytest

from tests.support.servers import free_port


@pytest.fixture
def tcp_server(own_server):
    """A server on a port, and the port."""
    port = free_port()
    return own_server("--port", str(port), "--bind", "127.0.0.1"), port
