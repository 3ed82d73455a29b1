"""Resizes there and back, killed and turned round, while clients use every call and know each answer."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.model import Model, line

SECONDS = 6
CLIENTS = 3


class Client:
    """Makes calls on users of its own, so that each answer is known."""

    def __init__(self, url, namespace, number):
        self.system = CryptoOrderSystem(url=url, namespace=namespace)
        self.model = Model()
        self.random = random.Random(number)
        self.users = [f"client{number}-user{n}" for n in range(6)]
        self.name, self.num_placed, self.num_calls = f"client{number}", 0, 0

    def call(self):
        """Make one call, and compare its answer."""
        self.num_calls += 1
        user = self.random.choice(self.users)
        ids = [order_id for order_id, order in self.model.live.items() if order.user_id == user]
        name = self.random.choices(
            ("place", "pause", "resume", "cancel", "cancel_all_by_user", "of_user", "all"),
            (8, 4, 3, 5, 1, 3, 1),
        )[0]
        if name == "place" or (not ids and name in ("pause", "resume", "cancel")):
            self.num_placed += 1
            new = (f"{self.name}-{self.num_placed}", user, "BTC", Decimal(1), Decimal(1))
            assert self.system.place(*new) is self.model.place(*new) is True
        elif name in ("pause", "resume", "cancel"):
            order_id = self.random.choice(ids)
            assert getattr(self.system, name)(order_id) is getattr(self.model, name)(order_id)
        elif name == "cancel_all_by_user":
            assert self.system.cancel_all_by_user(user) == self.model.cancel_all_by_user(user)
        elif name == "of_user":
            wanted = self.model.display(lambda order: order.user_id == user)
            assert self.system.user(user).display_all_live_orders() == wanted
            assert [line(order) for order in self.system.live_orders(user_id=user)] == wanted
            assert self.system.count(user_id=user) == len(wanted)
        else:
            wanted = self.model.display()
            for given in (
                self.system.display_all_live_orders(),
                [line(order) for order in self.system.live_orders()],
            ):
                assert [each for each in given if each.startswith(self.name + "-")] == wanted


@contextmanager
def at_work(clients) -> Iterator[list[BaseException]]:
    """Let clients make calls, each in a thread, until the block ends. Yields what went wrong."""
    wrong: list[BaseException] = []
    ended = threading.Event()

    def work(client):
        try:
            while not ended.is_set():
                client.call()
        except BaseException as error:  # noqa: BLE001 - the test says it
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def begin_resize(url, namespace, num_streams):
    """Start a process that resizes, and may be killed."""
    program = (
        "import sys; from cryptoorders_redis import CryptoOrderSystem\n"
        f"CryptoOrderSystem(url={url!r}, namespace={namespace!r}).resize({num_streams})"
    )
    return subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("placement", ["modulo", "jump"])
def test_resizes_that_are_killed_and_turned_are_not_seen(server, namespace, placement):
    choose = random.Random(5)
    with CryptoOrderSystem(3, url=server.url, namespace=namespace, placement=placement) as system:
        others = [(f"other{n}", f"user{n % 400}", "BTC", 1, 1) for n in range(4000)]
        assert all(system.place_many(others))
        clients = [Client(server.url, namespace, number) for number in range(CLIENTS)]
        num_killed = num_resizes = 0
        with at_work(clients) as wrong:
            ends_at = time.monotonic() + SECONDS / 2
            while (time.monotonic() < ends_at or num_resizes < 4) and not wrong:
                killed = begin_resize(server.url, namespace, choose.choice((2, 5, 8)))
                time.sleep(choose.uniform(0.3, 0.5))
                if killed.poll() is None:
                    killed.send_signal(signal.SIGKILL)
                    num_killed += 1
                killed.wait()
                for num_streams in (choose.choice((2, 3, 5)), 3):
                    try:
                        system.resize(num_streams)
                    except errors.ResizeUnderWay as under_way:
                        system.resize(under_way.num_streams)
                    num_resizes += 1
        assert wrong == []
        assert num_killed > 0
        assert sum(client.num_calls for client in clients) > 100
        assert system.verify() == []
        assert system.count() == 4000 + sum(len(client.model.live) for client in clients)
        for client in clients:
            client.system.close()
