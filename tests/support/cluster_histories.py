"""Histories of several processes on a cluster, in which replies are lost and processes are killed.

Run as `python -m tests.support.cluster_histories ROUNDS` for many of them.
"""

import contextlib
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from cryptoorders_redis import CryptoOrderSystem
from tests.support.callers import Caller
from tests.support.cluster import ClusterServers
from tests.support.linearizability import UNKNOWN, Call, unexplained
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

USERS = [f"u{number}" for number in range(5)]

OWN_ORDERS = {user_id: [f"{user_id}-o{number}" for number in range(3)] for user_id in USERS}
"""Each id is of one user, whose calls are explained together."""

SHARED_ORDERS = {user_id: [f"o{number}" for number in range(6)] for user_id in USERS}
"""Users of different streams place the same ids, each of which is explained by itself."""

OF_ONE_ID = ("place", "pause", "resume", "cancel", "get", "reduce")


class Outcome(NamedTuple):
    """What came of a history.

    Attributes:
        calls: all of them, with a last look at each user or order.
        problem: what cannot be explained, in words, or None.
        left: what verify() finds behind repair().
    """

    calls: list[Call]
    problem: str | None
    left: Sequence[object]

    def num_unknown(self) -> int:
        return sum(call.answer == UNKNOWN for call in self.calls)


@contextlib.contextmanager
def proxies_before(
    cluster: ClusterServers, *, seed: int = 0, **odds: float
) -> Iterator[tuple[str, list[Proxy]]]:
    """Put a proxy before each master, under whose address all clients know it. Gives the URL, and them."""
    with contextlib.ExitStack() as stack:
        proxies: list[Proxy] = []
        for number, address in enumerate(cluster.addresses):
            proxy = Proxy(f"redis://{address}", seed=seed + number, on_port=True, **odds)
            proxies.append(stack.enter_context(proxy))
            with cluster.node_client(address) as node:
                node.config_set("cluster-announce-port", proxy.port)
        ports = {proxy.port for proxy in proxies}
        wait_until(lambda: all(_ports_known_to(cluster, address) == ports for address in cluster.addresses))
        ended = threading.Event()
        stack.enter_context(_delivering(proxies, ended))
        yield f"redis+cluster://{','.join(f'127.0.0.1:{port}' for port in sorted(ports))}", proxies


def with_lost_replies(url: str, namespace: str, *, calls: int, seed: int = 0) -> Outcome:
    """Let five processes make calls on ids of their users."""
    callers = [
        Caller(url, namespace, OWN_ORDERS, seed=seed + number, calls=calls) for number in range(len(USERS))
    ]
    for caller in callers:
        caller.finish()
    return _concluded(url, namespace, callers, lambda call: call.arguments[0].partition("-")[0])


def with_kills(url: str, namespace: str, *, kills: int, seed: int = 0) -> Outcome:
    """Let four processes make calls on the same ids, and kill one after the other amid its calls."""
    chance = random.Random(seed)

    def start(number: int) -> Caller:
        return Caller(url, namespace, SHARED_ORDERS, seed=seed + number, operations=OF_ONE_ID)

    running = [start(number) for number in range(4)]
    ended: list[Caller] = []
    for number in range(kills):
        caller = running.pop(0)
        running.append(start(4 + number))
        caller.wait_for(chance.randrange(10, 60))
        time.sleep(chance.uniform(0, 0.01))
        caller.kill()
        ended.append(caller)
    for caller in running:
        caller.wait_for(20)
        caller.stop()
    return _concluded(url, namespace, ended + running, lambda call: call.arguments[0])


def _concluded(
    url: str, namespace: str, callers: Sequence[Caller], subject_of: Callable[[Call], str]
) -> Outcome:
    history = [call for caller in callers for call in caller.calls]
    with CryptoOrderSystem(url=url, namespace=namespace, deadline_seconds=60) as system:
        mended = system.repair()
        left = [*system.verify(), *system.repair()]
        assert all("removed" in each.problem for each in mended), mended  # else an order was not found
        subjects = dict.fromkeys(map(subject_of, history))
        history += [_last_look(system, subject) for subject in subjects]
    return Outcome(history, unexplained(history, subject_of), left)


def _last_look(system: CryptoOrderSystem, subject: str) -> Call:
    begin = time.monotonic_ns()
    if subject in USERS:
        listing = system.user(subject).display_all_live_orders()
        return Call("listing", (subject,), begin, time.monotonic_ns(), listing)
    order = system.get(subject)
    answer = order and [order.status.value, int(order.amount)]
    return Call("get", (subject,), begin, time.monotonic_ns(), answer)


def _ports_known_to(cluster: ClusterServers, address: str) -> set[int]:
    with cluster.node_client(address) as node:
        node.set_response_callback("CLUSTER SLOTS", lambda reply, **_: reply)
        return {port for _, _, (_, port, *_), *_ in node.execute_command("CLUSTER SLOTS") or ()}


@contextlib.contextmanager
def _delivering(proxies: Sequence[Proxy], ended: threading.Event) -> Iterator[None]:
    """Deliver what the proxies hold back, a moment later."""

    def deliver() -> None:
        while not ended.wait(0.02):
            for proxy in proxies:
                proxy.deliver_held()

    thread = threading.Thread(target=deliver)
    thread.start()
    yield
    ended.set()
    thread.join()


def main(rounds: str) -> int:
    wrong = 0
    with (
        ClusterServers() as cluster,
        proxies_before(cluster, lose_reply=0.05, cut_request=0.02, hold_request=0.03) as (url, _),
    ):
        for number in range(int(rounds)):
            for outcome in (
                with_lost_replies(url, f"lost{number}", calls=600, seed=1000 * number),
                with_kills(url, f"kills{number}", kills=30, seed=1000 * number),
            ):
                wrong += bool(outcome.problem or outcome.left)
                found = outcome.problem or outcome.left or "all right"
                print(f"{len(outcome.calls)} calls, {outcome.num_unknown()} unknown: {found}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) > 0)
