"""The calls that are explored, and what is right to answer in each."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count, islice
from typing import Any, TypeAlias

from cryptoorders_redis import NewOrder, Order, errors
from cryptoorders_redis.operations import Operation, Steps, repair
from cryptoorders_redis.operations.bulk import change_many, place_many
from cryptoorders_redis.operations.cluster import Cluster
from cryptoorders_redis.operations.drop import drop
from cryptoorders_redis.operations.mends import entries
from cryptoorders_redis.schema.placement import stream_of_user
from tests.support.explorer.clients import CallKind, Effects, Judge, Seen
from tests.support.explorer.states import ORDER_ID, Live

Test: TypeAlias = Callable[[Live | None], bool]

AMOUNT = "2"
AMENDED = "5"


def users_in(stream: int, num_streams: int = 2) -> Iterator[str]:
    """Yield users whose stream is this one."""
    return (user for user in map("u{}".format, count()) if stream_of_user(user, num_streams) == stream)


A, A2 = islice(users_in(0), 2)
"""Two users of one stream."""
B = next(users_in(1))
"""A user of another stream."""

MOVING = next(
    user
    for user in map("u{}".format, count())
    if (stream_of_user(user, 3), stream_of_user(user, 5)) == (0, 4)
)
"""A user whose stream among five is none of those among three."""
STAYING = next(
    user
    for user in map("u{}".format, count())
    if (stream_of_user(user, 3), stream_of_user(user, 5)) == (1, 0)
)
"""A user whose stream among five is another one's among three."""


def _had_one(effects: Effects, is_right: Callable[[Any, Any], bool]) -> str:
    if len(effects) != 1:
        return f"it had {len(effects)} effects"
    return "" if is_right(*effects[0]) else f"its effect was {effects[0]}"


def _was_once(effects: Effects, seen: Seen, is_right: Test) -> str:
    if effects:
        return f"it had the effects {effects}"
    return "" if any(is_right(facts.live) for facts in seen) else "at no moment of the call that was true"


def _judge_refused(answer: Any, seen: Seen, effects: Effects) -> str:
    """Judge an error, which may be only where the namespace is dropped.

    With it go the sessions: a change whose reply was lost has no known outcome then.
    """
    if isinstance(answer, errors.BulkInterrupted):
        answer = answer.__cause__
    if not any(facts.is_dropping or not facts.is_there for facts in seen):
        return f"it ended with {answer!r}"
    if isinstance(answer, errors.OutcomeUnknown):
        return f"it had {len(effects)} effects" if len(effects) > 1 else ""
    return (
        "" if isinstance(answer, errors.NoSuchNamespace) and not effects else f"it had the effects {effects}"
    )


def _is_live(live: Live | None) -> bool:
    return live is not None


def _is_gone(live: Live | None) -> bool:
    return live is None


def _judge_change(is_effect: Callable[[Any, Any], bool], is_no: Test) -> Judge:
    def judge(answer: Any, seen: Seen, effects: Effects) -> str:
        if answer in (True, [True], 1):
            return _had_one(effects, is_effect)
        if answer in (False, [False], 0):
            return _was_once(effects, seen, is_no)
        return _judge_refused(answer, seen, effects)

    return judge


def place(user_id: str, order_id: str = ORDER_ID, *, many: bool = False) -> CallKind:
    def make(store: Cluster) -> Operation[Any]:
        if many:
            return place_many(store, [(order_id, user_id, "BTC", AMOUNT, 1)])
        return store.place(NewOrder(order_id, user_id, "BTC", AMOUNT, 1))

    def is_effect(before: Live | None, after: Live | None) -> bool:
        return before is None and after is not None and after[1:] == (user_id, False, AMOUNT)

    name = f"place{'_many' if many else ''} of {user_id}"
    name = name if order_id == ORDER_ID else f"{name} as {order_id}"

    def judge(answer: Any, seen: Seen, effects: Effects) -> str:
        if answer in (False, [False]) and any(facts.is_dropping for facts in seen):
            return f"it had the effects {effects}" if effects else ""  # what is left may stand in its way
        return of_effect(answer, seen, effects)

    of_effect = _judge_change(is_effect, _is_live)
    return CallKind(name, make, judge)


def cancel(owner: str = "", *, many: bool = False) -> CallKind:
    def make(store: Cluster) -> Operation[Any]:
        return change_many(store, "cancel", [ORDER_ID], owner) if many else store.cancel(ORDER_ID, owner)

    name = "cancel_many" if many else f"cancel of {owner}" if owner else "cancel"
    return CallKind(name, make, _judge_change(_ends(owner), _is_not_of(owner)))


def cancel_all(user_id: str, *, besides: int = 0) -> CallKind:
    """`besides`: how many orders with other ids the user has."""

    def judge(answer: Any, seen: Seen, effects: Effects) -> str:
        return of_one(answer - besides if isinstance(answer, int) else answer, seen, effects)

    of_one = _judge_change(_ends(user_id), _is_not_of(user_id))
    return CallKind(f"cancel_all of {user_id}", lambda store: store.cancel_all_by_user(user_id), judge)


def set_status(change: str) -> CallKind:
    is_pause = change == "pause"

    def is_effect(before: Live | None, after: Live | None) -> bool:
        return before is not None and after is not None and before.is_paused != after.is_paused == is_pause

    def is_no(live: Live | None) -> bool:
        return live is None or live.is_paused == is_pause

    return CallKind(change, lambda store: getattr(store, change)(ORDER_ID), _judge_change(is_effect, is_no))


def amend() -> CallKind:
    def make(store: Cluster) -> Operation[bool]:
        return store.amend(ORDER_ID, amount=AMENDED, price=None, expected_amount=None, expected_price=None)

    def judge(answer: Any, seen: Seen, effects: Effects) -> str:
        if answer is True and not effects:
            return _was_once(effects, seen, lambda live: live is not None and live.amount == AMENDED)
        return of_effect(answer, seen, effects)

    of_effect = _judge_change(lambda before, after: before and after and after.amount == AMENDED, _is_gone)
    return CallKind("amend", make, judge)


def reduce() -> CallKind:
    def is_effect(before: Live | None, after: Live | None) -> bool:
        left = Decimal(after.amount) if after else 0
        return before is not None and Decimal(before.amount) - left == 1

    def judge(answer: Any, seen: Seen, effects: Effects) -> str:
        if answer is None:
            return _was_once(effects, seen, _is_gone)
        if not isinstance(answer, Decimal):
            return _judge_refused(answer, seen, effects)
        problem = _had_one(effects, is_effect)
        after = effects[0][1] if effects else None
        return problem or ("" if answer == Decimal(after.amount if after else 0) else f"it answered {answer}")

    return CallKind("reduce", lambda store: store.reduce(ORDER_ID, 1), judge)


def get() -> CallKind:
    def judge(answer: Any, seen: Seen, effects: Effects) -> str:
        if answer is None:
            return _was_once(effects, seen, _is_gone)
        if not isinstance(answer, Order):
            return _judge_refused(answer, seen, effects)
        said = (answer.user_id, answer.status == "PAUSED", str(answer.amount))
        return _was_once(effects, seen, lambda live: live is not None and live[1:] == said)

    return CallKind("get", lambda store: store.get(ORDER_ID), judge)


def mend() -> CallKind:
    """What `repair` does about an order that it suspects in each of two streams."""

    def steps(store: Cluster) -> Steps[None]:
        for stream in range(2):
            yield from entries.mend_entry(store, ORDER_ID, stream)

    def make(store: Cluster) -> Operation[None]:
        return Operation("mend", "change", (ORDER_ID,), steps(store))

    return CallKind("mend", make, _judge_no_effect)


def whole_repair() -> CallKind:
    return CallKind("repair", repair.repair, _judge_no_effect)


def whole_drop() -> CallKind:
    def judge(answer: Any, seen: Seen, effects: Effects) -> str:
        if any(after for _, after in effects):
            return f"it had the effects {effects}"
        is_gone = any(facts.is_dropping or not facts.is_there for facts in seen)
        is_right = answer is None or isinstance(answer, errors.NoSuchNamespace | errors.OutcomeUnknown)
        return "" if is_gone and is_right else repr(answer)

    return CallKind("drop", drop, judge, is_drop=True)


def create(num_streams: int) -> CallKind:
    """What another client does that opens the namespace, and makes it again if it is gone."""

    def judge(answer: Any, seen: Seen, effects: Effects) -> str:
        if isinstance(answer, errors.ConfigurationMismatch):
            return f"it had the effects {effects}" if effects else ""
        return "" if answer is None and not effects else _judge_refused(answer, seen, effects)

    return CallKind("create", lambda store: store.open(num_streams, None, create=True), judge)


def _judge_no_effect(answer: Any, seen: Seen, effects: Effects) -> str:
    return f"it had the effects {effects}" if effects else ""


def _ends(owner: str) -> Callable[[Any, Any], bool]:
    return lambda before, after: after is None and before is not None and owner in ("", before.user_id)


def _is_not_of(owner: str) -> Test:
    return lambda live: live is None or owner not in ("", live.user_id)
