"""A process that forks while it has a system open. It and its children continue to use that system.

Run as `python -m tests.support.forking URL NAMESPACE`.
"""

import os
import sys

from cryptoorders_redis import CryptoOrderSystem


def work(system: CryptoOrderSystem, name: str) -> None:
    for number in range(30):
        order_id = f"{name}{number}"
        assert system.place(order_id, name, "BTC", 1, 1) is True
        assert system.place(order_id, name, "BTC", 1, 1) is False
        assert system.pause(order_id) is True
        assert system.cancel(order_id) is True
        assert system.cancel(order_id) is False


def main(url: str, namespace: str) -> None:
    with CryptoOrderSystem(url=url, namespace=namespace) as system:
        assert system.place("before", "parent", "BTC", 1, 1)
        children = []
        for name in ("child1", "child2", "child3"):
            child = os.fork()
            if child == 0:
                work(system, name)
                os._exit(0)
            children.append(child)
        work(system, "parent")
        for child in children:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
