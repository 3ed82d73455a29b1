"""`cryptoorders copy`: from one server to a cluster, back, and what it refuses."""

import contextlib
import json
import signal

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from cryptoorders_redis.operations import copying
from cryptoorders_redis.schema.scripts import script
from tests.support.consistency import assert_consistent, contents, keys_of
from tests.support.copies import as_on_one_server, fill, orders_in, read_keys
from tests.support.program import Program
from tests.support.proxy import Fault
from tests.support.waiting import wait_until


def copy(program, url, *more):
    """Copy, and return what it says."""
    done = program.run("copy", "--to", url, "--json", *more)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def other(own_server):
    """Another server, to copy to."""
    return own_server()


def test_a_change_feed_is_not_copied(server, other, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        system.configure(feed=100)
        assert system.place("o", "alice", "BTC", 1, 1)
    copy(Program(server.url, namespace), other.url)
    with CryptoOrderSystem(url=other.url, namespace=namespace) as copied, other.client() as raw:
        with pytest.raises(errors.ConfigurationMismatch, match="no change feed"):
            copied.position()
        assert copied.pause("o")
        assert_consistent(raw, namespace)


@pytest.mark.parametrize("num_streams", [1, 40])
def test_a_round_trip_by_a_cluster_keeps_every_byte(
    server, cluster, cluster_raw, other, raw, namespace, num_streams
):
    with CryptoOrderSystem(num_streams, url=server.url, namespace=namespace) as system:
        fill(system, raw, namespace)
        listed, number = system.display_all_live_orders(), system.count()
        paused = system.count(status="PAUSED")
    untouched, keys = read_keys(raw, namespace), keys_of(raw, namespace)
    said = copy(Program(server.url, namespace), cluster.url)
    assert (said["live"], said["paused"], said["streams"]) == (number, paused, num_streams)
    back = copy(Program(cluster.url, namespace), other.url, "--to-namespace", "back")
    assert (back["live"], back["paused"], back["namespace"]) == (number, paused, "back")
    assert (read_keys(raw, namespace), keys_of(raw, namespace)) == (untouched, keys)
    with other.client() as there:
        source, copied = read_keys(raw, namespace), read_keys(cluster_raw, namespace)
        assert orders_in(as_on_one_server(copied)) == orders_in(source)
        assert orders_in(read_keys(there, "back")) == orders_in(source)
        assert_consistent(there, "back")
        assert_consistent(cluster_raw, namespace)
        for config in (copied["}:config"], read_keys(there, "back")["}:config"]):
            assert config.keys() == source["}:config"].keys()
            assert config[b"num_streams"] == source["}:config"][b"num_streams"]
        told = [copied[f":{stream}}}:config"][b"epoch"] for stream in range(num_streams)]
        assert set(told) == {copied["}:config"][b"epoch"]}
    for url, name in ((cluster.url, namespace), (other.url, "back")):
        with CryptoOrderSystem(url=url, namespace=name) as system:
            assert system.display_all_live_orders() == listed
            assert system.verify() == []


def test_a_copied_order_on_a_cluster_is_like_any_other(server, cluster, cluster_raw, namespace):
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        system.place_many([(f"o{n}", f"user{n % 3}", "BTC", 5, 2) for n in range(9)])
        system.pause("o1")
        before = {order.order_id: order for order in system.live_orders()}
    copy(Program(server.url, namespace), cluster.url)
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system:
        assert {order.order_id: order for order in system.live_orders()} == before
        assert not system.place("o1", "user9", "BTC", 1, 1)
        assert system.resume("o1")
        assert system.amend("o2", amount=7)
        assert system.reduce("o3", 5) == 0
        assert system.cancel("o4")
        assert system.place("o4", "user2", "BTC", 1, 1)
        assert system.cancel_all_by_user("user0") == 2
        assert system.display_all_live_orders() == ["o1", "o2", "o5", "o7", "o8", "o4"]
        assert system.verify() == []


def test_what_is_placed_later_comes_behind_the_copies(server, cluster, cluster_raw, other, raw, namespace):
    """Also where the clock of the source was ahead."""
    ahead = 4_102_444_800_000_000
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        raw.set(f"{{{namespace}}}:sequence", ahead)
        system.place_many([(f"o{n}", f"user{n}", "BTC", 5, 2) for n in range(9)])
    copy(Program(server.url, namespace), cluster.url)
    copy(Program(cluster.url, namespace), other.url)
    for url in (cluster.url, other.url):
        with CryptoOrderSystem(url=url, namespace=namespace) as system:
            assert system.place("new", "user3", "BTC", 1, 1)
            assert system.display_all_live_orders()[-1] == "new"
            assert system.verify() == []


def test_a_cluster_is_copied_within_itself_to_another_name(cluster, cluster_raw, namespace):
    with CryptoOrderSystem(5, url=cluster.url, namespace=namespace) as system:
        system.place_many([(f"o{n}", f"user{n}", "BTC", 5, 2) for n in range(100)])
        system.pause_many([f"o{n}" for n in range(0, 100, 9)])
    copy(Program(cluster.url, namespace), cluster.url, "--to-namespace", namespace + "-2")
    source, copied = (read_keys(cluster_raw, name) for name in (namespace, namespace + "-2"))
    assert orders_in(as_on_one_server(copied)) == orders_in(as_on_one_server(source))
    numbers = [key for key in source if key.endswith("}:sequence")]
    assert {key: copied[key] for key in numbers} == {key: source[key] for key in numbers}


def test_an_empty_namespace_is_copied_too(server, other, system, namespace, run):
    result = run("copy", "--to", other.url)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"copied 0 live orders, 0 of them paused, to namespace {namespace} of ")
    with CryptoOrderSystem(url=other.url, namespace=namespace, create=False) as copied:
        assert copied.place("o", "alice", "BTC", 1, 1)


def test_a_terminal_shows_the_progress(program, other, system):
    system.place_many([(f"o{n}", "alice", "BTC", 1, 1) for n in range(100)])
    code, shown = program.on_a_terminal("copy", "--to", other.url)
    assert code == 0
    assert "100%" in shown
    assert "copied 100 live orders" in shown


def test_a_copy_to_itself_is_refused(run, server, system, raw, namespace):
    system.place("o", "alice", "BTC", 1, 1)
    before = contents(raw, namespace)
    result = run("copy", "--to", server.url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the target has a namespace" in result.stderr
    assert contents(raw, namespace) == before


def make_namespace(raw, namespace):
    raw.hset(f"{{{namespace}}}:config", mapping={"schema_version": 1, "epoch": 7, "num_streams": 1})


def begin_to_drop(raw, namespace):
    make_namespace(raw, namespace)
    raw.hset(f"{{{namespace}}}:config", "dropping", "x")


def leave_a_key(raw, namespace):
    raw.hset(f"{{{namespace}:directory:0}}", "o", "0")


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (make_namespace, "the target has a namespace"),
        (begin_to_drop, "is being dropped in the target"),
        (leave_a_key, "the target has a key"),
    ],
)
def test_a_target_that_is_not_empty_is_refused(run, system, other, namespace, prepare, says):
    system.place("o", "alice", "BTC", 1, 1)
    with other.client() as there:
        prepare(there, namespace)
        before = contents(there, namespace)
        result = run("copy", "--to", other.url)
        assert (result.exit_code, result.stdout) == (2, "")
        assert says in result.stderr
        assert contents(there, namespace) == before


def test_a_target_of_the_other_kind_is_refused(run, system, server, cluster, cluster_raw, namespace):
    for url in (
        f"redis://{cluster.addresses[0]}",
        server.url.replace("unix://", "redis+cluster://localhost:1"),
    ):
        result = run("copy", "--to", url)
        assert (result.exit_code, result.stdout) == (2, "")
    assert keys_of(cluster_raw, namespace) == []


def test_a_writer_during_the_copy_ends_it_with_1(run, system, other, namespace, monkeypatch):
    system.place_many([(f"o{n}", "alice", "BTC", 1, 1) for n in range(10)])
    compare = copying.compare_orders

    def compare_after_a_change(*args):
        system.pause("o3")
        return compare(*args)

    monkeypatch.setattr(copying, "compare_orders", compare_after_a_change)
    result = run("copy", "--to", other.url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "during the copy; nobody can use the half-made copy" in result.stderr
    with pytest.raises(errors.NoSuchNamespace, match="a copy or import into namespace"):
        CryptoOrderSystem(url=other.url, namespace=namespace).count()
    monkeypatch.undo()
    assert run("copy", "--to", other.url).exit_code == 0


def test_a_full_target_ends_it_with_2_and_it_can_be_copied_again(run, system, own_server, namespace):
    system.place_many([(f"o{n}", f"user{n}", "BTC", 1, 1) for n in range(20_000)])
    small = own_server("--maxmemory", "5mb")
    result = run("copy", "--to", small.url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "memory" in result.stderr
    assert "half-made" in result.stderr
    with small.client() as there:
        assert there.hget(f"{{{namespace}}}:config", "copying")
        there.config_set("maxmemory", 0)
        assert run("copy", "--to", small.url).exit_code == 0
        assert_consistent(there, namespace)
        assert there.hlen(f"{{{namespace}:directory:0}}") == 20_000


def test_a_killed_copy_can_be_dropped_or_made_again(program, system, other, namespace):
    system.place_many([(f"o{n}", f"user{n}", "BTC", 1, 1) for n in range(20_000)])
    there = Program(other.url, namespace)
    with other.client() as raw:
        process = program.start("copy", "--to", other.url)
        wait_until(lambda: raw.exists(f"{{{namespace}:0}}:orders"))
        other.stop_answering()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        other.go_on()
        refused = there.run("count")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "has not ended" in refused.stderr
        dropped = there.run("drop", "--yes")
        assert dropped.returncode == 0
        assert keys_of(raw, namespace) == []
        copy(program, other.url)
        assert_consistent(raw, namespace)
        assert there.run("count").stdout == "20000\n"


@pytest.mark.parametrize("name", ["create", "copy_orders", "finish_copy"])
def test_a_lost_reply_makes_no_difference(program, system, proxy_before, other, namespace, name):
    system.place_many([(f"o{n}", f"user{n}", "BTC", 1, 1) for n in range(2500)])
    proxy = proxy_before(other)
    proxy.next_call(Fault.LOSE_REPLY, having=script(name).sha.decode())
    copy(program, proxy.url)
    with other.client() as raw:
        assert_consistent(raw, namespace)
        assert raw.hlen(f"{{{namespace}:directory:0}}") == 2500


def test_an_interrupted_copy_says_what_to_do(run, system, other, monkeypatch):
    system.place("o", "alice", "BTC", 1, 1)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(copying, "compare_orders", interrupt)
    result = run("copy", "--to", other.url)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.startswith("interrupted; nobody can use the half-made copy")


def break_record(raw, namespace):
    raw.hset(f"{{{namespace}:0}}:orders", "o", "{")


def lose_number(raw, namespace):
    raw.zrem(f"{{{namespace}:0}}:placed", "o")


def lose_record(raw, namespace):
    raw.hdel(f"{{{namespace}:0}}:orders", "o")
    raw.hset(f"{{{namespace}:0}}:orders", "other", "{}")


@pytest.mark.parametrize("damage", [break_record, lose_number, lose_record])
def test_a_source_that_is_damaged_is_refused(run, system, raw, other, namespace, damage):
    system.place("o", "alice", "BTC", 1, 1)
    damage(raw, namespace)
    result = run("copy", "--to", other.url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "verify() says what is wrong" in result.stderr
    with contextlib.suppress(errors.NoSuchNamespace):
        assert CryptoOrderSystem(url=other.url, namespace=namespace, create=False).count() == "refused"
