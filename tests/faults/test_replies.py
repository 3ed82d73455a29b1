"""Replies that are lost or late, requests that are cut or come twice: every answer is true all the same."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cryptoorders_redis import OrderStatus, errors
from tests.support.changes import Change, begin_sessions, each_change, make, state, teach_scripts
from tests.support.proxy import Fault
from tests.support.stories import Story


@pytest.fixture
def other(api, server, raw, namespace):
    """A system that no fault stands before."""
    with api(3, url=server.url, namespace=namespace) as system:
        system.configure(feed=100_000)  # in which a change that is sent twice must not be twice
        teach_scripts(system)
        assert system.place("b", "bob", "BTC", 1, 1)
        yield system


@pytest.fixture
def system(api, proxy, other, namespace):
    """A system behind the proxy. Of a connection that ends it learns at once: no time-out is waited for."""
    with api(url=proxy.url, namespace=namespace) as system:
        begin_sessions(system)
        yield system


@pytest.mark.parametrize(
    ("calls", "odds"),
    [
        pytest.param(2400, {"lose_reply": 0.2}, id="replies-lost"),
        pytest.param(1500, {"lose_reply": 0.1, "cut_request": 0.1, "hold_request": 0.1}, id="everything"),
    ],
)
def test_with_faults_in_many_calls_every_answer_is_true(
    api, server, proxy_before, raw, namespace, calls, odds
):
    """Threads share a system, each with orders of its own, so that a model knows every answer."""
    proxy = proxy_before(server, seed=calls, **odds)
    threads = 6
    late: list[bytes] = []
    ended = threading.Event()

    def deliver_late() -> None:
        while not ended.wait(0.01):
            late.extend(proxy.deliver_held())

    with (
        api(3, url=server.url, namespace=namespace) as direct,
        api(url=proxy.url, namespace=namespace) as system,
        ThreadPoolExecutor(threads + 1) as pool,
    ):
        direct.configure(feed=100_000)
        courier = pool.submit(deliver_late)
        stories = [Story(f"t{number}", seed=number) for number in range(threads)]
        try:
            for told in [pool.submit(story.tell, system, calls // threads) for story in stories]:
                told.result()
        finally:
            ended.set()
        courier.result()
        late += proxy.deliver_held()
        for story in stories:
            assert [direct.get(order_id) is not None for order_id in story.order_ids] == story.live()
            assert story.listing(direct) == story.model.display()
        assert direct.count() == sum(len(story.model.live) for story in stories)
    assert proxy.faults.total() > calls * sum(odds.values())  # those on calls sent again come on top
    assert len(proxy.calls) > calls
    assert len(late) == proxy.faults[Fault.HOLD_REQUEST]


@each_change
@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST, Fault.HOLD_REQUEST])
def test_a_change_with_a_fault_has_its_true_answer(proxy, system, other, change: Change, fault):
    make(other, *change.before)
    proxy.next_call(fault)
    assert make(system, change.call) == change.answer
    assert proxy.faults[fault] == 1


def test_a_change_with_several_faults_has_its_true_answer(proxy, system):
    for fault in (
        Fault.CUT_REQUEST,
        Fault.HOLD_REQUEST,
        Fault.LOSE_REPLY,
        Fault.LOSE_REPLY,
        Fault.CUT_REQUEST,
    ):
        proxy.next_call(fault)
    assert make(system, "place") is True
    proxy.deliver_held()
    assert make(system, "place") is False
    assert proxy.faults.total() == 5


@each_change
def test_a_reply_later_than_the_time_out_has_its_true_answer(api, proxy, other, namespace, change: Change):
    make(other, *change.before)
    with api(url=f"{proxy.url}?socket_timeout=0.2", namespace=namespace) as system:
        begin_sessions(system)
        sent = len(proxy.calls)
        proxy.next_call(Fault.DELAY_REPLY)
        assert make(system, change.call) == change.answer
    assert len(proxy.calls) >= sent + 2


@each_change
@pytest.mark.parametrize("session_goes_on", [False, True], ids=["session-rests", "session-goes-on"])
def test_a_duplicate_that_comes_late_changes_nothing(
    proxy, system, other, raw, namespace, change: Change, session_goes_on
):
    make(other, *change.before)
    proxy.next_call(Fault.HOLD_REQUEST)
    assert make(system, change.call) == change.answer
    make(system if session_goes_on else other, *change.afterwards)
    assert len(raw.keys(f"{{{namespace}}}:sessions:*")) <= 2
    before = state(other)
    assert len(proxy.deliver_held()) == 1
    assert state(other) == before


@each_change
def test_scripts_forgotten_between_two_sendings_run_once(proxy, system, other, raw, change: Change):
    make(other, *change.before)
    proxy.next_call(Fault.LOSE_REPLY, then=raw.script_flush)
    assert make(system, change.call) == change.answer
    assert b"\r\nEVAL\r\n" in proxy.calls[-1][:20]


def test_reads_are_simply_tried_again(proxy, system):
    make(system, "place", "pause")
    for read, answer in (
        (system.display_all_live_orders, ["b", "o(paused)"]),
        (system.user("alice").display_all_live_orders, ["o(paused)"]),
        (lambda: system.get("o").status, OrderStatus.PAUSED),
        (lambda: [order.order_id for order in system.live_orders()], ["b", "o"]),
        (lambda: [order.order_id for order in system.live_orders(user_id="alice")], ["o"]),
        (system.count, 2),
    ):
        for fault in (Fault.LOSE_REPLY, Fault.CUT_REQUEST):
            proxy.next_call(fault)
        assert read() == answer
    assert proxy.faults.total() == 12


def test_another_users_faulty_call_is_answered_as_their_own(proxy, system, other):
    make(other, "place")
    for call in (system.user("bob").pause, system.user("bob").cancel):
        proxy.next_call(Fault.LOSE_REPLY)
        assert call("o") is False
    for call in (system.user("alice").pause, system.user("alice").cancel):
        proxy.next_call(Fault.LOSE_REPLY)
        assert call("o") is True


@each_change
def test_a_deadline_that_passes_leaves_the_outcome_unknown(api, proxy, other, namespace, change: Change):
    make(other, *change.before)
    with api(url=proxy.url, namespace=namespace, deadline_seconds=0) as system:
        begin_sessions(system)
        proxy.next_call(Fault.LOSE_REPLY)
        with pytest.raises(errors.OutcomeUnknown, match="may have taken effect or not") as raised:
            make(system, change.call)
        assert raised.value.operation.startswith(change.call.removesuffix("_rest"))
        assert raised.value.ids == (("alice",) if change.call == "cancel_all" else ("o",))
        assert isinstance(raised.value, ConnectionError)


def test_a_read_whose_deadline_passes_is_unavailable(api, proxy, other, namespace):
    with api(url=proxy.url, namespace=namespace, deadline_seconds=0) as system:
        proxy.next_call(Fault.LOSE_REPLY)
        with pytest.raises(errors.StoreUnavailable):
            system.count()
