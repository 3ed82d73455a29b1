"""Orders over HTTP, by FastAPI and the async API.

CRYPTOORDERS_URL=redis://localhost:6379/0 uvicorn --app-dir examples --workers 2 fastapi_service:app

Each worker process opens a system of its own. All of them share the orders.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict

from cryptoorders_redis import AsyncCryptoOrderSystem, Order, errors

DEADLINE_SECONDS = 1.0
"""How long a call may try: less than what clients wait for."""

STATUS_CODES: dict[type[Exception], int] = {
    TypeError: 422,
    ValueError: 422,
    errors.AmountExceeded: 409,
    errors.StoreFull: 507,
    errors.StoreUnavailable: 503,
    errors.OutcomeUnknown: 504,
}
"""All other errors are 500: somebody has to look."""


class NewOrder(BaseModel):
    """An order to place. The client makes the id. Numbers are text: a JSON number could lose digits."""

    model_config = ConfigDict(extra="forbid", strict=True)
    order_id: str
    user_id: str
    currency: str
    amount: str
    price: str
    metadata: dict[str, str | int | float | bool | None] | None = None


class Amendment(BaseModel):
    """What to change of an order, and what it must be before."""

    model_config = ConfigDict(extra="forbid", strict=True)
    amount: str | None = None
    price: str | None = None
    expected_amount: str | None = None
    expected_price: str | None = None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the system in the event loop of this worker, and close it at the end."""
    async with AsyncCryptoOrderSystem(deadline_seconds=DEADLINE_SECONDS) as system:
        await system.configure(feed=10_000)
        app.state.system = system
        yield


app = FastAPI(lifespan=lifespan)


def system_of(request: Request) -> AsyncCryptoOrderSystem:
    """Return the system of this worker."""
    return request.app.state.system


async def report(_: Request, error: Exception) -> JSONResponse:
    """Answer a request whose call has raised."""
    code = next(code for kind, code in STATUS_CODES.items() if isinstance(error, kind))
    content: dict[str, Any] = {"detail": str(error)}
    headers = {}
    if isinstance(error, errors.StoreUnavailable):  # nothing was changed
        headers["Retry-After"] = "1"
    if isinstance(error, errors.OutcomeUnknown):
        content["advice"] = "it may have happened: GET the order, or send the same request again"
    return JSONResponse(content, code, headers)


for kind in STATUS_CODES:
    app.add_exception_handler(kind, report)


@app.post("/orders", status_code=201)
async def place(new: NewOrder, request: Request, response: Response) -> dict[str, Any]:
    """Place an order. The same request again answers 200; another order under a live id is 409."""
    system = system_of(request)
    if not await system.place(**new.model_dump()):
        order = await system.get(new.order_id)
        if order and not is_same(order, new):
            raise HTTPException(409, f"order {new.order_id!r} is live, and is another one")
        response.status_code = 200
    return await show(new.order_id, request)


def is_same(order: Order, new: NewOrder) -> bool:
    """Return whether a live order is what the request has asked for."""
    return (order.user_id, order.currency, order.amount, order.price, order.metadata) == (
        new.user_id,
        new.currency,
        Decimal(new.amount),
        Decimal(new.price),
        new.metadata,
    )


# `:path` also takes ids with a slash, which the client writes as %2F.
@app.get("/orders/{order_id:path}")
async def show(order_id: str, request: Request) -> dict[str, Any]:
    """Show a live order."""
    order = await system_of(request).get(order_id)
    if not order:
        raise HTTPException(404, f"order {order_id!r} is not live")
    return order.to_dict()


@app.patch("/orders/{order_id:path}")
async def amend(order_id: str, wanted: Amendment, request: Request) -> dict[str, Any]:
    """Amend an order. 409 says that it is not as expected."""
    done = await system_of(request).amend(order_id, **wanted.model_dump())
    order = await show(order_id, request)
    if not done:
        raise HTTPException(409, f"order {order_id!r} is not as expected")
    return order


@app.post("/orders/{order_id:path}/pause")
async def pause(order_id: str, request: Request) -> dict[str, Any]:
    """Pause an order. It may be paused already."""
    await system_of(request).pause(order_id)
    return await show(order_id, request)


@app.post("/orders/{order_id:path}/resume")
async def resume(order_id: str, request: Request) -> dict[str, Any]:
    """Resume an order. It may be active already."""
    await system_of(request).resume(order_id)
    return await show(order_id, request)


@app.delete("/orders/{order_id:path}", status_code=204)
async def cancel(order_id: str, request: Request) -> None:
    """Cancel an order."""
    if not await system_of(request).cancel(order_id):
        raise HTTPException(404, f"order {order_id!r} is not live")


@app.get("/users/{user_id:path}/orders")
async def orders_of(
    user_id: str, request: Request, after: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """List a user's orders. `after` is the `sequence` of the last one of the page before."""
    orders = system_of(request).user(user_id).live_orders(after=after, limit=limit)
    return [order.to_dict() async for order in orders]


@app.delete("/users/{user_id:path}/orders")
async def cancel_all(user_id: str, request: Request) -> dict[str, int]:
    """Cancel all orders of a user."""
    return {"cancelled": await system_of(request).cancel_all_by_user(user_id)}


@app.get("/changes")
async def changes(
    request: Request, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Send what happens to orders, as server-sent events. A browser continues by itself after a break."""
    system = system_of(request)
    cursor = last_event_id or await system.position()
    following = system.changes(cursor)  # an illegal cursor is refused here, before the answer begins

    async def events() -> AsyncIterator[str]:
        yield f"id: {cursor}\n\n"  # so that a client that has seen nothing yet can continue too
        try:
            async for change in following:
                yield f"id: {change.cursor}\nevent: {change.op}\ndata: {json.dumps(change.to_dict())}\n\n"
        except errors.ChangesMissed:
            yield f"id: {await system.position()}\nevent: missed\ndata: read the orders again\n\n"
        finally:
            await following.aclose()

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
