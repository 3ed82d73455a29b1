"""Many processes, threads and forks on one store: each effect is had by exactly one caller."""

import itertools
import json
import os
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.consistency import assert_consistent
from tests.support.model import live_order
from tests.support.processes import Worker, at_once, ready
from tests.support.racer import Racer

NAMES = ["anna", "bert", "cleo", "dora", "emil", "fred", "gina"]
ORDER_IDS = [f"order{number}" for number in range(300)]


@pytest.fixture
def workers(backend, namespace):
    CryptoOrderSystem(8, url=backend.url, namespace=namespace).close()
    racers = [Worker(Racer, backend.url, namespace, name, hash_seed=n) for n, name in enumerate(NAMES)]
    with ready(racers):
        yield racers


@pytest.fixture
def system(backend, namespace):
    with CryptoOrderSystem(8, url=backend.url, namespace=namespace) as system:
        yield system


def test_the_processes_hash_differently(workers):
    assert len(set(at_once(workers, "hash", "alice"))) == len(NAMES)


def test_processes_that_race_share_out_the_effects(workers, system, backend, namespace):
    """Every call on every order by every process at once; each effect is told to exactly one of them."""
    placed = at_once(workers, "place", ORDER_IDS)
    assert sorted(itertools.chain(*placed)) == sorted(ORDER_IDS)
    assert sum(bool(ids) for ids in placed) > 1, "there was no race"
    owners = {order.order_id: order.user_id for order in system.live_orders()}
    assert owners == {id_: name for name, ids in zip(NAMES, placed, strict=True) for id_ in ids}
    assert_consistent(backend.raw, namespace)

    assert sorted(itertools.chain(*at_once(workers, "pause", ORDER_IDS))) == sorted(ORDER_IDS)
    assert all(line.endswith("(paused)") for line in system.display_all_live_orders())
    assert_consistent(backend.raw, namespace)

    assert sorted(itertools.chain(*at_once(workers, "resume", ORDER_IDS))) == sorted(ORDER_IDS)
    assert at_once(workers, "listing") == [system.display_all_live_orders()] * len(NAMES)
    assert_consistent(backend.raw, namespace)

    assert sum(at_once(workers, "cancel_both_ways", ORDER_IDS, NAMES)) == len(ORDER_IDS)
    assert system.count() == 0
    assert_consistent(backend.raw, namespace)


def test_what_processes_leave_is_what_their_answers_add_up_to(workers, system, backend, namespace):
    ids = ORDER_IDS[:40]
    effects = Counter()
    for answer in at_once(workers, "everything", ids, NAMES, 600):
        effects.update(answer)
    assert all(effects.values()), "an effect that nobody had"
    assert effects["placed"] - effects["cancelled"] - effects["cancelled together"] == system.count()
    paused = sum(line.endswith("(paused)") for line in system.display_all_live_orders())
    assert (
        0
        <= effects["paused"] - effects["resumed"] - paused
        <= (effects["cancelled"] + effects["cancelled together"])
    )
    assert_consistent(backend.raw, namespace)


def in_threads(number: int, work: Callable[[int], int]) -> list[int]:
    """Do work(0) to work(number - 1) at once, each in a thread, and return what they returned."""
    start, answers, failures = threading.Barrier(number), [0] * number, []

    def run(which):
        start.wait()
        try:
            answers[which] = work(which)
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return answers


@pytest.mark.parametrize("reached_by", ["url", "client"])
def test_more_threads_than_connections_share_one_system(server, namespace, reached_by):
    shared = [f"shared{number}" for number in range(10)]

    def work(which):
        mine = [f"{which}-{number}" for number in range(5)]
        placed = 0
        for order_id in mine:
            assert system.place(order_id, f"user{which}", "BTC", which + 1, 1)
            assert live_order(system, order_id).amount == which + 1
        for order_id in shared:
            placed += system.place(order_id, "everyone", "BTC", 1, 1)
            assert live_order(system, order_id).order_id == order_id
        assert system.pause(mine[0])
        assert system.user(f"user{which}").display_all_live_orders() == [f"{mine[0]}(paused)", *mine[1:]]
        assert system.cancel(mine[1])
        return placed

    with server.client() as raw, server.client(max_connections=200) as client:
        reached = {"url": server.url} if reached_by == "url" else {"client": client}
        with CryptoOrderSystem(5, namespace=namespace, **reached) as system:
            assert sum(in_threads(80, work)) == len(shared)
            assert system.count() == 80 * 4 + len(shared)
            assert sum(system.cancel_all_by_user(f"user{which}") for which in range(80)) == 80 * 4
        assert_consistent(raw, namespace)


def test_threads_share_out_the_effects(backend, namespace):
    with CryptoOrderSystem(5, url=backend.url, namespace=namespace) as system:
        for call, arguments in (
            ("place", ("alice", "BTC", 1, 1)), ("pause", ()), ("resume", ()), ("cancel", ()),
        ):  # fmt: skip
            answers = in_threads(
                12, lambda _, call=call, arguments=arguments: sum(
                    getattr(system, call)(order_id, *arguments) for order_id in ORDER_IDS[:50]
                )
            )  # fmt: skip
            assert sum(answers) == 50, call


def test_a_child_after_a_fork_never_reads_its_parents_replies(own_server, namespace):
    """Both have sent a request, and wait, when the server goes on to answer them."""
    server = own_server()
    url = f"{server.url}?socket_timeout=2"
    with CryptoOrderSystem(2, url=url, namespace=namespace, deadline_seconds=0) as system:
        for name in ("parent", "child"):
            assert system.place(name, name, "BTC", 1, 1)
        for _ in range(6):
            server.stop_answering()
            child = os.fork()
            if child == 0:
                right = False
                try:
                    right = live_order(system, "child").user_id == "child"
                finally:
                    os._exit(0 if right else 1)
            going_on = threading.Timer(0.1, server.go_on)
            going_on.start()
            try:
                assert live_order(system, "parent").user_id == "parent"
            finally:
                going_on.join()
                _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0


def test_a_child_after_a_fork_goes_on_with_its_parents_system(backend, namespace):
    """Parent and child use it at the same time; each order is asked for by who placed it."""

    def work(name):
        for number in range(200):
            order_id = f"{name}{number}"
            assert system.place(order_id, name, "BTC", number + 1, 1)
            assert system.pause(order_id)
            order = live_order(system, order_id)
            assert (order.order_id, order.user_id, order.amount) == (order_id, name, number + 1)
        return system.cancel_all_by_user(name)

    with CryptoOrderSystem(3, url=backend.url, namespace=namespace) as system:
        # Connections and whatever else a system keeps between calls are in use before the fork.
        assert system.place("before", "parent", "BTC", 1, 1)
        answers_from_child, child_answers = os.pipe()
        child = os.fork()
        if child == 0:
            answer = "it failed"
            try:
                answer = work("child")
            finally:
                os.write(child_answers, json.dumps(answer).encode())
                os._exit(0)
        try:
            assert work("parent") == 201
        finally:
            os.waitpid(child, 0)
            os.close(child_answers)
            with os.fdopen(answers_from_child) as pipe:
                answer = json.load(pipe)
        assert answer == 200
        assert system.count() == 0
        assert_consistent(backend.raw, namespace)
