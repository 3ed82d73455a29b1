"""Any sequence of calls gives what the model gives, and leaves all keys agreeing with each other."""

import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import fakeredis
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cryptoorders_redis import CryptoOrderSystem, OrderStatus, errors
from cryptoorders_redis.operations import gate, standalone
from cryptoorders_redis.operations import resize as resizing
from cryptoorders_redis.transport.embedded import memory
from tests.support.clocks import Clock
from tests.support.consistency import Client, Names, assert_consistent, delete_all
from tests.support.model import EXACT, MORE, Model, as_modelled, line
from tests.support.nasty import NASTY_IDS
from tests.support.stepwise import Stepwise

TEXT = st.text(min_size=1, max_size=8) | st.text("{}:()\n\0aé📈", min_size=1, max_size=4)
# Mostly a few ids, so that calls meet and a user has several orders; now and then any text.
ORDER_IDS = st.sampled_from(NASTY_IDS[:8]) | st.sampled_from(NASTY_IDS) | TEXT
USERS = ["alice", "bob", *NASTY_IDS[:3]]
USER_IDS = st.sampled_from(USERS) | st.sampled_from(USERS) | st.sampled_from(NASTY_IDS) | TEXT
CURRENCIES = st.sampled_from(["BTC", "ETH", "{", "\0"])
AMOUNTS = st.decimals(min_value="1e-12", max_value="1e12", places=12)
PRICES = st.decimals(min_value=0, max_value="1e15", places=8) | st.integers(0, 10**30).map(Decimal)
LIFETIMES = st.none() | st.sampled_from([1, 4, 20])
FAR_AWAY = datetime(2150, 1, 1, tzinfo=UTC)
METADATA = st.none() | st.dictionaries(TEXT, TEXT | st.integers() | st.booleans() | st.none(), max_size=2)


class StoreMachine(RuleBasedStateMachine):
    """Two systems on one store beside the model. Subclasses say which store."""

    url: str
    raw: Client
    clock: Clock | None
    """Which the machine moves; None on a cluster, whose nodes have clocks of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.namespace = f"machine-{uuid.uuid4().hex[:12]}"
        self.open = contextlib.ExitStack()
        self.systems = [
            self.open.enter_context(CryptoOrderSystem(3, url=self.url, namespace=self.namespace))
            for _ in range(2)
        ]
        if self.clock:
            self.model.now = self.clock.now
        self.systems[0].configure(feed=100_000)  # so that all keys are compared with what it says

    def teardown(self) -> None:
        self.open.close()
        delete_all(self.raw, self.namespace)

    @rule(
        which=st.integers(0, 1), order=ORDER_IDS, user=USER_IDS, currency=CURRENCIES, amount=AMOUNTS,
        price=PRICES, bound=st.booleans(), metadata=METADATA, lives=LIFETIMES,
    )  # fmt: skip
    def place(self, *, which, order, user, currency, amount, price, bound, metadata, lives=None):
        system = self.systems[which]
        expires_at = lives and timedelta(seconds=lives)
        if lives and not self.clock:
            expires_at = FAR_AWAY + timedelta(seconds=lives)
        expected = self.model.place(order, user, currency, amount, price, metadata, expires_at)
        more = {"metadata": metadata, "expires_at": expires_at}
        if bound:
            assert system.user(user).place(order, currency, amount, price, **more) is expected
        else:
            assert system.place(order, user, currency, amount, price, **more) is expected

    @rule(seconds=st.sampled_from([1, 5, 30]))
    def tick(self, seconds):
        """Time passes. What is due then is carried out by the calls that follow, or by an event."""
        if self.clock:
            self.clock.tick(seconds)
            self.model.tick(seconds)

    @rule(which=st.integers(0, 1), user=USER_IDS, seconds=st.sampled_from([0, 3, 10]), bound=st.booleans())
    def cancel_all_after(self, which, user, seconds, bound):
        if self.clock:
            system = self.systems[which]
            armed = (
                system.user(user).cancel_all_after(seconds)
                if bound
                else system.cancel_all_after(user, seconds)
            )
            assert armed == self.model.cancel_all_after(user, seconds)
            assert self.systems[1 - which].cancel_all_deadline(user) == armed

    @rule(
        which=st.integers(0, 1), call=st.sampled_from(["pause", "resume", "cancel"]), order=ORDER_IDS,
        owner=st.none() | USER_IDS,
    )  # fmt: skip
    def change(self, which, call, order, owner):
        system = self.systems[which]
        api = system if owner is None else system.user(owner)
        assert getattr(api, call)(order) is getattr(self.model, call)(order, owner)

    @rule(which=st.integers(0, 1), call=st.sampled_from(["pause", "resume", "cancel"]), data=st.data())
    def change_a_live_order(self, which, call, data):
        if not self.model.live:
            return
        order = data.draw(st.sampled_from(list(self.model.live)))
        owner = data.draw(st.sampled_from([None, self.model.live[order].user_id]))
        self.change(which, call, order, owner)

    @rule(
        which=st.integers(0, 1), data=st.data(), bound=st.booleans(), amount=st.none() | AMOUNTS,
        price=PRICES, stale=st.booleans(),
    )  # fmt: skip
    def amend_a_live_order(self, *, which, data, bound, amount, price, stale):
        if not self.model.live:
            return
        order = data.draw(st.sampled_from(list(self.model.live)))
        modelled = self.model.live[order]
        api = self.systems[which].user(modelled.user_id) if bound else self.systems[which]
        expected_amount = modelled.amount + stale
        answer = api.amend(order, amount=amount, price=price, expected_amount=expected_amount)
        assert answer is self.model.amend(order, amount, price, expected_amount)

    @rule(
        which=st.integers(0, 1), data=st.data(), bound=st.booleans(),
        part=st.sampled_from(["0.1", "0.5", "1", "1.5"]).map(Decimal),
    )  # fmt: skip
    def reduce_a_live_order(self, which, data, bound, part):
        if not self.model.live:
            return
        order = data.draw(st.sampled_from(list(self.model.live)))
        modelled = self.model.live[order]
        by = EXACT.multiply(Decimal(modelled.amount), part)
        api = self.systems[which].user(modelled.user_id) if bound else self.systems[which]
        has = modelled.amount
        expected = self.model.reduce(order, by)
        if expected == MORE:
            with pytest.raises(errors.AmountExceeded) as exceeded:
                api.reduce(order, by)
            assert exceeded.value.left == has
        else:
            assert api.reduce(order, by) == expected

    @rule(which=st.integers(0, 1), user=USER_IDS, bound=st.booleans())
    def cancel_all_by_user(self, which, user, bound):
        system = self.systems[which]
        cancelled = system.user(user).cancel_all() if bound else system.cancel_all_by_user(user)
        assert cancelled == self.model.cancel_all_by_user(user)

    @rule(
        which=st.integers(0, 1), orders=st.lists(ORDER_IDS, min_size=2, max_size=6),
        user=st.sampled_from(USERS), currency=CURRENCIES, amount=AMOUNTS, price=PRICES,
    )  # fmt: skip
    def place_several(self, *, which, orders, user, currency, amount, price):
        for order in orders:
            self.place(
                which=which, order=order, user=user, currency=currency, amount=amount, price=price,
                bound=False, metadata=None,
            )  # fmt: skip

    @rule(which=st.integers(0, 1), data=st.data(), bound=st.booleans())
    def cancel_all_of_a_user_with_orders(self, which, data, bound):
        if self.model.live:
            owners = sorted({order.user_id for order in self.model.live.values()})
            self.cancel_all_by_user(which, data.draw(st.sampled_from(owners)), bound)

    @rule(order=ORDER_IDS)
    def get(self, order):
        assert as_modelled(self.systems[0].get(order)) == self.model.get(order)

    @rule(
        user=st.none() | USER_IDS, currency=st.none() | CURRENCIES,
        status=st.none() | st.sampled_from(OrderStatus), limit=st.integers(1, 5),
    )  # fmt: skip
    def live_orders(self, user, currency, status, limit):
        filters = {"user_id": user, "currency": currency, "status": status}
        expected = self.model.display(
            lambda order: (
                user in (None, order.user_id)
                and currency in (None, order.currency)
                and status in (None, OrderStatus.PAUSED if order.paused else OrderStatus.ACTIVE)
            )
        )
        assert [line(order) for order in self.systems[1].live_orders(**filters)] == expected
        by_cursor, after, which = [], None, 0
        while page := list(self.systems[which].live_orders(**filters, limit=limit, after=after)):
            by_cursor += map(line, page)
            after, which = page[-1].sequence, 1 - which
        assert by_cursor == expected
        if currency is None:
            assert self.systems[0].count(user_id=user, status=status) == len(expected)

    @rule(user=USER_IDS)
    def display_of_a_user(self, user):
        listing = self.systems[0].user(user).display_all_live_orders()
        assert listing == self.model.display(lambda order: order.user_id == user)

    @rule(
        which=st.integers(0, 1), num_streams=st.sampled_from([2, 3, 5]),
        most_steps=st.none() | st.integers(1, 12),
    )  # fmt: skip
    def resize(self, which, num_streams, most_steps):
        """Resize, or make the first steps of it as one that is killed. Others know only older settings."""
        system, names = self.systems[which], Names(self.raw, self.namespace)
        if names.is_cluster:
            with pytest.raises(errors.NotOnCluster):
                system.resize(num_streams)
            return
        known = [
            int(number) for number in self.raw.hmget(names.config, "num_streams", "moving_from") if number
        ]
        if len(known) == 2 and num_streams not in known:
            with pytest.raises(errors.ResizeUnderWay) as under_way:
                system.resize(num_streams)
            assert under_way.value.num_streams == known[0]
        elif most_steps is None:
            system.resize(num_streams)
            stats = system.stats()
            assert (len(stats.streams), stats.moving_from) == (num_streams, None)
        else:
            running = Stepwise(resizing.resize(system._store, num_streams, None), system)
            while most_steps and not running.done:
                running.step()
                most_steps -= 1

    @rule()
    def the_server_forgets_its_scripts(self):
        self.raw.script_flush()

    @invariant()
    def the_listing_is_the_models(self):
        assert self.systems[0].display_all_live_orders() == self.model.display()
        assert self.systems[1].count() == len(self.model.live)

    @invariant()
    def all_keys_agree(self):
        assert_consistent(self.raw, self.namespace, may_move=True)


def run(machine: type[StoreMachine], max_examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=max_examples, stateful_step_count=30, deadline=None, database=None),
    )


@pytest.mark.parametrize(("place", "max_examples"), [("memory", 20), ("server", 60), ("cluster", 10)])
def test_every_sequence_of_calls_gives_what_the_model_gives(
    request, monkeypatch, namespace, tmp_path, use_scripts, place, max_examples
):
    monkeypatch.setattr(resizing, "SLICE", 2)
    monkeypatch.setattr(standalone, "SWEPT", 2)
    clock = None
    if place == "memory":
        url, raw = f"memory://{namespace}", fakeredis.FakeRedis(server=memory._named_server(namespace))
    else:
        url, raw = request.getfixturevalue(f"on_{place}")
    if place != "cluster":
        clock = Clock(raw, f"clock-of-{namespace}", tmp_path)
        monkeypatch.setattr(gate, "READ_TIME", clock.command)
        use_scripts(clock.scripts)
    try:
        run(type("Machine", (StoreMachine,), {"url": url, "raw": raw, "clock": clock}), max_examples)
    finally:
        if clock:
            clock.remove()
