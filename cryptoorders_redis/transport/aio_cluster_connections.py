"""The asynchronous way of sending requests to several nodes of a cluster at one time."""

import asyncio

from cryptoorders_redis import errors
from cryptoorders_redis.transport.aio_connections import AsyncConnections
from cryptoorders_redis.transport.endpoint import Endpoint
from cryptoorders_redis.transport.request import ClusterRequest, Outcome, Request
from cryptoorders_redis.transport.resp import Reply
from cryptoorders_redis.transport.topology import Address


class AsyncClusterConnections:
    """The connections of one system to each node, for any number of tasks of one event loop.

    Those to a node are made when it is first asked.
    """

    def __init__(self, source: Endpoint, client_name: str) -> None:
        self._source = source
        self._client_name = client_name
        self._nodes: dict[Address, AsyncConnections] = {}
        self._closed = False

    async def fetch(self, request: ClusterRequest) -> list[Outcome]:
        """Send all parts at one time.

        Returns:
            For each part its replies, or an error that `AsyncConnections.fetch` raises.
        """
        if len(request.parts) == 1:
            return [await self._fetch_part(*request.parts[0])]
        return await asyncio.gather(*(self._fetch_part(*part) for part in request.parts))

    def submit(self, request: bytes) -> "asyncio.Future[Reply] | None":
        """Return None: a request without an address is not sent."""

    async def close(self) -> None:
        """Refuse further requests, wait for replies under way, and close the connections."""
        self._closed = True
        await asyncio.gather(*(node.close() for node in self._nodes.values()))

    async def _fetch_part(self, address: Address, request: Request) -> Outcome:
        try:
            return await self._node(address).fetch(request)
        except Exception as error:  # noqa: BLE001 - the executor decides what it means
            return error

    def _node(self, address: Address) -> AsyncConnections:
        if self._closed:
            raise errors.StoreClosed("this system is closed")
        node = self._nodes.get(address)
        if not node:
            node = self._nodes[address] = AsyncConnections(self._source.at(address), self._client_name)
        return node
