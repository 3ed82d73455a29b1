"""What each process of a race does with the store that all of them share."""

import random

from cryptoorders_redis import CryptoOrderSystem


class Racer:
    def __init__(self, url: str, namespace: str, name: str) -> None:
        self.name = name
        self.random = random.Random(name)
        self.system = CryptoOrderSystem(url=url, namespace=namespace)

    def hash(self, text: str) -> int:
        return hash(text)

    def place(self, order_ids: list[str]) -> list[str]:
        """Place each as the racer's own user; return those that were."""
        self.random.shuffle(order_ids)
        return [order_id for order_id in order_ids if self.system.place(order_id, self.name, "BTC", 1, 1)]

    def pause(self, order_ids: list[str]) -> list[str]:
        self.random.shuffle(order_ids)
        return [order_id for order_id in order_ids if self.system.pause(order_id)]

    def resume(self, order_ids: list[str]) -> list[str]:
        self.random.shuffle(order_ids)
        return [order_id for order_id in order_ids if self.system.resume(order_id)]

    def cancel(self, order_ids: list[str]) -> list[str]:
        self.random.shuffle(order_ids)
        return [order_id for order_id in order_ids if self.system.cancel(order_id)]

    def cancel_all(self, user_ids: list[str]) -> int:
        self.random.shuffle(user_ids)
        return sum(self.system.cancel_all_by_user(user_id) for user_id in user_ids)

    def cancel_both_ways(self, order_ids: list[str], user_ids: list[str]) -> int:
        """Cancel some by their ids and the rest by their users, while all others do the same."""
        cancelled = self.cancel(order_ids[: len(order_ids) // 2])
        return len(cancelled) + self.cancel_all(user_ids)

    def everything(self, order_ids: list[str], user_ids: list[str], calls: int) -> dict[str, int]:
        """Make calls at random; return how many effects of each kind they had."""
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
