"""Steps reach the right nodes of a real cluster, whatever happens to its slots and its nodes."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import redis
import redis.asyncio

from cryptoorders_redis import errors
from tests.support.blocking import LOOP
from tests.support.cluster import ClusterServers
from tests.support.cluster_steps import async_transport, operation_of, read, set_once, slot_of, sync_transport
from tests.support.needs import needs_option
from tests.support.waiting import wait_until

STREAMS = range(12)
"""Enough for each of three masters to have some."""


@pytest.fixture(params=[sync_transport, async_transport], ids=["sync", "async"])
def transport(request):
    return request.param


def number_of(stream: int, namespace: str) -> int:
    return ClusterServers.slot_of(slot_of(stream, namespace))


def fill(cluster: ClusterServers, namespace: str) -> None:
    with cluster.client() as client:
        for stream in STREAMS:
            for key in ("a", "b", "c"):
                client.set(f"{slot_of(stream, namespace)}:{key}", f"{key}{stream}")


def get_all(namespace: str, *keys: str):
    """Return reads in all streams, of one key each or of several in one transaction."""
    return operation_of(
        [read(stream, *[("GET", f":{key}") for key in keys], namespace=namespace) for stream in STREAMS]
    )


def expected(*keys: str) -> list[list[list[bytes]]]:
    return [[[f"{key}{stream}".encode() for key in keys] for stream in STREAMS]]


def set_all(namespace: str):
    return operation_of([set_once(stream, namespace) for stream in STREAMS])


def test_each_step_reaches_the_master_of_its_slot(cluster, namespace, transport):
    fill(cluster, namespace)
    with transport(cluster.url) as run:
        assert run(get_all(namespace, "a")) == expected("a")
        assert run(get_all(namespace, "b", "a")) == expected("b", "a")
        assert run(set_all(namespace)) == [[b"y"] * 12]
        assert run(set_all(namespace)) == [[b"n"] * 12]


def test_one_node_of_the_url_is_enough(cluster, namespace, transport):
    fill(cluster, namespace)
    for address in cluster.addresses:
        with transport(f"redis+cluster://{address}") as run:
            assert run(get_all(namespace, "a")) == expected("a")


def test_a_certain_node_can_be_scanned(cluster, namespace, transport):
    fill(cluster, namespace)
    found: set[bytes] = set()
    with transport(cluster.url) as run:
        for address in cluster.addresses:
            step = read(0, namespace=namespace, node=address)._replace(
                commands=[("SCAN", "0", "MATCH", f"{{{namespace}:*", "COUNT", 100_000)]
            )
            (((_, keys),),) = run(operation_of([step]))[0]
            assert keys
            assert not found & set(keys)
            found |= set(keys)
    assert len(found) == 3 * len(STREAMS)


def test_a_slot_that_has_moved_is_found(own_cluster, namespace, transport):
    cluster = own_cluster()
    fill(cluster, namespace)
    slot = number_of(3, namespace)
    with transport(cluster.url) as run:
        assert run(get_all(namespace, "a", "b")) == expected("a", "b")
        for address in cluster.addresses:
            cluster.move_slot(slot, address)
            assert run(get_all(namespace, "a", "b")) == expected("a", "b")
            assert run(operation_of([set_once(3, namespace)])) == [
                [b"y" if address == cluster.addresses[0] else b"n"]
            ]


def test_a_slot_on_its_way_is_served_where_each_key_is(own_cluster, namespace, transport):
    cluster = own_cluster()
    fill(cluster, namespace)
    owner = cluster.owner_of(number_of(3, namespace))
    elsewhere = next(address for address in cluster.addresses if address != owner)
    finish = cluster.move_slot(number_of(3, namespace), elsewhere, half=True)
    with transport(cluster.url) as run:
        for key in ("a", "b", "c"):
            assert run(get_all(namespace, key)) == expected(key)
        assert run(operation_of([read(3, ("GET", ":none"), namespace=namespace)])) == [[[None]]]
        finish()
        assert run(get_all(namespace, "a", "b", "c")) == expected("a", "b", "c")


def test_a_transaction_waits_for_a_slot_on_its_way(own_cluster, namespace, transport):
    cluster = own_cluster()
    fill(cluster, namespace)
    owner = cluster.owner_of(number_of(3, namespace))
    elsewhere = next(address for address in cluster.addresses if address != owner)
    finish = cluster.move_slot(number_of(3, namespace), elsewhere, half=True)
    with transport(cluster.url, deadline_seconds=0.2) as run:
        with pytest.raises(errors.StoreUnavailable, match=r"AskError|TryAgainError"):
            run(get_all(namespace, "a", "b", "c"))
        assert run(get_all(namespace, "a")) == expected("a")
    with transport(cluster.url, deadline_seconds=60) as run:
        moving = threading.Timer(0.3, finish)
        moving.start()
        assert run(get_all(namespace, "a", "b", "c")) == expected("a", "b", "c")
        moving.join()


def test_slots_move_all_the_time_and_no_answer_is_wrong(own_cluster, namespace, transport):
    cluster = own_cluster()
    fill(cluster, namespace)
    done, failures = threading.Event(), []

    def call_all_the_time(run):
        try:
            while not done.is_set():
                for keys in ("a", "abc"):
                    assert run(get_all(namespace, *keys)) == expected(*keys)
                assert set(run(set_all(namespace))[0]) <= {b"y", b"n"}
        except BaseException as error:
            failures.append(error)
            raise

    with transport(cluster.url, deadline_seconds=60) as run:
        threads = [threading.Thread(target=call_all_the_time, args=(run,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number, stream in enumerate((*STREAMS, *STREAMS)):
            cluster.move_slot(number_of(stream, namespace), cluster.addresses[number % 3])
        done.set()
        for thread in threads:
            thread.join()
        assert not failures
        assert run(set_all(namespace)) == [[b"n"] * 12]


def test_a_killed_masters_slots_are_served_by_its_replica(own_cluster, namespace, transport):
    cluster = own_cluster(3, 1)
    fill(cluster, namespace)
    with transport(cluster.url, deadline_seconds=60) as run:
        assert run(get_all(namespace, "a", "b")) == expected("a", "b")
        assert run(set_all(namespace)) == [[b"y"] * 12]
        victim = cluster.owner_of(number_of(0, namespace))
        with cluster.node_client(victim) as client:
            assert client.wait(1, 5000) == 1
        cluster.kill(victim)
        assert run(get_all(namespace, "a", "b")) == expected("a", "b")
        assert run(set_all(namespace)) == [[b"n"] * 12]


def test_a_dead_master_holds_up_only_its_own_slots(own_cluster, namespace, transport):
    cluster = own_cluster(3, 0, "--cluster-require-full-coverage", "no")
    fill(cluster, namespace)
    victim = cluster.owner_of(number_of(0, namespace))
    others = [stream for stream in STREAMS if cluster.owner_of(number_of(stream, namespace)) != victim]
    with transport(cluster.url, deadline_seconds=0.3) as run:
        assert run(set_all(namespace)) == [[b"y"] * 12]
        cluster.kill(victim)
        with pytest.raises(errors.StoreUnavailable):
            run(set_all(namespace))
        for stream in others:
            assert run(operation_of([set_once(stream, namespace)])) == [[b"n"]]


def test_no_node_reachable_is_an_error_at_once(transport):
    url = "redis+cluster://127.0.0.1:1,127.0.0.1:2"
    with transport(url, deadline_seconds=600) as run, pytest.raises(errors.StoreUnavailable):
        run(get_all("ns", "a"))


def test_the_first_node_may_be_down_at_the_start(cluster, namespace, transport):
    fill(cluster, namespace)
    for _ in range(5):
        with transport(f"redis+cluster://127.0.0.1:1,{cluster.addresses[1]}") as run:
            assert run(get_all(namespace, "a")) == expected("a")


def test_a_server_that_is_no_cluster_is_named(tcp_server, transport):
    mismatch = pytest.raises(errors.ConfigurationMismatch, match="not a node of a Redis Cluster")
    with transport(f"redis+cluster://127.0.0.1:{tcp_server[1]}") as run, mismatch:
        run(get_all("ns", "a"))


def test_after_close_nothing_is_sent(cluster, namespace, transport):
    with transport(cluster.url) as run:
        run(get_all(namespace, "a"))
    with pytest.raises(errors.StoreClosed):
        run(get_all(namespace, "a"))
    with pytest.raises(errors.StoreClosed):
        run(get_all(namespace, "a", "b"))


def test_threads_never_wait_for_each_others_connections(cluster, namespace):
    """Half of them name the nodes in the other order. Each node has one connection for all."""
    fill(cluster, namespace)
    steps = [read(stream, ("GET", ":a"), namespace=namespace) for stream in STREAMS]
    with sync_transport(f"{cluster.url}?max_connections=1", deadline_seconds=5) as run:

        def call(number: int) -> bool:
            for _ in range(50):
                (replies,) = run(operation_of(steps if number % 2 else steps[::-1]))
                assert [replies if number % 2 else replies[::-1]] == expected("a")
            return True

        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(call, range(6)))


def test_a_forked_child_has_connections_of_its_own(cluster, namespace):
    fill(cluster, namespace)
    with sync_transport(cluster.url) as run:
        assert run(set_all(namespace)) == [[b"y"] * 12]
        child = os.fork()
        if child == 0:
            try:
                for _ in range(30):
                    assert run(get_all(namespace, "a")) == expected("a")
                    assert run(set_all(namespace)) == [[b"n"] * 12]
                os._exit(0)
            finally:
                os._exit(1)
        for _ in range(30):
            assert run(get_all(namespace, "a", "b")) == expected("a", "b")
            assert run(set_all(namespace)) == [[b"n"] * 12]
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_sync_client_of_redis_py_says_where_and_stays_as_it_is(cluster, namespace):
    fill(cluster, namespace)
    with cluster.client() as client, ExitStack() as stack:
        run = stack.enter_context(sync_transport(client=client))
        assert run(get_all(namespace, "a", "b")) == expected("a", "b")
        stack.close()
        assert client.get(f"{slot_of(0, namespace)}:a") == b"a0"


@pytest.mark.parametrize("is_first_used", [False, True])
def test_an_async_client_of_redis_py_says_where(cluster, namespace, is_first_used):
    fill(cluster, namespace)
    host, port = cluster.addresses[0].split(":")

    async def make():
        client = redis.asyncio.RedisCluster(host=host, port=int(port))
        if is_first_used:
            await client.initialize()
        return client

    client = LOOP.run(make())
    try:
        with async_transport(client=client) as run:
            assert run(get_all(namespace, "a", "b")) == expected("a", "b")
    finally:
        LOOP.run(client.aclose())


def test_a_clients_remap_is_used_for_all_addresses(cluster, namespace):
    fill(cluster, namespace)
    asked: list[tuple[str, int]] = []

    def remap(address: tuple[str, int]) -> tuple[str, int]:
        asked.append(address)
        return "localhost", address[1]

    host, port = cluster.addresses[0].split(":")
    with redis.RedisCluster(host=host, port=int(port), address_remap=remap) as client:
        asked.clear()
        with sync_transport(client=client) as run:
            assert run(get_all(namespace, "a")) == expected("a")
    assert set(asked) >= {("127.0.0.1", int(a.split(":")[1])) for a in cluster.addresses}


def test_idle_connections_that_a_node_closed_are_made_again(cluster, namespace, transport):
    fill(cluster, namespace)
    with transport(cluster.url, deadline_seconds=0) as run:
        assert run(get_all(namespace, "a")) == expected("a")
        for address in cluster.addresses:
            with cluster.node_client(address) as client:
                client.client_kill_filter(_type="normal", skipme=True)
                wait_until(lambda: len(client.client_list(_type="normal")) == 1)
        assert run(get_all(namespace, "a")) == expected("a")


def test_a_frozen_node_does_not_hold_up_calls_to_the_others(own_cluster, namespace, transport):
    """Also not by being asked for the map, which it has made outdated by its silence."""
    cluster = own_cluster(3, 0, "--cluster-require-full-coverage", "no", node_timeout_ms=60_000)
    fill(cluster, namespace)
    victim = cluster.owner_of(number_of(0, namespace))
    others = [stream for stream in STREAMS if cluster.owner_of(number_of(stream, namespace)) != victim]
    with transport(f"{cluster.url}?socket_timeout=1", deadline_seconds=0) as run:
        assert run(set_all(namespace)) == [[b"y"] * 12]
        cluster.freeze(victim)
        for _ in range(3):
            with pytest.raises((errors.OutcomeUnknown, errors.StoreUnavailable)):
                run(operation_of([set_once(0, namespace)]))
            for stream in others:  # with this deadline nothing is sent again
                assert run(operation_of([set_once(stream, namespace)])) == [[b"n"]]


def test_a_standalone_url_of_a_cluster_node_is_refused(cluster, api):
    for address in cluster.addresses:
        with pytest.raises(errors.ConfigurationMismatch, match=r"redis\+cluster://") as caught:
            api(2, url=f"redis://:@{address}", namespace="plain")
        assert "@" not in str(caught.value)


def test_a_change_waits_for_a_replica_of_its_slot(own_cluster, namespace, transport):
    cluster = own_cluster(3, 1)
    (replica,) = cluster.replicas_of(cluster.owner_of(number_of(0, namespace)))
    change = [set_once(0, namespace)]
    with transport(cluster.url, wait_replicas=1, deadline_seconds=60) as run:
        assert run(set_all(namespace)) == [[b"y"] * 12]
        cluster.freeze(replica)
        has_begun_to_thaw = threading.Event()

        def thaw():
            has_begun_to_thaw.set()
            cluster.thaw(replica)

        thawing = threading.Timer(1.5, thaw)
        thawing.start()
        assert run(operation_of(change)) == [[b"n"]]
        assert has_begun_to_thaw.is_set(), "no replica had it"
        thawing.join()
    with transport(cluster.url, wait_replicas=1, deadline_seconds=0) as run:
        assert run(operation_of(change)) == [[b"n"]]
        cluster.freeze(replica)
        with pytest.raises(errors.OutcomeUnknown):
            run(operation_of(change))


@needs_option("cluster-preferred-endpoint-type", "unknown-endpoint")
def test_nodes_without_a_name_are_where_they_were_reached(own_cluster, namespace, transport):
    cluster = own_cluster(3, 0, "--cluster-preferred-endpoint-type", "unknown-endpoint")
    for stream in STREAMS:
        slot = slot_of(stream, namespace)
        with cluster.node_client(cluster.owner_of(ClusterServers.slot_of(slot))) as client:
            client.set(f"{slot}:a", f"a{stream}")
    with transport(f"redis+cluster://{cluster.addresses[0]}") as run:
        assert run(get_all(namespace, "a")) == expected("a")
        for address in cluster.addresses:
            cluster.move_slot(number_of(3, namespace), address)
            assert run(get_all(namespace, "a")) == expected("a")


def test_an_interrupted_call_never_hands_its_replies_to_the_next(own_cluster, namespace):
    """Some nodes have answered by then, one will later; each has one connection."""
    cluster = own_cluster()
    fill(cluster, namespace)

    def interrupt(*_):
        raise KeyboardInterrupt

    with sync_transport(f"{cluster.url}?max_connections=1") as run:
        assert run(get_all(namespace, "a")) == expected("a")
        handler = signal.signal(signal.SIGALRM, interrupt)
        try:
            for address in cluster.addresses:
                cluster.freeze(address)
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                with pytest.raises(KeyboardInterrupt):
                    run(get_all(namespace, "a"))
                thawing = threading.Timer(0.2, cluster.thaw, [address])
                thawing.start()
                assert run(get_all(namespace, "b")) == expected("b")
                thawing.join()
        finally:
            signal.signal(signal.SIGALRM, handler)
