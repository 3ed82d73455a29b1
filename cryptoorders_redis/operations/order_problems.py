"""Finds what is wrong with the keys of one order of a stream, read at one moment."""

from collections.abc import Iterator

from cryptoorders_redis.operations.findings import text_of
from cryptoorders_redis.operations.found import OrderFacts
from cryptoorders_redis.operations.store import Store
from cryptoorders_redis.schema.entries import stream_in_entry
from cryptoorders_redis.schema.numbers import whole_number
from cryptoorders_redis.schema.records import check_record, deadline_of


def is_routed_wrongly(stream: int, facts: OrderFacts, *, has_token: bool) -> bool:
    """Return whether the directory names a stream without the order, or not the stream that has it."""
    return _is_routed_here(stream, facts, has_token=has_token) != (facts.record is not None)


def _is_routed_here(stream: int, facts: OrderFacts, *, has_token: bool) -> bool:
    return facts.entry is not None and stream_in_entry(facts.entry, has_token=has_token) == stream


def problems_of_order(store: Store, stream: int, found_with: str, facts: OrderFacts) -> Iterator[str]:
    """Yield what is wrong with an order.

    Args:
        store: the operations of the namespace.
        stream: the stream whose keys were read.
        found_with: a user in whose set it was found, or an empty text.
        facts: what the keys say.
    """
    routed_here = _is_routed_here(stream, facts, has_token=not store.is_standalone)
    if facts.record is None:
        found_in = {
            "placed": facts.sequence is not None,
            "paused": facts.paused,
            f"the set of user {found_with!r}": facts.in_set_found_with,
            "the directory": routed_here,
            "due": facts.deadline is not None,
        }
        for where, is_there in found_in.items():
            if is_there:
                yield f"in {where}, but there is no such order"
        return
    if facts.sequence is None:
        yield "not in placed, so it is not listed"
    elif whole_number(facts.sequence) is None:
        yield f"its sequence number is {text_of(facts.sequence)}, which can be none"
    if not routed_here:
        where = "no stream" if facts.entry is None else f"stream {text_of(facts.entry)}"
        yield f"the directory names {where}, so that its id alone does not find it"
    yield from _problems_of_record(store, stream, found_with, facts, facts.record)


def _problems_of_record(
    store: Store, stream: int, found_with: str, facts: OrderFacts, record: bytes
) -> Iterator[str]:
    try:
        fields = check_record(record)
    except ValueError as problem:
        yield f"its record cannot be read: {problem}: {record!r}"
        return
    user: str = fields["user_id"]
    expires_at = deadline_of(fields)
    if expires_at != (facts.deadline and whole_number(facts.deadline)):
        due = facts.deadline and text_of(facts.deadline)
        yield f"its record says that it expires at {expires_at}, and due says {due}"
    if not facts.in_users_set:
        yield f"not in the set of its user {user!r}"
    if facts.in_set_found_with and found_with != user:
        yield f"in the set of user {found_with!r}, but it is an order of {user!r}"
    homes = store.settings.homes_of(user)
    if stream not in homes:
        yield f"an order of user {user!r}, whose stream is {' or '.join(map(str, homes))}"
