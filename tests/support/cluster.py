"""A real Redis Cluster on this machine: nodes to kill, freeze, add and remove, and slots to move."""

import itertools
import secrets
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

import redis
from redis.cluster import ClusterNode
from redis.crc import key_slot

from tests.support.servers import RedisServer, start_on_free_port
from tests.support.waiting import wait_until

NUM_SLOTS = 16384

PORTS = range(11_000, 22_000)
"""Neither these nor the ports of the cluster's bus, 10,000 above, are what the system gives to clients."""


class _Known(NamedTuple):
    """What one node knows about a node."""

    node_id: str
    is_master: bool
    ranges: tuple[str, ...]

    def slots(self) -> list[int]:
        found: list[int] = []
        for ends in self.ranges:
            first, _, last = ends.partition("-")
            found += range(int(first), int(last or first) + 1)
        return found


class _Node(RedisServer):
    def __init__(self, port: int, *options: str, program: str | None, has_tls: bool) -> None:
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.is_frozen = False
        self.tls_port = port + 1 if has_tls else 0
        self.peer_port = self.tls_port or port
        """The port by which the others reach it."""
        own = (
            "--bind", "127.0.0.1", "--port", str(port), "--cluster-enabled", "yes",
            "--cluster-announce-ip", "127.0.0.1",  # else the only node of a cluster does not know its own
        )  # fmt: skip
        super().__init__(
            *own, *(("--tls-port", str(self.tls_port)) if has_tls else ()), *options, program=program
        )

    def does_run(self) -> bool:
        return self.process is not None and self.process.poll() is None and not self.is_frozen

    def call(self, *words: object) -> Any:
        """Return the reply to one command, which redis-py must not parse: its versions differ there."""
        with self.client() as client:
            return client.execute_command(*words)

    def call_many(self, commands: Iterable[Sequence[object]]) -> list[Any]:
        with self.client() as client, client.pipeline(transaction=False) as pipe:
            for words in commands:
                pipe.execute_command(*words)
            return pipe.execute()

    def node_id(self) -> str:
        return self.call("CLUSTER", "MYID").decode()

    def view(self) -> dict[str, _Known]:
        """Return what this node knows about each node, by address."""
        nodes: dict[str, _Known] = {}
        for line in self.call("CLUSTER", "NODES").decode().splitlines():
            node_id, address, flags, _, _, _, _, _, *ranges = line.split()
            owned = tuple(ends for ends in ranges if not ends.startswith("["))  # "[": a slot under way
            nodes[address.partition("@")[0]] = _Known(node_id, "master" in flags.split(","), owned)
        return nodes


class ClusterServers:
    """Masters and their replicas, with the shipped configuration and any options on top of it.

    An address is the text `127.0.0.1:PORT`.

    Attributes:
        addresses: the masters at the start.
        url: the URL that names these.
    """

    def __init__(
        self,
        num_masters: int = 3,
        replicas: int = 0,
        *options: str,
        program: str | None = None,
        node_timeout_ms: int = 1500,
    ) -> None:
        """`replicas`: how many each master has. `node_timeout_ms`: silence after which a node is down.

        With `--tls-cluster yes` among the options each node also has a port for TLS, the next one.
        """
        self._options = (
            "--cluster-node-timeout", str(node_timeout_ms), "--repl-diskless-sync-delay", "0", *options
        )  # fmt: skip
        self._program = program
        self._has_tls = "--tls-cluster" in options
        self._nodes: dict[str, _Node] = {}
        try:
            nodes = [self._new_node() for _ in range(num_masters * (1 + replicas))]
            self.addresses = [node.address for node in nodes[:num_masters]]
            self.url = f"redis+cluster://{','.join(self.addresses)}"
            self._join(nodes, num_masters)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def client(self) -> redis.RedisCluster:
        """Return a client of redis-py's own."""
        nodes = [ClusterNode("127.0.0.1", node.port) for node in self._running()]
        return redis.RedisCluster(startup_nodes=nodes, protocol=2)

    def node_client(self, address: str) -> redis.Redis:
        """Return a client of redis-py's own for one node, to look in from outside."""
        return self._nodes[address].client()

    def tls_ports(self) -> list[int]:
        """Return the ports for TLS of the masters at the start."""
        return [self._nodes[address].tls_port for address in self.addresses]

    def masters(self) -> list[str]:
        """Return the addresses of those that have slots now."""
        return [address for address, node in self._view().items() if node.is_master and node.ranges]

    def replicas_of(self, address: str) -> list[str]:
        """Return the replicas of a master."""
        node_id = self._view()[address].node_id
        listed = self._running()[0].call("CLUSTER", "REPLICAS", node_id)
        return [line.split()[1].decode().partition("@")[0] for line in listed]

    def owner_of(self, slot: int) -> str:
        """Return the address of the master of a slot."""
        return next(address for address, node in self._view().items() if slot in node.slots())

    @staticmethod
    def slot_of(key: str | bytes) -> int:
        return key_slot(key.encode() if isinstance(key, str) else key)

    def kill(self, address: str) -> None:
        """End it as a crash would."""
        self._nodes[address].kill()

    def start(self, address: str) -> None:
        """Start it again. The others take it back a little later: see `wait_until_settled`."""
        self._nodes[address].start()

    def restart(self) -> None:
        """End all nodes as a crash would, and start them again."""
        for node in self._nodes.values():
            node.kill()
        for node in self._nodes.values():
            node.start()
        self.wait_until_settled()

    def freeze(self, address: str) -> None:
        """Stop it: it neither refuses nor answers anything until `thaw`."""
        self._nodes[address].is_frozen = True
        self._nodes[address].stop_answering()

    def thaw(self, address: str) -> None:
        self._nodes[address].go_on()
        self._nodes[address].is_frozen = False

    def wait_for_failover(self, address: str) -> None:
        """Wait until replicas have taken over the slots of a master, and all that run know it."""
        wait_until(lambda: self._is_settled() and not self._has_slots(address))

    def wait_until_settled(self) -> None:
        """Wait until all that run agree on who has which slot, and serve all slots."""
        wait_until(self._is_settled)

    def move_slot(self, slot: int, to_address: str, *, half: bool = False) -> Callable[[], None]:
        """Move a slot with its keys, and return when all masters agree.

        With `half`, only half of the keys move, rounded up, and the slot stays open. Returns what moves the
        rest; there is nothing to do for it without `half`.
        """
        return self._move([slot], self._nodes[to_address], half=half)

    def move_keys(self, slot: int, to_address: str, keys: Sequence[str]) -> Callable[[], None]:
        """Move some keys of a slot, which stays open. Returns what moves the rest."""
        source, to = self._nodes[self.owner_of(slot)], self._nodes[to_address]
        finish = self._open([slot], source, to)
        source.call("MIGRATE", "127.0.0.1", to.peer_port, "", 0, 5000, "KEYS", *keys)
        return finish

    def add_node(self) -> str:
        """Add a master without slots; return its address."""
        node = self._new_node()
        node.call("CLUSTER", "MEET", "127.0.0.1", self._running()[0].peer_port)
        wait_until(self._all_know_all)
        self.wait_until_settled()
        return node.address

    def remove_node(self, address: str) -> None:
        """Move all slots of a master to the others, and let them forget it."""
        others = [self._nodes[other] for other in self.masters() if other != address]
        slots = self._view()[address].slots()
        share = -(-len(slots) // len(others))
        for number, other in enumerate(others):
            if some := slots[number * share : (number + 1) * share]:
                self._move(some, other)
        leaving = self._nodes.pop(address)
        node_id = leaving.node_id()
        leaving.close()
        for node in self._running():
            node.call("CLUSTER", "FORGET", node_id)
        self.wait_until_settled()

    def close(self) -> None:
        for node in self._nodes.values():
            node.close()

    def _new_node(self) -> _Node:
        node = start_on_free_port(
            lambda port: _Node(port, *self._options, program=self._program, has_tls=self._has_tls),
            _pick_free_port,
        )
        self._nodes[node.address] = node
        return node

    def _join(self, nodes: Sequence[_Node], num_masters: int) -> None:
        masters = nodes[:num_masters]
        share = -(-NUM_SLOTS // num_masters)
        for number, node in enumerate(masters):
            node.call("CLUSTER", "ADDSLOTS", *range(NUM_SLOTS)[number * share : (number + 1) * share])
        for number, node in enumerate(nodes):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node, other in itertools.combinations(nodes, 2):
            node.call("CLUSTER", "MEET", "127.0.0.1", other.peer_port)
        wait_until(self._all_know_all)
        for number, node in enumerate(nodes[num_masters:]):
            node.call("CLUSTER", "REPLICATE", masters[number % num_masters].node_id())
        replicas = len(nodes) // num_masters - 1
        wait_until(lambda: all(_num_synced(master) == replicas for master in masters))
        self.wait_until_settled()
        wait_until(lambda: all(len(self.replicas_of(master.address)) == replicas for master in masters))

    def _running(self) -> list[_Node]:
        return [node for node in self._nodes.values() if node.does_run()]

    def _view(self) -> dict[str, _Known]:
        return self._running()[0].view()

    def _has_slots(self, address: str) -> bool:
        known = self._view().get(address)
        return bool(known and known.ranges)

    def _all_know_all(self) -> bool:
        # By id: a node that was only told to MEET another has made an id up for it.
        node_ids = {node.node_id() for node in self._running()}
        views = [node.view() for node in self._running()]
        return all(node_ids <= {known.node_id for known in view.values()} for view in views)

    def _is_settled(self) -> bool:
        try:
            views = [_owners(node) for node in self._running()]
            states = [node.call("CLUSTER", "INFO") for node in self._running()]
        except redis.ConnectionError:  # one is still loading
            return False
        return all(b"cluster_state:ok" in state for state in states) and all(
            view == views[0] for view in views
        )

    def _move(self, slots: Sequence[int], to: _Node, *, half: bool = False) -> Callable[[], None]:
        source = self._nodes[self.owner_of(slots[0])]
        if source is to:
            return _do_nothing
        finish = self._open(slots, source, to)
        if half:
            for slot, num_keys in _count_keys(source, slots).items():
                _migrate(source, to, slot, -(-num_keys // 2))
            return finish
        finish()
        return _do_nothing

    def _open(self, slots: Sequence[int], source: _Node, to: _Node) -> Callable[[], None]:
        """Let keys of the slots be at both nodes. Returns what moves them and closes the slots."""
        _set_slots(to, slots, "IMPORTING", source.node_id())
        _set_slots(source, slots, "MIGRATING", to.node_id())

        def finish() -> None:
            while counts := _count_keys(source, slots):
                for slot, num_keys in counts.items():
                    _migrate(source, to, slot, num_keys)
            self._give(slots, to)

        return finish

    def _give(self, slots: Sequence[int], to: _Node) -> None:
        """Tell all masters whose the slots are now, until they agree."""
        looks = itertools.count()

        def do_all_agree() -> bool:
            if next(looks) % 100 == 0:  # epochs may cross: two nodes point at each other until told again
                self._tell(slots, to)
            return all(set(slots) <= set(node.view()[to.address].slots()) for node in self._running())

        wait_until(do_all_agree)
        self.wait_until_settled()

    def _tell(self, slots: Sequence[int], to: _Node) -> None:
        view = self._view()
        others = [node for node in self._running() if node is not to and view[node.address].is_master]
        for node in (to, *others):
            try:
                _set_slots(node, slots, "NODE", to.node_id())
            except redis.ResponseError as error:
                if "only with masters" not in str(error):
                    raise  # it is not that the node has lost its last slot, and so become a replica


def _pick_free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        if all(is_free(one) for one in (port, port + 1, port + 10_000, port + 10_001)):
            return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _owners(node: _Node) -> dict[str, tuple[str, ...]]:
    return {address: known.ranges for address, known in node.view().items() if known.ranges}


def _num_synced(master: _Node) -> int:
    return len(master.call("ROLE")[2])


def _set_slots(node: _Node, slots: Iterable[int], *what: str) -> None:
    node.call_many([("CLUSTER", "SETSLOT", slot, *what) for slot in slots])


def _count_keys(node: _Node, slots: Sequence[int]) -> dict[int, int]:
    """Return how many keys a node has in each slot in which it has any."""
    counts = node.call_many([("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots])
    return {slot: count for slot, count in zip(slots, counts, strict=True) if count}


def _migrate(source: _Node, to: _Node, slot: int, num_keys: int) -> None:
    if keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, num_keys):  # else all were deleted meanwhile
        source.call("MIGRATE", "127.0.0.1", to.peer_port, "", 0, 5000, "KEYS", *keys)


def _do_nothing() -> None:
    pass
