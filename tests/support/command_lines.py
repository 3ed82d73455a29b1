"""Lines of commands and events, as files for `cryptoorders replay` and `cryptoorders submit` have them."""

import json

PLACE = b'{"op":"place","order_id":"order1","user_id":"alice","currency":"BTC","amount":0.5,"price":60000}'


def place_line_with(**changes: object) -> bytes:
    """Return the line PLACE with other fields, without its end. None leaves a field out."""
    fields = {**json.loads(PLACE), **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def place_line(order_id: str) -> bytes:
    """Return a line that places an order."""
    return place_line_with(order_id=order_id) + b"\n"


def event_line(op: str, order_id: str, event_time: object, **more: object) -> bytes:
    """Return a line with an event of alice, with its end."""
    fields = {"op": op, "order_id": order_id, "user_id": "alice", "event_time": event_time, **more}
    if op == "place":
        fields = {"currency": "BTC", "amount": 0.5, "price": 60_000, **fields}
    return json.dumps(fields).encode() + b"\n"
