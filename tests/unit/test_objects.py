"""What a system says of itself, and what it says to who hands it to another process or event loop."""

import asyncio
import copy
import pickle

import pytest

from cryptoorders_redis import AsyncCryptoOrderSystem, CryptoOrderSystem


def test_a_system_says_what_and_where_it_is_but_no_password(server, namespace):
    url = f"unix://{server.socket}?password=&db=2"
    with CryptoOrderSystem(3, url=url, namespace=namespace) as system:
        shown = f"CryptoOrderSystem(3, url='unix://{server.socket}?db=2', namespace={namespace!r})"
        assert repr(system) == shown
        assert repr(system.user("alice")) == f"{shown}.user('alice')"
    asynchronous = AsyncCryptoOrderSystem(2, url="rediss://me:secret@host:6380/1", namespace=namespace)
    assert repr(asynchronous).startswith("AsyncCryptoOrderSystem(2, ")
    assert "url='rediss://host:6380/1'" in repr(asynchronous)
    assert "secret" not in repr(asynchronous)
    with CryptoOrderSystem(url="memory://") as system:
        assert "url='memory://'" in repr(system)


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_system_that_is_handed_over_says_what_to_do(duplicate):
    with CryptoOrderSystem(url="memory://") as system:
        asynchronous = AsyncCryptoOrderSystem(url="memory://")
        users = (system.user("alice"), asynchronous.user("alice")) if duplicate is pickle.dumps else ()
        for handed_over in (system, asynchronous, *users):
            with pytest.raises(TypeError, match="open one in the other process"):
                duplicate(handed_over)


def test_a_second_event_loop_is_told_to_open_its_own():
    system = AsyncCryptoOrderSystem(url="memory://")
    assert asyncio.run(system.count()) == 0
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        asyncio.run(system.count())
