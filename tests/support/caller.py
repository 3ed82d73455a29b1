"""A process that makes calls at random, and prints when each begins and what it answers.

Run as `python -m tests.support.caller OPTIONS`, a JSON object. It ends after its last call, or when its
standard input is closed. Each call prints two lines, JSON lists: the time with the
call and its arguments, then the time with the answer.
"""

import json
import os
import random
import select
import sys
import time
from pathlib import Path
from typing import Any

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.schema import scripts
from tests.support.blocking import LOOP, BlockingSystem
from tests.support.linearizability import AMOUNT

WEIGHTS = {
    "place": 6, "pause": 3, "resume": 3, "cancel": 3, "cancel_all_by_user": 0.5, "get": 2, "listing": 1,
    "reduce": 2,
}  # fmt: skip


def say(*words: Any) -> None:
    # One write without a buffer: what was printed before a kill -9 arrives.
    os.write(1, json.dumps([time.monotonic_ns(), *words]).encode() + b"\n")


def outcome(system: CryptoOrderSystem, operation: str, arguments: list[str]) -> Any:
    try:
        if operation == "place":
            order_id, user_id = arguments
            return system.place(order_id, user_id, "BTC", AMOUNT, 1)
        if operation == "listing":
            return system.user(*arguments).display_all_live_orders()
        if operation == "get":
            order = system.get(*arguments)
            return order and [order.status, int(order.amount)]
        if operation == "reduce":
            left = system.reduce(arguments[0], 1)
            return left if left is None else int(left)
        return getattr(system, operation)(*arguments)
    except errors.OutcomeUnknown:
        return "UNKNOWN"
    except errors.StoreUnavailable:
        time.sleep(0.02)
        return "NOTHING DONE"


def opened(api: Any, **options: Any) -> CryptoOrderSystem:
    while True:
        try:
            return api(3, **options)
        except (errors.StoreUnavailable, errors.OutcomeUnknown):  # the latter from creating the namespace
            time.sleep(0.02)


def main(options: dict[str, Any]) -> None:
    chance = random.Random(options["seed"])
    if options["lua"]:
        scripts._folder = lambda: Path(options["lua"])
    # Half of the callers use the async API.
    api = BlockingSystem if options["seed"] % 2 else CryptoOrderSystem
    with opened(api, **{name: options[name] for name in ("url", "namespace", "deadline_seconds")}) as system:
        for _ in range(options["calls"]):
            if select.select([0], [], [], 0)[0]:
                break
            operations = options["operations"]
            (operation,) = chance.choices(operations, [WEIGHTS[name] for name in operations])
            user_id = chance.choice(list(options["orders"]))
            order_id = chance.choice(options["orders"][user_id])
            arguments = [user_id] if operation in ("cancel_all_by_user", "listing") else [order_id]
            if operation == "place":
                arguments.append(user_id)
            say(operation, *arguments)
            say(outcome(system, operation, arguments))


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    finally:
        LOOP.close()
