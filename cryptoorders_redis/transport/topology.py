"""Which master of a Redis Cluster serves which slot, as far as the nodes have told. Free of I/O."""

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from redis.crc import REDIS_CLUSTER_HASH_SLOTS

Address: TypeAlias = str
"""A node, as `host:port`. An IPv6 address has no brackets, as in the replies of a cluster."""

Remap: TypeAlias = Callable[[tuple[str, int]], tuple[str, int]]
"""Turns the host and port that a node announces into those by which this machine reaches it."""

_UNKNOWN_HOSTS = ("", "?")
"""What a node announces that does not know its own address: it is where it was reached."""


def make_address(host: str, port: int) -> Address:
    """Return the address of a host and a port."""
    return f"{host}:{port}"


def split_address(address: Address) -> tuple[str, int]:
    """Return the host and the port of an address."""
    host, _, port = address.rpartition(":")
    return host, int(port)


class Topology:
    """A map of slots, learned from `CLUSTER SLOTS` and from redirections. It may be wrong at any time.

    Serves any number of threads, and a child after a fork: a map is replaced as a whole, and the entry of
    one slot is set at once.

    Args:
        startup: the nodes to ask first, at least one.
        remap: is given the host and port of each node that a node names.
    """

    def __init__(self, startup: Sequence[Address], remap: Remap | None = None) -> None:
        self._startup = tuple(startup)
        self._remap = remap
        self._masters: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        """By slot."""
        self._known: tuple[Address, ...] = self._startup
        self._down: set[Address] = set()
        """Nodes that did not answer when they were asked last."""
        self.is_outdated: bool = True
        """Whether the map is to be asked for before the next request."""

    def master_of(self, slot: int) -> Address | None:
        """Return the master of a slot, if one is known."""
        return self._masters[slot]

    def masters(self) -> list[Address]:
        """Return all masters that serve slots, each once."""
        return sorted({address for address in self._masters if address})

    def nodes_to_ask(self) -> list[Address]:
        """Return all known nodes in random order, those that did not answer last time at the end."""
        known = list(dict.fromkeys((*self._known, *self._startup)))
        random.shuffle(known)
        return sorted(known, key=self._down.__contains__)

    def note_answer(self, address: Address) -> None:
        """Note that a node has answered."""
        self._down.discard(address)

    def note_failure(self, address: Address) -> None:
        """Note that a node did not answer: another may be the master of its slots by now."""
        self._down.add(address)
        self.is_outdated = True

    def learn(self, reply: Any, asked: Address) -> bool:
        """Take over a reply to `CLUSTER SLOTS`. False: it says nothing, for the node is in no cluster yet."""
        if not reply:
            return False
        masters: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        known: dict[Address, None] = {}
        for first, last, *nodes in reply:
            addresses = [
                self.address((host or b"").decode(), port, asked) for host, port, *_ in nodes if port
            ]
            if addresses:
                known.update(dict.fromkeys(addresses))
                masters[first : last + 1] = addresses[:1] * (last + 1 - first)
        self._masters = masters
        self._known = tuple(known)
        self.is_outdated = False
        return True

    def learn_move(self, slot: int, address: Address) -> None:
        """Learn from a redirection that a slot has another master. Other slots may have one, too."""
        self._masters[slot] = address
        self.is_outdated = True

    def address(self, host: str, port: int, named_by: Address) -> Address:
        """Return the address of a node that another node has named."""
        if host in _UNKNOWN_HOSTS:
            host = split_address(named_by)[0]
        return make_address(*(self._remap((host, port)) if self._remap else (host, port)))
