"""The answers to searches, as JSON."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cryptoorders_redis import errors
from cryptoorders_redis.aio import AsyncCryptoOrderSystem
from cryptoorders_redis.order import Order

MAX_ORDERS = 100
"""How many orders of a user are shown."""


class Searches:
    """Finds an order by its id, and the orders of a user."""

    def __init__(self, system: AsyncCryptoOrderSystem) -> None:
        self._system = system

    async def find_order(self, request: Request) -> Response:
        """Answer with a live order, or with null."""

        async def find(order_id: str) -> dict[str, Any]:
            order = await self._system.get(order_id)
            return {"order": order and _to_fields(order)}

        return await _answer(request, find)

    async def find_user(self, request: Request) -> Response:
        """Answer with how many live orders a user has, and with the first of them."""

        async def find(user_id: str) -> dict[str, Any]:
            count = await self._system.count(user_id=user_id)
            orders = self._system.live_orders(user_id=user_id, limit=MAX_ORDERS)
            return {"count": count, "orders": [_to_fields(order) async for order in orders]}

        return await _answer(request, find)


async def _answer(request: Request, find: Callable[[str], Awaitable[dict[str, Any]]]) -> Response:
    ids = request.query_params.getlist("id")
    if len(ids) != 1:
        return JSONResponse({"error": "give one id, as in ?id=order1"}, 400)
    try:
        found = await find(ids[0])
    except errors.CryptoOrdersError as error:
        return JSONResponse({"error": str(error)}, 503)
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse({"at": datetime.now(UTC).isoformat(), **found})


def _to_fields(order: Order) -> dict[str, Any]:
    """Return the fields of an order. The metadata becomes text: JavaScript would round large numbers."""
    metadata = order.metadata and [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in order.metadata.items()
    ]
    return {**order.to_dict(), "metadata": metadata}
