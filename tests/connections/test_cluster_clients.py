"""Processes, threads and tasks share a cluster's connections, and end them."""

import asyncio
import threading

import pytest

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem, errors
from tests.support.processes import PythonProcess
from tests.support.waiting import wait_until

THREADS, TASKS = 1000, 2000


def num_connections(cluster, name):
    """Return how many connections with a name all nodes have."""
    count = 0
    for address in cluster.addresses:
        with cluster.node_client(address) as client:
            count += sum(each["name"] == name for each in client.client_list())
    return count


def test_parent_and_children_go_on_after_a_fork(cluster, namespace):
    with CryptoOrderSystem(8, url=cluster.url, namespace=namespace) as system:
        process = PythonProcess("tests.support.forking", cluster.url, namespace, strict=False)
        assert process.end() == 0
        assert system.display_all_live_orders() == ["before"]
        assert system.verify() == []


def test_thousands_of_tasks_share_a_few_connections(cluster, namespace):
    name = f"many-{namespace}"

    async def call(system, number):
        order_id = f"o{number}"
        assert await system.place(order_id, f"user{number % 50}", "BTC", 1, 1) is True
        assert await system.pause(order_id) is True
        return await system.cancel(order_id) if number % 2 else True

    async def main():
        url = f"{cluster.url}?client_name={name}"
        async with AsyncCryptoOrderSystem(16, url=url, namespace=namespace, deadline_seconds=120) as system:
            assert all(await asyncio.gather(*(call(system, number) for number in range(TASKS))))
            assert num_connections(cluster, name) <= 2 * len(cluster.addresses)
            assert await system.count() == TASKS / 2
            assert await system.verify() == []

    asyncio.run(main())
    wait_until(lambda: num_connections(cluster, name) == 0)


def test_a_thousand_threads_share_a_few_connections(cluster, namespace):
    name, wrong = f"many-{namespace}", []
    url = f"{cluster.url}?client_name={name}&max_connections=5"
    with CryptoOrderSystem(16, url=url, namespace=namespace, deadline_seconds=120) as system:

        def call(number):
            order_id = f"o{number}"
            answers = system.place(order_id, f"user{number % 50}", "BTC", 1, 1), system.pause(order_id)
            if answers != (True, True):
                wrong.append(answers)

        threads = [threading.Thread(target=call, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert num_connections(cluster, name) <= 5 * len(cluster.addresses)
        assert system.count(status="PAUSED") == THREADS
    wait_until(lambda: num_connections(cluster, name) == 0)


def test_closing_ends_the_connections_to_all_nodes(cluster, namespace, api):
    name = f"closing-{namespace}"
    system = api(16, url=f"{cluster.url}?client_name={name}", namespace=namespace)
    assert system.place_many([(f"o{number}", f"user{number}", "BTC", 1, 1) for number in range(100)])
    assert num_connections(cluster, name) >= len(cluster.addresses)
    system.close()
    wait_until(lambda: num_connections(cluster, name) == 0)
    for call in (system.display_all_live_orders, lambda: system.cancel("o1"), system.verify):
        with pytest.raises(errors.StoreClosed):
            call()
    system.close()
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as other:
        assert other.count() == 100
        assert other.verify() == []
