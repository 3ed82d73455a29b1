"""The synchronous way of sending requests to several nodes of a cluster at one time."""

import contextlib
from collections.abc import Callable

from cryptoorders_redis import errors
from cryptoorders_redis.transport.connections import Connections
from cryptoorders_redis.transport.endpoint import Endpoint
from cryptoorders_redis.transport.request import ClusterRequest, Outcome
from cryptoorders_redis.transport.resp import Reply
from cryptoorders_redis.transport.topology import Address


class ClusterConnections:
    """The connections of one system to each node, for any number of threads, and for a child after a fork.

    Those to a node are made when it is first asked. Each node may have as many as a standalone server.
    """

    def __init__(self, source: Endpoint, client_name: str) -> None:
        self._source = source
        self._client_name = client_name
        self._nodes: dict[Address, Connections] = {}
        self._closed = False

    def fetch(self, request: ClusterRequest) -> list[Outcome]:
        """Send all parts, and only then read the replies: so all nodes work at one time.

        Returns:
            For each part its replies, or an error that `Connections.fetch` raises.
        """
        if len(request.parts) == 1:
            ((address, part),) = request.parts
            try:
                return [self._node(address).fetch(part)]
            except Exception as error:  # noqa: BLE001 - the executor decides what it means
                return [error]
        outcomes: list[Outcome] = [[] for _ in request.parts]
        receiving: list[tuple[int, Callable[[], list[Reply]]]] = []
        # By their addresses, so that two threads never wait for each other's connections.
        in_order = sorted(enumerate(request.parts), key=lambda numbered: numbered[1][0])
        with contextlib.ExitStack() as stack:
            for number, (address, part) in in_order:
                try:
                    sending = self._node(address).sending(part)
                    receiving.append((number, stack.enter_context(sending)))
                except Exception as error:  # noqa: BLE001 - the executor decides what it means
                    outcomes[number] = error
            for number, receive in receiving:
                try:
                    outcomes[number] = receive()
                except Exception as error:  # noqa: BLE001 - the executor decides what it means
                    outcomes[number] = error
        return outcomes

    def close(self) -> None:
        """Refuse further requests, and close the connections."""
        self._closed = True
        for node in list(self._nodes.values()):
            node.close()

    def _node(self, address: Address) -> Connections:
        if node := self._nodes.get(address):
            return node
        node = self._nodes.setdefault(address, Connections(self._source.at(address), self._client_name))
        if self._closed:  # perhaps after `close` has seen all nodes
            raise errors.StoreClosed("this system is closed")
        return node
