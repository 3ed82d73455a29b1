"""The health check of docker-compose.yml is true in each state that a server can be in."""

import os
import re
import shutil
import subprocess
import time

import pytest
import redis
import yaml

from tests.support.needs import needs_option
from tests.support.servers import REPOSITORY

COMPOSE = REPOSITORY / "docker-compose.yml"


def redis_cli():
    """The first redis-cli on PATH that knows -e, as all do from 7.0 on."""
    for folder in os.get_exec_path():
        program = shutil.which("redis-cli", path=folder)
        if program:
            done = subprocess.run([program, "--help"], check=False, capture_output=True, text=True)
            if re.search(r"^ +-e ", done.stdout + done.stderr, re.MULTILINE):
                return program
    pytest.skip("no redis-cli 7.0 or newer is on PATH")


@pytest.fixture
def is_healthy():
    """Runs the command from the file, against a server's socket in place of its port."""
    kind, name, *arguments = yaml.safe_load(COMPOSE.read_text())["services"]["redis"]["healthcheck"]["test"]
    assert (kind, name) == ("CMD", "redis-cli")
    program = redis_cli()

    def run(server):
        command = [program, "-s", server.socket, *arguments]
        return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0

    return run


def test_a_server_that_serves_is_healthy(server, is_healthy):
    assert is_healthy(server)


def test_a_server_that_wants_a_password_is_unhealthy(own_server, is_healthy):
    server = own_server()
    with server.client() as raw:
        raw.config_set("requirepass", "secret")
    assert not is_healthy(server)


def test_a_server_that_is_not_there_is_unhealthy(own_server, is_healthy):
    server = own_server()
    server.kill()
    assert not is_healthy(server)


@needs_option("loading-process-events-interval-bytes", "1024")
def test_a_server_that_loads_its_data_is_unhealthy(own_server, is_healthy):
    server = own_server("--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024")
    with server.client() as raw:
        raw.mset({f"key{number}": "x" * 2000 for number in range(500)})
        raw.bgrewriteaof()
        while is_rewriting(raw):
            time.sleep(0.01)
    server.kill()
    server.launch()
    with server.client() as raw:
        while not is_loading(raw):
            time.sleep(0.01)
        healthy = is_healthy(server)
        assert is_loading(raw), "it was loaded before it could be asked"
    assert not healthy


def is_rewriting(raw):
    persistence = raw.info("persistence")
    return persistence["aof_rewrite_in_progress"] or persistence["aof_rewrite_scheduled"]


def is_loading(raw):
    try:
        return raw.info("persistence")["loading"] == 1
    except redis.ConnectionError:
        return False  # it does not listen yet
