"""The numbers that keys hold as text: moments, sequence numbers and counts."""

LAST_TIME = 9_000_000_000_000_000
"""Microseconds since 1970 in the year 2255: a sorted set's scores are exact up to there."""


def whole_number(data: bytes | None, most: int = LAST_TIME) -> int | None:
    """Return the number that a key holds; None for what is no whole number from 0 to `most`."""
    if data is None or not data.isdigit() or len(data) > 16:
        return None
    return number if (number := int(data)) <= most else None
