"""The numbers that keys hold as text: moments, sequence numbers and counts."""

from cryptoorders_redis.validation import MOST_MICROSECONDS


def whole_number(data: bytes | None) -> int | None:
    """Return the number that a key holds; None for what is no whole number that a score can hold exactly."""
    if data is None or not data.isdigit() or len(data) > 16:
        return None
    return number if (number := int(data)) <= MOST_MICROSECONDS else None
