"""Lines of commands, as a file for `cryptoorders replay` has them."""

import json

PLACE = b'{"op":"place","order_id":"order1","user_id":"alice","currency":"BTC","amount":0.5,"price":60000}'


def place_line_with(**changes: object) -> bytes:
    """Return the line PLACE with other fields, without its end. None leaves a field out."""
    fields = {**json.loads(PLACE), **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def place_line(order_id: str) -> bytes:
    """Return a line that places an order."""
    return place_line_with(order_id=order_id) + b"\n"
