"""A writer that makes any call on any order, beside others that do the same."""

import random
import time

from cryptoorders_redis import CryptoOrderSystem, errors

ORDER_IDS = [f"o{number}" for number in range(60)]
USERS = [f"user{number}" for number in range(9)]


class Scribbler:
    """Writes at random. Several share ids and users, so that their calls meet."""

    def __init__(self, url: str, namespace: str, seed: int) -> None:
        self._system = CryptoOrderSystem(url=url, namespace=namespace)
        self._random = random.Random(seed)

    def write(self, seconds: float) -> int:
        """Make calls for so long; return how many they were."""
        ends_at, calls = time.monotonic() + seconds, 0
        while time.monotonic() < ends_at:
            self._call()
            calls += 1
        return calls

    def _call(self) -> None:
        system, choose = self._system, self._random
        order_id, user = choose.choice(ORDER_IDS), choose.choice(USERS)
        some = choose.sample(ORDER_IDS, 4)
        names = ("place", "place_many", "pause", "resume", "amend", "reduce", "cancel", "many", "all")
        (name,) = choose.choices(names, (9, 3, 4, 3, 3, 3, 4, 3, 1))
        if name == "place":
            system.place(order_id, user, "BTC", 3, 1)
        elif name == "place_many":
            system.place_many([(each, choose.choice(USERS), "ETH", 3, 1) for each in some])
        elif name == "amend":
            system.amend(order_id, amount=choose.randint(1, 5), price=choose.randint(1, 99))
        elif name == "reduce":
            try:
                system.reduce(order_id, 1)
            except errors.AmountExceeded:
                raise AssertionError("an amount is whole, and 1 or more") from None
        elif name == "many":
            change = choose.choice((system.pause_many, system.resume_many, system.cancel_many))
            change(some)
        elif name == "all":
            system.cancel_all_by_user(user)
        else:
            getattr(system, name)(order_id)
