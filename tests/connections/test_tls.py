"""Over TLS: certificates are checked."""

import asyncio

import pytest
import redis

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem, errors
from tests.support.certificates import certificates
from tests.support.needs import needs_tls
from tests.support.servers import free_port

NEEDS_TLS = needs_tls()


@pytest.fixture
def tls(own_server, tmp_path):
    """A server that speaks TLS alone: (port, the authority of its certificate)."""
    authority, certificate, key = certificates(tmp_path, "good")
    port = free_port()
    own_server(
        "--tls-port", str(port), "--bind", "127.0.0.1", "--tls-auth-clients", "no",
        "--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority),
    )  # fmt: skip
    return port, authority


@NEEDS_TLS
def test_a_rediss_url_reaches_a_server_by_tls(tls, namespace):
    port, authority = tls
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={authority}"
    with CryptoOrderSystem(2, url=url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        assert system.display_all_live_orders() == ["o"]


@NEEDS_TLS
def test_the_async_api_shares_a_connection_by_tls(run, tls, namespace):
    port, authority = tls

    async def main():
        url = f"rediss://localhost:{port}/0?ssl_ca_certs={authority}&client_name={namespace}"
        async with AsyncCryptoOrderSystem(2, url=url, namespace=namespace) as system:
            orders = [(f"o{number}", "alice", "BTC", 1, 1) for number in range(3000)]
            assert await system.place_many(orders) == [True] * 3000
            for _ in range(3):
                paused = await asyncio.gather(*(system.pause(order[0]) for order in orders[:200]))
                assert paused == [True] * 200
                assert len(await system.display_all_live_orders()) == 3000
                with redis.Redis(port=port, ssl=True, ssl_ca_certs=str(authority), protocol=2) as raw:
                    ours = [client["id"] for client in raw.client_list() if client["name"] == namespace]
                    assert len(ours) == 2
                    for client in ours:
                        raw.client_kill_filter(client)
                assert await system.resume_many([order[0] for order in orders[:200]]) == [True] * 200

    run(main())


@NEEDS_TLS
def test_a_certificate_of_another_authority_is_refused(tls, tmp_path):
    port, _ = tls
    other_authority, _, _ = certificates(tmp_path, "other")
    for url in (f"rediss://localhost:{port}?ssl_ca_certs={other_authority}", f"rediss://localhost:{port}"):
        with pytest.raises(errors.StoreUnavailable, match=r"(?i)certificate"):
            CryptoOrderSystem(url=url)


@NEEDS_TLS
def test_a_server_with_a_certificate_for_another_name_is_refused(own_server, tmp_path):
    port = free_port()
    authority, certificate, key = certificates(tmp_path, "good")
    own_server(
        "--tls-port", str(port), "--bind", "127.0.0.2", "--tls-auth-clients", "no",
        "--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority),
    )  # fmt: skip
    with pytest.raises(errors.StoreUnavailable, match=r"(?i)certificate"):
        CryptoOrderSystem(url=f"rediss://127.0.0.2:{port}?ssl_ca_certs={authority}")


@NEEDS_TLS
def test_plain_text_to_a_tls_port_is_an_error_not_a_wait(tls, namespace):
    port, _ = tls
    with pytest.raises(errors.CryptoOrdersError):
        CryptoOrderSystem(url=f"redis://127.0.0.1:{port}", namespace=namespace)
