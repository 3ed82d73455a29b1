"""What the executor is told of a first try, it goes on from."""

import pytest

from cryptoorders_redis import CryptoOrderSystem


@pytest.fixture
def system():
    with CryptoOrderSystem(2, url="memory://") as system:
        assert system.place("o", "alice", "BTC", 1, 1)  # so that the sessions have begun
        yield system


def test_the_first_request_is_the_one_that_was_tried(system: CryptoOrderSystem):
    """Also its deadline: else a call could wait twice as long as it was told to."""
    executor, operation = system._driver._executor, system._store.pause("o")
    first_try = executor.first_try(operation)
    assert first_try
    request = next(executor.execute(operation, first_try))
    assert (request.data, request.give_up_at) == (first_try[0], first_try[2])
