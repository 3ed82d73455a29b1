"""All interleavings of several calls on one id of a cluster, with lost replies, late copies and crashes.

The operations and the scripts are the real ones, run on one server. See `tests/support/explorer`.
"""

import pytest

from cryptoorders_redis import errors
from tests.support.explorer.calls import A, cancel, place
from tests.support.explorer.clients import Client, run_alone, slots_of
from tests.support.explorer.code import explored_scripts
from tests.support.explorer.scenarios import (
    ALL,
    DEAD,
    OF_DROPS,
    STATES_OF_A_DROP,
    STATES_OF_A_PAIR,
    STATES_OF_THREE,
    THREE,
    pairs_with,
)
from tests.support.explorer.search import Search
from tests.support.explorer.states import EPOCH, KEYS, Server, namespace_of, with_entry
from tests.support.servers import RedisServer


@pytest.fixture(scope="module")
def explored():
    """The server whose states are explored."""
    server = RedisServer("--appendonly", "no", "--save", "")
    with explored_scripts() as lua:
        states = Server(server, lua)
        yield states
        states.close()
    server.close()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name.replace(" ", "-"))
def test_two_calls_on_one_id_are_right_however_they_meet(explored, kind):
    for scenario in pairs_with(kind):
        Search(scenario, explored).run(STATES_OF_A_PAIR)


@pytest.mark.parametrize("scenario", THREE, ids=str)
def test_three_calls_on_one_id_are_right_however_they_meet(explored, scenario):
    Search(scenario, explored).run(STATES_OF_THREE)


@pytest.mark.parametrize("scenario", OF_DROPS, ids=str)
def test_a_drop_and_a_new_creation_amid_calls_lose_nothing(explored, scenario):
    Search(scenario, explored).run(STATES_OF_A_DROP)


@pytest.mark.parametrize("kind", [place(A), cancel()], ids=lambda kind: kind.name.replace(" ", "-"))
def test_a_call_ends_where_a_stream_knows_later_settings(explored, kind):
    """A failover has lost the config's last epoch, or a clock was set back between a drop and a creation."""
    later = (b"epoch", b"%d" % (EPOCH + 5), b"num_streams", b"2")
    told = (KEYS.config_of(0).encode(), b"hash", later, -1)
    state = explored.number_of(with_entry((*namespace_of(2, ()), told), DEAD))
    state = explored.with_sessions(state, ["c0"], slots_of(2))
    answer, _ = run_alone(explored, Client("c0", kind, 2), state)
    assert isinstance(answer, errors.InconsistentData)
