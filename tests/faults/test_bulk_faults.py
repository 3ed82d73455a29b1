"""A call for many under faults: each item is carried out once, and what is known of each is told."""

import pytest

from cryptoorders_redis import errors
from cryptoorders_redis.operations.bulk import BATCH
from cryptoorders_redis.schema.scripts import script
from tests.support.consistency import assert_consistent
from tests.support.proxy import Fault

ORDERS = [(f"o{number}", f"user{number % 7}", "BTC", 1, 1) for number in range(3 * BATCH)]
IDS = [order[0] for order in ORDERS]


@pytest.fixture
def system(api, proxy, namespace, raw):
    with api(3, url=proxy.url, namespace=namespace) as system:
        system.place_many(ORDERS[:1])
        system.pause_many(IDS[:1])
        system.resume_many(IDS[:1])
        system.cancel_many(IDS[:1])
        yield system


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_a_batch_that_is_sent_again_has_its_first_answers(system, proxy, fault):
    for call, items in (
        (system.place_many, ORDERS),
        (system.pause_many, IDS),
        (system.resume_many, IDS),
        (system.cancel_many, IDS),
    ):
        proxy.next_call(fault)
        assert call(items) == [True] * len(items)
        proxy.deliver_held()
    assert system.count() == 0
    assert proxy.faults[fault] == 4


def test_full_memory_in_the_middle_tells_what_is_done(api, own_server, namespace):
    server = own_server()
    with server.client() as raw, api(3, url=server.url, namespace=namespace) as system:
        system.place_many(ORDERS[:BATCH])
        # A request of a thousand orders takes 250 kB itself, and what it places 400 kB.
        raw.config_set("maxmemory", raw.info("memory")["used_memory"] + 400_000)
        with pytest.raises(errors.BulkInterrupted, match="of 3000 items") as stopped:
            system.place_many(ORDERS)
        assert isinstance(stopped.value.__cause__, errors.StoreFull)
        done = len(stopped.value.answers)
        assert stopped.value.answers == [False] * BATCH + [True] * (done - BATCH)
        assert (len(stopped.value.unknown), stopped.value.not_done) == (0, range(done, 3 * BATCH))
        assert system.count() == done < 3 * BATCH
        assert_consistent(raw, namespace)
        assert system.cancel_many(IDS) == [True] * done + [False] * (3 * BATCH - done)


def test_a_reply_that_stays_lost_leaves_one_batch_unknown(api, own_server, namespace):
    server = own_server()
    url = f"{server.url}?socket_timeout=0.3"
    with api(3, url=url, namespace=namespace, deadline_seconds=0.4) as system:
        system.place_many(ORDERS[:BATCH])
        server.stop_answering()
        with pytest.raises(errors.BulkInterrupted) as stopped:
            system.cancel_many(IDS)
        assert isinstance(stopped.value.__cause__, errors.OutcomeUnknown)
        assert stopped.value.__cause__.ids == tuple(IDS[:BATCH])
        assert stopped.value.answers == []
        assert stopped.value.unknown == range(BATCH)
        assert stopped.value.not_done == range(BATCH, 3 * BATCH)
        server.go_on()
        assert system.count() in (0, BATCH)


def test_a_batch_is_not_in_doubt_where_creating_its_namespace_is(api, server, proxy, namespace):
    with api(3, url=server.url, namespace=namespace) as other:
        with api(url=proxy.url, namespace=namespace, deadline_seconds=0) as system:
            assert system.cancel("nothing") is False
            other.drop()
            system._sessions._begun = {}  # its sessions are dropped too, and begun again without a fault
            proxy.next_call(Fault.LOSE_REPLY, having=script("create").sha.decode())
            with pytest.raises(errors.BulkInterrupted) as interrupted:
                system.place_many(ORDERS[:3])
            assert isinstance(interrupted.value.__cause__, errors.StoreUnavailable)
        assert (interrupted.value.unknown, interrupted.value.not_done) == (range(0), range(3))
        assert other.count() == 0
