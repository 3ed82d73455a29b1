"""A Redis Cluster at work: processes that place orders, and a master that is killed. `make demo-cluster`."""

import itertools
import multiprocessing
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from local_cluster import NODE_TIMEOUT_MS, LocalCluster, Node

from cryptoorders_redis import CryptoOrderSystem, errors

NUM_STREAMS = 256
NUM_PROCESSES = 4
NUM_ORDERS = 400
NUM_USERS = 12

ROUNDS = 50
"""How often the order of the killed master is paused and resumed."""


class Waited(NamedTuple):
    """What one thread saw."""

    calls: int
    wrong_answers: int
    longest_seconds: float


def main() -> None:
    """Run the demo."""
    started_at = time.monotonic()
    try:
        cluster = LocalCluster()
    except errors.ServerNotStarted as error:
        sys.exit(f"the demo cannot start a cluster: {error}")
    with cluster, CryptoOrderSystem(NUM_STREAMS, url=cluster.url) as system:
        show_the_cluster(cluster, time.monotonic() - started_at)
        show_a_race(cluster, system)
        show_a_failover(cluster, system)
        show_what_follows(system)
        folder = cluster.folder
    print(
        f"\nThe servers are stopped, and {folder} is removed: {time.monotonic() - started_at:.0f} s in all."
    )


def show_the_cluster(cluster: LocalCluster, seconds: float) -> None:
    print(f"Three masters, each with a replica, started in {seconds:.1f} s in {cluster.folder}:")
    for master in cluster.masters:
        print(f"  {master.address}, with the replica {cluster.replica_of(master).address}")
    print(f"\n>>> system = CryptoOrderSystem({NUM_STREAMS}, url={cluster.url!r})")


def show_a_race(cluster: LocalCluster, system: CryptoOrderSystem) -> None:
    print(f"\n{NUM_PROCESSES} processes place the same {NUM_ORDERS} orders at the same time.")
    print("They use wait_replicas=1: what a call returned is on the replica too.")
    spawn = multiprocessing.get_context("spawn")
    all_run = spawn.Barrier(NUM_PROCESSES)
    with spawn.Pool(NUM_PROCESSES, initializer=all_run.wait) as pool:
        racers = [(cluster.url, number) for number in range(NUM_PROCESSES)]
        counts = pool.starmap(place_all, racers, chunksize=1)
    for number, count in enumerate(counts, start=1):
        print(f"  process {number} placed {count}")
    print(f"Each was placed once: {sum(counts)} answers were True, and {system.count()} orders are live.")


def place_all(url: str, racer: int) -> int:
    """Place all orders and pause every fifth; return how many were placed here."""
    numbers = list(range(NUM_ORDERS))
    random.Random(racer).shuffle(numbers)
    with CryptoOrderSystem(url=url, wait_replicas=1) as system:
        placed = 0
        for number in numbers:
            placed += system.place(f"order-{number}", f"user-{number % NUM_USERS}", "BTC", 1, number)
            if number % 5 == 0:
                system.pause(f"order-{number}")
    return placed


def show_a_failover(cluster: LocalCluster, system: CryptoOrderSystem) -> None:
    before = system.display_all_live_orders()
    print(f"\n>>> system.display_all_live_orders()    # {len(before)} orders\n{shorten(before)}")
    orders = {master: find_active_order(system, master) for master in cluster.masters}
    victim = cluster.masters[0]
    has_failed_over = threading.Event()

    def run(master: Node) -> Waited:
        if master is not victim:
            return pause_and_resume(system, orders[master], until=has_failed_over)
        try:
            return pause_and_resume(system, orders[master], rounds=ROUNDS)
        finally:
            has_failed_over.set()

    print(f"\nkill -9 {victim.process.pid}: the master {victim.address} is dead. Meanwhile one thread for")
    print("each master pauses and resumes an order of that master.")
    cluster.kill(victim)
    with ThreadPoolExecutor(len(orders)) as threads:
        seen = list(threads.map(run, orders))
    print("  orders at        calls  longest call")
    for master, waited in zip(orders, seen, strict=True):
        note = "  waited until the replica was promoted" if master is victim else ""
        print(f"  {master.address:16} {waited.calls:5}  {waited.longest_seconds:10.3f} s{note}")
    wrong = sum(waited.wrong_answers for waited in seen)
    print(f"No call failed, and {wrong} of {sum(waited.calls for waited in seen)} answers were wrong.")
    print(f"Most of the wait is cluster-node-timeout, here {NODE_TIMEOUT_MS / 1000:.1f} s.")
    after = system.display_all_live_orders()
    same = "the same listing" if after == before else "A DIFFERENT LISTING"
    print(f"\n>>> system.display_all_live_orders()    # {same}\n{shorten(after)}")


def find_active_order(system: CryptoOrderSystem, master: Node) -> tuple[str, str]:
    """Return the ids of a user and of an order that a master holds. Any user's keys are all on one master."""
    for key in master.call("KEYS", "*:user:*"):
        user_id = key.partition(":user:")[2]
        for order in system.live_orders(user_id=user_id, status="ACTIVE", limit=1):
            return user_id, order.order_id
    raise RuntimeError(f"the master {master.address} has no active order")


def pause_and_resume(
    system: CryptoOrderSystem,
    order: tuple[str, str],
    *,
    rounds: int | None = None,
    until: threading.Event | None = None,
) -> Waited:
    """Pause and resume an order so many times, or until something has happened. All answers must be True."""
    user_id, order_id = order
    user = system.user(user_id)
    calls, wrong_answers, longest_seconds = 0, 0, 0.0
    for number in itertools.count():
        if number == rounds or (until and until.is_set()):
            return Waited(calls, wrong_answers, longest_seconds)
        for change in (user.pause, user.resume):
            called_at = time.monotonic()
            wrong_answers += not change(order_id)
            longest_seconds = max(longest_seconds, time.monotonic() - called_at)
            calls += 1
    raise AssertionError


def show_what_follows(system: CryptoOrderSystem) -> None:
    print()
    show("system.repair()    # what a failover has lost is mended", system.repair())
    show("system.verify()", system.verify())
    show(
        'system.place("new", "alice", "BTC", "0.5", 60_000)',
        system.place("new", "alice", "BTC", "0.5", 60_000),
    )
    show('system.pause("new")', system.pause("new"))
    show('system.cancel("new")', system.cancel("new"))
    show('system.cancel_all_by_user("user-1")', system.cancel_all_by_user("user-1"))
    show("system.count()", system.count())


def show(call: str, answer: object) -> None:
    print(f">>> {call}\n{answer}")


def shorten(listing: list[str]) -> str:
    return f"[{', '.join(map(repr, listing[:4]))}, ..., {listing[-1]!r}]"


if __name__ == "__main__":
    main()
