"""A client that was handed in serves, and stays as it was for its owner."""

import asyncio

import fakeredis
import pytest
import redis
import redis.asyncio
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem, errors
from tests.support.consistency import assert_consistent
from tests.support.proxy import Fault


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
def test_a_client_that_was_handed_in_stays_as_it_was_and_open(tcp_server, namespace, protocol, decode):
    """By TCP: redis-py 7.0 to 8.0.0 itself cannot speak RESP3 over a Unix socket."""
    _, port = tcp_server
    options = {"protocol": protocol, "decode_responses": decode, "retry": Retry(ConstantBackoff(1), 7)}
    with redis.Redis(port=port, **options) as client:
        client.set(namespace, "é")
        pool, settings = client.connection_pool, dict(client.connection_pool.connection_kwargs)
        retry = client.get_retry()
        assert retry is not None
        with CryptoOrderSystem(2, client=client, namespace=namespace) as system:
            assert system.place("o", "é", "BTC", 1, 1)
            assert system.display_all_live_orders() == ["o"]
            assert client.get(namespace) == ("é" if decode else "é".encode())
        with pytest.raises(errors.StoreClosed):
            system.count()
        assert client.connection_pool is pool
        assert pool.connection_kwargs == settings
        assert client.get_retry() is retry
        assert retry.get_retries() == 7
        assert client.get(namespace) == ("é" if decode else "é".encode())
        assert client.delete(namespace) == 1


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_of_either_protocol_over_a_unix_socket_serves(server, namespace, protocol):
    """Also where redis-py itself cannot connect: 7.0 to 8.0.0 with RESP3."""
    path = str(server.socket)
    with (
        redis.Redis(unix_socket_path=path, protocol=protocol) as client,
        CryptoOrderSystem(2, client=client, namespace=namespace) as system,
    ):
        assert system.place("o", "alice", "BTC", 1, 1)

    async def asynchronously():
        async with (
            redis.asyncio.Redis(unix_socket_path=path, protocol=protocol) as client,
            AsyncCryptoOrderSystem(2, client=client, namespace=namespace) as system,
        ):
            return await system.cancel("o")

    assert asyncio.run(asynchronously()) is True


def test_a_fakeredis_client_can_be_handed_in(namespace):
    with fakeredis.FakeRedis() as client, CryptoOrderSystem(2, client=client, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        assert client.hlen(f"{{{namespace}:directory:0}}") == 1


def test_retries_of_a_handed_in_client_do_not_repeat_a_change(proxy, server, namespace):
    """Its own retries would run a cancel twice, and answer False for one that took effect."""
    retry = Retry(ConstantBackoff(0), 5)
    with (
        redis.Redis(unix_socket_path=str(proxy.socket), protocol=2, retry=retry) as client,
        CryptoOrderSystem(2, client=client, namespace=namespace) as system,
    ):
        for number in range(5):
            system.place(f"o{number}", "alice", "BTC", 1, 1)
        for number in range(5):
            proxy.next_call(Fault.LOSE_REPLY)
            assert system.cancel(f"o{number}") is True
        assert system.count() == 0
    with server.client() as raw:
        assert_consistent(raw, namespace)
