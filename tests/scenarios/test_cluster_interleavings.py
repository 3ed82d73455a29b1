"""All interleavings of several calls on one id of a cluster, with lost replies, late copies and crashes.

The operations and the scripts are the real ones, run on one server. See `tests/support/explorer`.
"""

import pytest

from tests.support.explorer.code import explored_scripts
from tests.support.explorer.scenarios import (
    ALL,
    OF_DROPS,
    STATES_OF_A_DROP,
    STATES_OF_A_PAIR,
    STATES_OF_THREE,
    THREE,
    pairs_with,
)
from tests.support.explorer.search import Search
from tests.support.explorer.states import Server
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
