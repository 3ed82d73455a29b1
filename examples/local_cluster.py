"""Starts a Redis Cluster of this machine's own in a temporary folder: three masters, each with a replica."""

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import redis

from cryptoorders_redis.transport.embedded.server_process import find_server_program

NUM_MASTERS = 3
NUM_SLOTS = 16384

NODE_TIMEOUT_MS = 1500
"""Silence after which the others hold a node for dead. In production 5000 is better."""

PORTS = range(11_000, 22_000)
"""A node also listens on its port plus 10,000. Systems give none of these to clients."""

WAIT_SECONDS = 20


class Node(NamedTuple):
    """One server process."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def call(self, *words: object) -> Any:
        """Send one command, and return its reply as redis-py received it."""
        with redis.Redis("127.0.0.1", self.port, protocol=2, decode_responses=True) as client:
            return client.execute_command(*words)


class LocalCluster:
    """Six servers, found as `file:` finds its server. Leaving the `with` block ends them.

    Attributes:
        folder: where the servers keep their data.
        nodes: first the masters, then the replica of each, in the same order.
        url: what `CryptoOrderSystem` connects by.
    """

    def __init__(self) -> None:
        """Start the servers and form the cluster.

        Raises:
            ServerNotStarted: this machine has no server program.
            RuntimeError: a server did not start.
        """
        program = find_server_program()
        self.folder = Path(tempfile.mkdtemp(prefix="cor-cluster-"))
        self.nodes: list[Node] = []
        try:
            for _ in range(2 * NUM_MASTERS):
                self.nodes.append(_start_node(program, self.folder))
            self._form()
        except BaseException:
            self.close()
            raise
        self.url = f"redis+cluster://{','.join(node.address for node in self.masters)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def masters(self) -> list[Node]:
        return self.nodes[:NUM_MASTERS]

    def replica_of(self, master: Node) -> Node:
        """Return the node that replicates one of `masters`."""
        return self.nodes[self.nodes.index(master) + NUM_MASTERS]

    def kill(self, node: Node) -> None:
        """End a node as a crash would, with SIGKILL."""
        node.process.kill()
        node.process.wait()

    def close(self) -> None:
        """End all servers, and remove their data."""
        for node in self.nodes:
            self.kill(node)
        shutil.rmtree(self.folder)

    def _form(self) -> None:
        share = -(-NUM_SLOTS // NUM_MASTERS)
        first = self.nodes[0]
        for number, node in enumerate(self.nodes):
            _wait_until(lambda node=node: _answers(node, self.folder))
            if slots := range(NUM_SLOTS)[number * share : (number + 1) * share]:
                node.call("CLUSTER", "ADDSLOTS", *slots)
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.call("CLUSTER", "MEET", "127.0.0.1", first.port)
        ids = [node.call("CLUSTER", "MYID") for node in self.nodes]
        _wait_until(lambda: all(_knows(node, ids) for node in self.nodes))
        for master, master_id in zip(self.masters, ids, strict=False):
            self.replica_of(master).call("CLUSTER", "REPLICATE", master_id)
        # ROLE of a replica: "slave", host, port, state, offset.
        replicas = self.nodes[NUM_MASTERS:]
        _wait_until(lambda: all(node.call("ROLE")[3:4] == ["connected"] for node in replicas))
        _wait_until(lambda: all(_serves(node) for node in self.nodes))


def _start_node(program: str, folder: Path) -> Node:
    port = _pick_port()
    home = folder / str(port)
    home.mkdir()
    options = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": home,
        "logfile": home / "log",
        "save": "",
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "cluster-enabled": "yes",
        "cluster-node-timeout": NODE_TIMEOUT_MS,
        "cluster-require-full-coverage": "no",
        "repl-diskless-sync-delay": 0,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return Node(port, subprocess.Popen([program, *words], stdin=subprocess.DEVNULL))


def _pick_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        if all(_is_free(one) for one in (port, port + 10_000)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _answers(node: Node, folder: Path) -> bool:
    if node.process.poll() is not None:
        log = folder / str(node.port) / "log"
        said = log.read_text() if log.exists() else f"exit code {node.process.returncode}"
        raise RuntimeError(f"the server at {node.address} did not start: {said}")
    try:
        return bool(node.call("PING"))
    except redis.ConnectionError:
        return False


def _knows(node: Node, ids: list[str]) -> bool:
    known = node.call("CLUSTER", "NODES")
    return all(node_id in known for node_id in ids)


def _serves(node: Node) -> bool:
    info = node.call("CLUSTER", "INFO")
    return "cluster_state:ok" in info and f"cluster_slots_ok:{NUM_SLOTS}" in info


def _wait_until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"the cluster was not formed within {WAIT_SECONDS} s")
        time.sleep(0.02)
