"""Fixtures: the program, and a system on the store that it uses."""

import pytest
from typer.testing import CliRunner

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.cli.app import app
from tests.support.program import Program


@pytest.fixture
def program(server, namespace):
    return Program(server.url, namespace)


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(url=server.url, namespace=namespace) as system:
        yield system


@pytest.fixture
def run(server, namespace):
    """Runs a command in this process, on a real server."""
    environment = {"CRYPTOORDERS_URL": server.url, "CRYPTOORDERS_NAMESPACE": namespace}

    def run(*arguments, **more):
        result = CliRunner().invoke(app, arguments, env={**environment, **more.pop("env", {})}, **more)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run
