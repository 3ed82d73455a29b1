"""A client that was handed in: its own retries do not run a change twice, and stay as they were."""

import pytest
import redis

from cryptoorders_redis import CryptoOrderSystem
from tests.support.changes import Change, each_change, make, state, teach_scripts
from tests.support.proxy import Fault
from tests.support.stories import Story


@pytest.fixture
def client(proxy):
    """As redis-py makes it by itself: from its release 6 on it sends a command again three times or more."""
    with redis.Redis(unix_socket_path=str(proxy.socket), protocol=2) as client:
        retry = client.get_retry()
        assert retry is not None
        assert retry.get_retries() > 0
        yield client


@pytest.fixture
def system(client, raw, namespace):
    with CryptoOrderSystem(3, client=client, namespace=namespace) as system:
        teach_scripts(system)
        yield system


@each_change
@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.HOLD_REQUEST])
def test_a_change_with_a_fault_has_its_true_answer_and_runs_once(
    server, proxy, system, raw, namespace, change: Change, fault
):
    make(system, *change.before)
    sent = len(proxy.calls)
    proxy.next_call(fault)
    assert make(system, change.call) == change.answer
    assert len(proxy.calls) == sent + 2, "sent more often than the library does"
    with CryptoOrderSystem(url=server.url, namespace=namespace) as other:
        make(other, *change.afterwards)
        before = state(other)
        proxy.deliver_held()
        assert state(other) == before


def test_with_faults_in_many_calls_every_answer_is_true(server, proxy_before, raw, namespace):
    proxy = proxy_before(server, seed=2, lose_reply=0.2)
    with (
        redis.Redis(unix_socket_path=str(proxy.socket), protocol=2) as client,
        CryptoOrderSystem(3, client=client, namespace=namespace) as system,
    ):
        story = Story("s", seed=3)
        story.tell(system, 300)
        assert story.listing(system) == story.model.display()
    assert proxy.faults[Fault.LOSE_REPLY] > 60


def test_its_owners_retries_stay_as_they_were(proxy, client, system, namespace):
    options = dict(client.connection_pool.connection_kwargs)
    retries = client.get_retry().get_retries()
    proxy.next_call(Fault.LOSE_REPLY)
    assert make(system, "place") is True
    assert client.connection_pool.connection_kwargs == options
    assert client.get_retry().get_retries() == retries
    # A script of the owner's, which redis-py itself sends again.
    proxy.next_call(Fault.LOSE_REPLY)
    assert client.eval("return 'here'", 0) == b"here"
    assert proxy.faults[Fault.LOSE_REPLY] == 2
