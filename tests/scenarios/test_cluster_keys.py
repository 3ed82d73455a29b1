"""Scripts touch only keys that they may on a cluster, where a slot can be on its way to another node."""

import pytest

from cryptoorders_redis import CryptoOrderSystem, Event, Worker, errors
from cryptoorders_redis.schema.entries import new_entry
from cryptoorders_redis.schema.keys import ClusterKeys
from cryptoorders_redis.schema.placement import shard_of_order, stream_of_user
from tests.support.cluster_load import ClusterLoad
from tests.support.traced_scripts import Run, Traced, breaches_in, change_scripts, runs_in, with_trace

NUM_STREAMS = 2


def make_all_calls(cluster, namespace):
    """Run every script of lua/cluster/, most of them many times, with every answer checked."""
    keys = ClusterKeys(namespace)
    with ClusterLoad(cluster.url, namespace, num_streams=NUM_STREAMS, num_callers=2) as load:
        load.wait_for(200)
    assert load.errors == []
    assert load.deviations == []
    with CryptoOrderSystem(url=cluster.url, namespace=namespace) as system, cluster.client() as client:
        load.assert_listed(system)
        assert [order.order_id for order in system.live_orders(limit=3)]
        shard = keys.directory(shard_of_order("dead", keys.directory_shards))
        client.hset(shard, "dead", new_entry(1).encode())
        assert len(system.repair()) == 1
        damage_an_order(system, client, keys)
        epoch = int(client.hget(keys.config, "epoch"))
        client.hset(keys.config, "epoch", epoch + 1)
        with CryptoOrderSystem(url=cluster.url, namespace=namespace) as other:
            assert other.place("later", "thread0-user0", "BTC", 1, 1)
        client.hset(keys.config, "epoch", epoch)
        assert [each.subject for each in system.repair()] == ["config"]
        system.place_many([(f"more{number}", f"user{number % 3}", "BTC", 1, 1) for number in range(50)])
        apply_events(system)
        system.drop()


def damage_an_order(system, client, keys):
    """Let all that a stream's keys can say of an order be wrong, and repair it."""
    for user_id in ("solo", "other"):
        stream = stream_of_user(user_id, NUM_STREAMS)
        assert system.place("damaged", user_id, "BTC", 1, 1)
        client.zrem(keys.placed(stream), "damaged")
        client.srem(keys.user(stream, user_id), "damaged")
        client.set(keys.sequence_of(stream), 1)
        client.sadd(keys.paused(stream), "ghost")
        client.sadd(keys.user(stream, "nobody"), "ghost", "damaged")
        assert system.repair()
        client.hset(keys.orders(stream), "damaged", "{")
        assert system.repair()
        assert system.verify() == []


def apply_events(system):
    """Apply events of every op, which empty keys and fill them again."""
    system.intake.configure(remember=0.001)
    for number in range(4):
        events = [
            Event("place", "solo", number, "solo1", "BTC", 2, 1),
            Event("pause", "solo", number, "solo1"),
            Event("resume", "solo", number, "solo1"),
            Event("amend", "solo", number, "solo1", price=3),
            Event("reduce", "solo", number, "solo1", by=9),
            Event("reduce", "solo", number, "solo1", by=2),
            Event("place", "solo", number, "solo1", "BTC", 2, 1),
            Event("pause", "solo", number, "solo1"),
            Event("cancel", "solo", number, "solo1"),
            Event("place", "solo", number, "solo2", "BTC", 2, 1),
            Event("cancel_all_by_user", "solo", number),
        ]
        system.submit_many(events)
        system.intake.flush()
        Worker(system).run_until_empty()
        assert [system.outcome(each.event_id, "solo").answer for each in events[5:]] == [
            0, True, True, True, True, 1
        ]  # fmt: skip
        letters = [letter.event_id for letter in system.intake.dead_letters()]
        assert system.intake.resubmit(letters) == [True] * len(letters)
    system.intake.flush()


def trace_of_all_calls(cluster, namespace):
    keys = ClusterKeys(namespace)
    make_all_calls(cluster, namespace)
    slots = [keys.slot, *(keys.slot_of(stream) for stream in range(NUM_STREAMS))]
    slots += [keys.slot_of_shard(shard) for shard in range(keys.directory_shards)]
    with cluster.client() as client:
        return list(runs_in(client, slots))


def test_each_script_keeps_to_the_rule_for_keys(cluster, namespace, monkeypatch):
    names = set[str]()

    def change(name, text):
        names.add(name)
        return with_trace(text)

    change_scripts(monkeypatch, change)
    runs = trace_of_all_calls(cluster, namespace)
    assert len(runs) > 1000
    breaches = {breach for run in runs for breach in breaches_in(run)}
    assert breaches == set()
    assert names >= {
        f"cluster/{name}"
        for name in (
            "advance", "amend", "cancel", "cancel_all_by_user", "claim", "drop_keys", "due", "fence", "know",
            "page", "pause", "place", "reduce", "release", "resume",
        )
    } | {"mend_order", "mend_sequence"}  # fmt: skip


PLANTED = [
    ("cluster/cancel", "redis.call('SISMEMBER', set, order_id) == 0", "false", "not declared"),
    (
        "cluster/cancel_all_by_user",
        "tostring(#order_ids))",
        "'' .. redis.call('EXISTS', user))",
        "touched again",
    ),
]


@pytest.mark.parametrize("planted", PLANTED, ids=["not-read-before", "touched-when-emptied"])
def test_a_script_that_breaks_the_rule_is_found(cluster, namespace, monkeypatch, planted):
    script, right, wrong, breach = planted

    def change(name, text):
        if name == script:
            assert text.count(right) == 1
            text = text.replace(right, wrong)
        return with_trace(text)

    change_scripts(monkeypatch, change)
    keys = ClusterKeys(namespace)
    with (
        CryptoOrderSystem(1, url=cluster.url, namespace=namespace) as system,
        cluster.client() as client,
    ):
        for number in range(2):
            assert system.place(f"o{number}", "alice", "BTC", 1, 1)
        system.cancel("o1")
        system.cancel_all_by_user("alice")
        breaches = {found for run in runs_in(client, [keys.slot_of(0)]) for found in breaches_in(run)}
    assert breaches
    assert all(breach in found for found in breaches)


def test_a_key_that_is_read_after_a_write_is_a_breach():
    run = Run(["{n}:a"], [Traced("HSET", ["{n}:a"], [False]), Traced("HGET", ["{n}:b"], [False])])
    assert len(breaches_in(run)) == 1


def version_of(cluster):
    with cluster.node_client(cluster.addresses[0]) as client:
        return int(client.info("server")["redis_version"].split(".")[0])


def test_strict_scripts_touch_no_key_of_another_slot(cluster, namespace, monkeypatch):
    """From Redis 7 the server forbids that to scripts that begin with `#!lua`."""
    if version_of(cluster) < 7:
        pytest.skip("this server knows no strict scripts")
    change_scripts(monkeypatch, lambda _, text: "#!lua\n" + text)
    make_all_calls(cluster, namespace)


def test_a_strict_script_with_a_key_of_another_slot_is_refused(cluster, namespace, monkeypatch):
    if version_of(cluster) < 7:
        pytest.skip("this server knows no strict scripts")
    keys = ClusterKeys(namespace)
    here = cluster.owner_of(cluster.slot_of(keys.slot_of(0)))
    elsewhere = next(
        name
        for name in (f"{{elsewhere{number}}}" for number in range(1000))
        if cluster.owner_of(cluster.slot_of(name)) == here
    )
    touch = f"redis.call('GET', '{elsewhere}')\n"
    with CryptoOrderSystem(1, url=cluster.url, namespace=namespace) as system:
        assert system.place("o", "alice", "BTC", 1, 1)
        change_scripts(monkeypatch, lambda _, text: touch + text)
        assert system.pause("o") is True
        change_scripts(monkeypatch, lambda _, text: "#!lua\n" + touch + text)
        with pytest.raises(errors.ServerError, match="slot"):
            system.resume("o")
