"""A process of a race: it does what the lines of its standard input say, at the moment each arrives.

Run as `python -m tests.support.worker URL NAMESPACE NAME`. Each line is a JSON list, the name of a call of
this file and its arguments; each is answered by a line with what it returned.
"""

import json
import random
import sys
from collections.abc import Sequence

from cryptoorders_redis import CryptoOrderSystem


class Worker:
    def __init__(self, url: str, namespace: str, name: str) -> None:
        self.name = name
        self.random = random.Random(name)
        self.system = CryptoOrderSystem(url=url, namespace=namespace)

    def hash(self, text: str) -> int:
        return hash(text)

    def place(self, order_ids: Sequence[str]) -> list[str]:
        """Place each as the worker's own user; return those that were."""
        self.random.shuffle(order_ids)
        return [order_id for order_id in order_ids if self.system.place(order_id, self.name, "BTC", 1, 1)]

    def pause(self, order_ids: Sequence[str]) -> list[str]:
        self.random.shuffle(order_ids)
        return [order_id for order_id in order_ids if self.system.pause(order_id)]

    def resume(self, order_ids: Sequence[str]) -> list[str]:
        self.random.shuffle(order_ids)
        return [order_id for order_id in order_ids if self.system.resume(order_id)]

    def cancel(self, order_ids: Sequence[str]) -> list[str]:
        self.random.shuffle(order_ids)
        return [order_id for order_id in order_ids if self.system.cancel(order_id)]

    def cancel_all(self, user_ids: Sequence[str]) -> int:
        self.random.shuffle(user_ids)
        return sum(self.system.cancel_all_by_user(user_id) for user_id in user_ids)

    def cancel_both_ways(self, order_ids: Sequence[str], user_ids: Sequence[str]) -> int:
        """Cancel some by their ids and the rest by their users, all others doing the same."""
        cancelled = self.cancel(order_ids[: len(order_ids) // 2])
        return len(cancelled) + self.cancel_all(user_ids)

    def everything(self, order_ids: Sequence[str], user_ids: Sequence[str], calls: int) -> dict[str, int]:
        """Do anything to any order; return how many effects of each kind there were."""
        effects = {"placed": 0, "paused": 0, "resumed": 0, "cancelled": 0, "cancelled together": 0}
        for _ in range(calls):
            order_id, user_id = self.random.choice(order_ids), self.random.choice(user_ids)
            kind = self.random.choices(list(effects), (6, 4, 3, 4, 0.3))[0]
            if kind == "placed":
                effects[kind] += self.system.place(order_id, user_id, "BTC", 1, 1)
            elif kind == "paused":
                effects[kind] += self.system.pause(order_id)
            elif kind == "resumed":
                effects[kind] += self.system.resume(order_id)
            elif kind == "cancelled":
                effects[kind] += self.system.cancel(order_id)
            else:
                effects[kind] += self.system.cancel_all_by_user(user_id)
        return effects

    def listing(self) -> list[str]:
        return self.system.display_all_live_orders()

    def orders(self) -> list[str]:
        return [repr(order) for order in self.system.live_orders()]


def main() -> None:
    worker = Worker(*sys.argv[1:])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        call, *arguments = json.loads(line)
        print(json.dumps(getattr(worker, call)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
