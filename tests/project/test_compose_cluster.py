"""The cluster of docker-compose.yml forms, is healthy only when it serves, and keeps its data."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
import redis
import yaml
from redis.backoff import NoBackoff
from redis.retry import Retry

from cryptoorders_redis import CryptoOrderSystem
from tests.support.cluster import NUM_SLOTS, PORTS, is_free
from tests.support.needs import needs_option
from tests.support.servers import REPOSITORY, begins_with_a_snapshot
from tests.support.waiting import wait_until

SERVICE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]["cluster"]

FAST = ("--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0", "--cluster-node-timeout", "1500")
"""On top of the options in the file. Containers take connections from everywhere."""


class ComposeCluster:
    """What the file runs, with a folder and ports of the test's own, and without the container."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cor-"))
        self.ports = pick_six_ports()
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.ports)
        self._script: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        command = [*self._words(SERVICE["command"]), *FAST, *options]
        # A session of its own: what a container ends with its first process is ended here with the group.
        with (self.folder / "log").open("ab") as log:
            self._script = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def stop(self) -> int:
        """Stop it as `docker compose stop` does; return its exit code."""
        assert self._script
        self._script.terminate()
        return self._script.wait(timeout=30)

    def is_healthy(self) -> bool:
        kind, *command = SERVICE["healthcheck"]["test"]
        assert kind == "CMD"
        return (
            subprocess.run(self._words(command), check=False, capture_output=True, timeout=10).returncode == 0
        )

    def wait_until_healthy(self) -> None:
        wait_until(self.is_healthy, seconds=60)  # a failover takes the shipped time-out, 5 seconds, and more

    def node(self, port: int) -> redis.Redis:
        return redis.Redis("127.0.0.1", port, protocol=2, retry=Retry(NoBackoff(), 0))

    def running(self) -> list[int]:
        """Return the ports where somebody listens."""
        return [port for port in self.ports if self.call(port, "PING")]

    def call(self, port: int, *words: object) -> object:
        """Return the reply to one command; None if nobody listens."""
        try:
            with self.node(port) as client:
                return client.execute_command(*words)
        except redis.ConnectionError:
            return None

    def kill(self, port: int) -> None:
        with self.node(port) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        wait_until(lambda: port not in self.running())

    def close(self) -> None:
        if self._script:
            os.killpg(self._script.pid, signal.SIGKILL)
            self._script.wait()
            wait_until(lambda: not self.running())
        shutil.rmtree(self.folder)

    def _words(self, command: list[str]) -> list[str]:
        own = {
            "/etc/redis/redis-cluster.sh": str(REPOSITORY / "deploy" / "redis-cluster.sh"),
            "/data": str(self.folder),
            "7000": str(self.ports[0]),
        }
        return [own.get(word, word) for word in command]


def pick_six_ports() -> range:
    while True:
        first = secrets.choice(PORTS)
        ports = range(first, first + 6)
        if all(is_free(port) and is_free(port + 10_000) for port in ports):
            return ports


@pytest.fixture
def compose():
    cluster = ComposeCluster()
    yield cluster
    cluster.close()


def test_the_container_has_the_files_and_ports_that_it_uses():
    assert "./deploy:/etc/redis:ro" in SERVICE["volumes"]
    assert SERVICE["ports"] == ["127.0.0.1:7000-7005:7000-7005"]
    for name in ("redis.conf", "redis-cluster.conf", "redis-cluster.sh"):
        assert (REPOSITORY / "deploy" / name).stat().st_mode & 0o004, "others than the owner read it there"


def test_the_cluster_forms_and_fails_over(compose):
    assert not compose.is_healthy()
    compose.start()
    compose.wait_until_healthy()
    with CryptoOrderSystem(64, url=compose.url, wait_replicas=1) as system:
        assert system.place_many([(f"order{i}", f"user{i}", "BTC", 1, i) for i in range(50)]) == [True] * 50
        listing = system.display_all_live_orders()
    master = next(port for port in compose.ports if compose.call(port, "ROLE")[0] == b"master")
    with CryptoOrderSystem(url=compose.url) as system:
        assert system.display_all_live_orders() == listing
        compose.kill(master)
        assert not compose.is_healthy()
        assert system.display_all_live_orders() == listing
        assert system.verify() == []
    assert not compose.is_healthy(), "a master has no replica"


def test_a_cluster_that_was_interrupted_while_it_formed_forms(compose):
    compose.start()
    wait_until(
        lambda: b"cluster_slots_assigned:5" in (compose.call(compose.ports[0], "CLUSTER", "INFO") or b"")
    )
    assert compose.stop() == 0
    assert not (compose.folder / "formed").exists()
    compose.start()
    compose.wait_until_healthy()


def test_nodes_that_serve_no_slots_are_unhealthy(compose, own_server):
    for port in compose.ports:
        config = REPOSITORY / "deploy" / "redis-cluster.conf"
        own_server("--include", str(config), "--port", str(port))
    assert compose.running() == list(compose.ports)
    assert not compose.is_healthy()


def test_nodes_without_their_replicas_are_unhealthy(compose, own_server):
    first, *others = compose.ports
    for port in compose.ports:
        config = REPOSITORY / "deploy" / "redis-cluster.conf"
        own_server("--include", str(config), "--port", str(port))
    compose.call(first, "CLUSTER", "ADDSLOTS", *range(NUM_SLOTS))
    for port in others:
        compose.call(port, "CLUSTER", "MEET", "127.0.0.1", first)
    wait_until(
        lambda: all(b"slots_ok:16384" in compose.call(port, "CLUSTER", "INFO") for port in compose.ports)
    )
    wait_until(lambda: all(b"state:ok" in compose.call(port, "CLUSTER", "INFO") for port in compose.ports))
    assert not compose.is_healthy()


def test_a_cluster_that_misses_a_slot_is_unhealthy(compose):
    compose.start()
    compose.wait_until_healthy()
    for port in compose.ports:
        compose.call(port, "CLUSTER", "DELSLOTS", 0)
    assert not compose.is_healthy()


def test_nodes_that_want_a_password_are_unhealthy_without_it(compose, monkeypatch):
    monkeypatch.setenv("REDISCLI_AUTH", "secret")
    compose.start("--requirepass", "secret", "--masterauth", "secret")
    compose.wait_until_healthy()
    monkeypatch.delenv("REDISCLI_AUTH")
    assert not compose.is_healthy()


@needs_option("loading-process-events-interval-bytes", "1024")
def test_nodes_that_load_their_data_are_unhealthy(compose):
    compose.start()
    compose.wait_until_healthy()
    with CryptoOrderSystem(64, url=compose.url) as system:
        system.place_many([(f"order{i}", f"user{i}", "BTC", 1, i) for i in range(2000)])
    for port in compose.ports:
        with compose.node(port) as client:
            client.bgrewriteaof()
            wait_until(lambda client=client: begins_with_a_snapshot(client))
    assert compose.stop() == 0
    compose.start("--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")

    def is_one_loading() -> bool:
        replies = [compose.call(port, "INFO", "persistence") for port in compose.ports]
        return any(reply["loading"] for reply in replies if reply)

    wait_until(is_one_loading)
    is_healthy = compose.is_healthy()
    assert is_one_loading(), "it was loaded before it could be asked"
    assert not is_healthy
