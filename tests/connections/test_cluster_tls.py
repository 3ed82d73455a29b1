"""Over TLS the name of each node that a cluster names is checked."""

import pytest
import redis
import redis.asyncio

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.blocking import LOOP, BlockingSystem
from tests.support.certificates import certificates
from tests.support.cluster import ClusterServers
from tests.support.needs import needs_option, needs_tls

pytestmark = needs_tls()

NEEDS_HOSTNAMES = needs_option("cluster-preferred-endpoint-type", "hostname")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An authority, and a certificate for the name localhost alone."""
    return certificates(tmp_path_factory.mktemp("tls"), "good", "DNS:localhost")


def options(files):
    authority, certificate, key = files
    return (
        "--tls-cluster", "yes", "--tls-replication", "yes", "--tls-auth-clients", "no",
        "--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority),
    )  # fmt: skip


@pytest.fixture(scope="module")
def by_address(files):
    """A cluster whose nodes are named by addresses, for which their certificate is not."""
    with ClusterServers(3, 0, *options(files)) as servers:
        yield servers


@pytest.fixture
def authority(files):
    return files[0]


def url_of(servers, host, authority):
    hosts = ",".join(f"{host}:{port}" for port in servers.tls_ports())
    return f"rediss+cluster://{hosts}?ssl_ca_certs={authority}"


def use(system):
    orders = [(f"o{number}", f"user{number}", "BTC", 1, 1) for number in range(100)]
    assert system.place_many(orders) == [True] * 100
    assert system.pause("o1") is True
    assert system.cancel("o2") is True
    assert system.count() == 99
    assert system.verify() == []


@NEEDS_HOSTNAMES
def test_nodes_that_are_named_by_hostnames_are_trusted(own_cluster, files, namespace, api):
    names = ("--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname")
    servers = own_cluster(3, 0, *options(files), *names)
    with api(8, url=url_of(servers, "localhost", files[0]), namespace=namespace) as system:
        use(system)
        for slot in range(0, 16384, 3000):
            servers.move_slot(slot, servers.addresses[0])
        assert system.count() == 99


def test_a_node_named_by_another_name_is_refused(by_address, authority, namespace, api):
    for host in ("localhost", "127.0.0.1"):  # the first node may be trusted, but not those that it names
        with pytest.raises(errors.StoreUnavailable, match=r"(?i)certificate"):
            api(8, url=url_of(by_address, host, authority), namespace=namespace, deadline_seconds=0)


def test_a_remap_of_addresses_gives_the_trusted_name(by_address, authority, namespace):
    name = "LOCALHOST"  # redis-py itself replaces "localhost" by an address
    settings = {
        "host": name, "port": by_address.tls_ports()[0], "ssl": True, "ssl_ca_certs": str(authority),
        "address_remap": lambda address: (name, address[1]),
    }  # fmt: skip
    with (
        redis.RedisCluster(**settings) as client,
        CryptoOrderSystem(8, client=client, namespace=namespace) as system,
    ):
        use(system)

    async def make():
        return redis.asyncio.RedisCluster(**settings)

    client = LOOP.run(make())
    try:
        with BlockingSystem(8, client=client, namespace=namespace + "-async") as system:
            use(system)
    finally:
        LOOP.run(client.aclose())


def test_plain_text_to_the_port_for_tls_is_an_error_not_a_wait(by_address, namespace, api):
    url = f"redis+cluster://localhost:{by_address.tls_ports()[0]}"
    with pytest.raises(errors.CryptoOrdersError):
        api(8, url=url, namespace=namespace)
