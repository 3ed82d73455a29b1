"""A server that forgets its scripts between two sendings of a change: NOSCRIPT settles nothing."""

import pytest

from cryptoorders_redis import errors
from tests.support.changes import Change, each_change, make, teach_scripts
from tests.support.consistency import assert_consistent
from tests.support.proxy import Fault


@pytest.fixture
def own(own_server):
    return own_server()


@pytest.fixture
def raw(own, namespace):
    with own.client() as client:
        yield client
        client.replicaof("NO", "ONE")
        assert_consistent(client, namespace)


@pytest.fixture
def proxy(own, proxy_before):
    return proxy_before(own)


@pytest.fixture
def system(api, proxy, raw, namespace):
    with api(3, url=proxy.url, namespace=namespace, deadline_seconds=0.5) as system:
        teach_scripts(system)
        yield system


def stay_away(raw):
    """Answer nothing but MASTERDOWN from now on."""
    raw.config_set("replica-serve-stale-data", "no")
    raw.replicaof("127.0.0.1", 1)


LOSSES = pytest.mark.parametrize("loss", [Fault.LOSE_REPLY, Fault.CUT_REQUEST], ids=["reply", "request"])


@LOSSES
@each_change
def test_noscript_leaves_a_lost_change_in_doubt(proxy, system, raw, change: Change, loss):
    """The retry did not run; the first sending may have."""
    make(system, *change.before)
    calls_before = len(proxy.calls)
    proxy.next_call(loss, then=raw.script_flush)
    proxy.next_call(Fault.DELAY_REPLY, then=lambda: stay_away(raw))
    with pytest.raises(errors.OutcomeUnknown) as raised:
        make(system, change.call)
    assert isinstance(raised.value.__cause__, errors.StoreUnavailable)
    first, retry, *later = (b"\r\nEVALSHA\r\n" in call for call in proxy.calls[calls_before:])
    assert (first, retry) == (True, True)
    assert later, "the server was away before it could answer NOSCRIPT"
    assert not any(later), "NOSCRIPT was not answered with the script's source"


@LOSSES
@each_change
def test_after_noscript_a_lost_change_has_its_true_answer(proxy, system, raw, change: Change, loss):
    make(system, *change.before)
    proxy.next_call(loss, then=raw.script_flush)
    assert make(system, change.call) == change.answer
