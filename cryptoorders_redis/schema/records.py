"""The text of an order's record, and the order that the keys of a stream describe."""

import json
from datetime import timedelta
from decimal import Decimal

from cryptoorders_redis import errors
from cryptoorders_redis.order import EPOCH, Order, OrderFields, OrderStatus
from cryptoorders_redis.validation import format_decimal, validate_text

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def encode_record(new: OrderFields) -> bytes:
    """Return the JSON that an order's hash field holds, if everything in the order is legal.

    Raises:
        TypeError, ValueError: naming the first field that is not legal.
    """
    order_id, user_id, currency, amount, price = new
    validate_text(order_id, "order_id")
    quoted_user_id = _quoted(validate_text(user_id, "user_id"))
    quoted_currency = _quoted(validate_text(currency, "currency"))
    # Four times as fast as json.dumps() of a dict, and this is half of what placing costs the client.
    record = (
        f'{{"user_id":{quoted_user_id},"currency":{quoted_currency},'
        f'"amount":"{format_decimal(amount, "amount")}","price":"{format_decimal(price, "price")}"}}'
    )
    return record.encode()


def decode_order(order_id: bytes, sequence: bytes | float, record: bytes, paused: int) -> Order:
    """Return the order that a stream's keys describe.

    Raises:
        InconsistentData: they do not describe one.
    """
    try:
        fields = json.loads(record)
        number = int(sequence)
        return Order(
            order_id=order_id.decode(),
            user_id=fields["user_id"],
            currency=fields["currency"],
            amount=Decimal(fields["amount"]),
            price=Decimal(fields["price"]),
            status=OrderStatus.PAUSED if paused else OrderStatus.ACTIVE,
            placed_at=EPOCH + timedelta(microseconds=number),
            sequence=number,
        )
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        raise errors.InconsistentData(
            f"order {order_id!r} has the sequence number {sequence!r} and the record {record!r}: "
            "verify() says what is wrong with the store"
        ) from error
