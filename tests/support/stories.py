"""Random calls of one caller on its own orders. A model knows every answer."""

import random

from cryptoorders_redis import CryptoOrderSystem
from tests.support.model import Model


class Story:
    def __init__(self, name: str, *, seed: int) -> None:
        self.users = [f"{name}-u{number}" for number in range(2)]
        self.order_ids = [f"{name}-o{number}" for number in range(8)]
        self.model = Model()
        self._random = random.Random(seed)

    def tell(self, system: CryptoOrderSystem, calls: int) -> None:
        """Make the calls; fail at the first answer that differs from the model's."""
        for number in range(calls):
            call, arguments = self._chosen()
            answer = getattr(system, call)(*arguments)
            assert answer == getattr(self.model, call)(*arguments), (number, call, arguments, answer)

    def live(self) -> list[bool]:
        return [order_id in self.model.live for order_id in self.order_ids]

    def listing(self, system: CryptoOrderSystem) -> list[str]:
        """Return the lines of the store's listing that are this caller's orders."""
        return [line for line in system.display_all_live_orders() if line.startswith(self.order_ids[0][:-1])]

    def _chosen(self) -> tuple[str, tuple]:
        order_id, user_id = self._random.choice(self.order_ids), self._random.choice(self.users)
        (call,) = self._random.choices(
            ("place", "pause", "resume", "cancel", "cancel_all_by_user"), (6, 4, 4, 4, 1)
        )
        if call == "place":
            return call, (order_id, user_id, "BTC", 1, 1)
        return call, (user_id if call == "cancel_all_by_user" else order_id,)
