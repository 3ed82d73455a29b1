"""The example of a trading bot: its books balance, whatever is killed and whatever is lost."""

import re
import time
from collections import Counter
from decimal import Decimal

import pytest

from cryptoorders_redis import CryptoOrderSystem, errors
from tests.support.examples import load_example, run_example
from tests.support.proxy import Fault
from tests.support.waiting import wait_until

bot = load_example("trading_bot")
market = load_example("simulated_market")

PRICES = [Decimal(60_000)] * 6


def assert_balanced(shown):
    assert [line for line in shown.splitlines() if line.startswith(("yes: ", "NO: "))] == [
        "yes: filled and cancelled make what was placed",
        "yes: the market has filled what the feed says",
        "yes: no order is left",
        "yes: all keys are consistent",
    ], shown
    rows = re.findall(r"^(?:alice|bob|carol) +(?:BTC|ETH)((?: +[\d.]+){3})", shown, re.MULTILINE)
    assert len(rows) == 6
    for placed, filled, cancelled in (map(Decimal, row.split()) for row in rows):
        assert placed == filled + cancelled
        assert filled > 0


def test_the_books_balance_though_the_bots_are_killed():
    shown = run_example("trading_bot.py", "--steps", "100")
    assert_balanced(shown)
    assert "killed, and are started again\nbot of alice: takes over " in shown
    assert re.search(r"switches have cancelled [1-9]\d* orders\nbot of \w+: takes over 0 live", shown), shown
    assert " got less than they wanted" in shown


def test_the_books_balance_though_the_server_is_frozen(own_server):
    server = own_server()

    def freeze_it():
        with CryptoOrderSystem(4, url=server.url, namespace="bots") as system:
            system.configure(feed=100_000)
            wait_until(lambda: any(change.op == "reduce" for change in system.changes("start", wait=False)))
        server.stop_answering()
        time.sleep(1.2)
        server.go_on()

    url = f"{server.url}?socket_timeout=0.2"
    shown = run_example("trading_bot.py", url, "--steps", "60", "--namespace", "bots", meanwhile=freeze_it)
    assert_balanced(shown)
    assert "steps without a store" in shown or "may have taken effect or not" in shown, shown


@pytest.fixture
def system(proxy, namespace):
    """A system behind the proxy, which does not try a lost call again."""
    with CryptoOrderSystem(4, url=proxy.url, namespace=namespace, deadline_seconds=0) as system:
        system.configure(feed=1000)
        yield system


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.CUT_REQUEST])
def test_a_fill_of_unknown_outcome_is_counted_if_it_was(system, proxy, fault):
    system.place("o", "alice", "BTC", "0.5", 60_000, metadata={"side": "buy"})
    venue = market.Market(system, 1)
    venue.fill("o", Decimal("0.1"))
    proxy.every_call(fault)
    venue.fill("o", Decimal("0.2"))
    proxy.every_call(None)
    assert venue.counts["had an unknown outcome"] == 1
    venue.close()
    filled = Decimal("0.3") if fault is Fault.LOSE_REPLY else Decimal("0.1")
    assert venue.filled == {"o": filled}
    assert system.get("o").amount == Decimal("0.5") - filled


def test_an_order_with_less_is_filled_by_what_it_has(system):
    system.place("o", "alice", "BTC", "0.5", 60_000, metadata={"side": "buy"})
    venue = market.Market(system, 1)
    venue.fill("o", Decimal("0.7"))
    venue.close()
    assert venue.filled == {"o": Decimal("0.5")}
    assert system.get("o") is None


def test_a_place_of_unknown_outcome_is_not_made_twice(system, proxy):
    alice = system.user("alice")
    trader = bot.Bot(alice, Counter())
    trader.step("BTC", PRICES)
    assert alice.count() == 4
    alice.cancel(next(iter(alice.live_orders())).order_id)
    proxy.next_call(Fault.LOSE_REPLY, having="slot")
    with pytest.raises(errors.OutcomeUnknown):
        trader.step("BTC", PRICES)
    trader.step("BTC", PRICES)
    assert alice.count() == 4


def test_a_place_that_comes_late_is_cancelled(system, proxy):
    alice = system.user("alice")
    trader = bot.Bot(alice, Counter())
    proxy.next_call(Fault.HOLD_REQUEST, having="slot")
    with pytest.raises(errors.OutcomeUnknown):
        trader.step("BTC", PRICES)
    trader.step("BTC", PRICES)
    proxy.deliver_held()
    assert alice.count() == 5
    trader.step("BTC", PRICES)
    slots = [order.metadata["slot"] for order in alice.live_orders()]
    assert sorted(slots) == ["buy 0.0005", "buy 0.0015", "sell 0.0005", "sell 0.0015"]


def test_a_new_bot_takes_over_the_orders_that_are_there(system, capsys):
    alice = system.user("alice")
    bot.Bot(alice, Counter()).step("BTC", PRICES)
    before = list(alice.live_orders())
    counts = Counter()
    successor = bot.Bot(alice, counts)
    successor.start()
    assert capsys.readouterr().out == "bot of alice: takes over 4 live orders\n"
    successor.step("BTC", PRICES)
    assert list(alice.live_orders()) == before
    successor.stop()
    assert (alice.count(), counts["placed"], counts["cancelled"]) == (0, 0, 4)


def test_a_fast_market_pauses_and_a_calm_one_resumes(system):
    alice = system.user("alice")
    trader = bot.Bot(alice, Counter())
    trader.step("BTC", PRICES)
    fast = [*PRICES, Decimal(61_000)]
    trader.step("BTC", fast)
    assert alice.count(status="PAUSED") == 4
    calm = [*fast, *[Decimal(61_000)] * 6]
    trader.step("BTC", calm)
    orders = list(alice.live_orders(status="ACTIVE"))
    assert sorted(order.price for order in orders) == [
        Decimal(price) for price in ("60908.5", "60969.5", "61030.5", "61091.5")
    ]


def test_prices_are_the_same_in_every_run():
    assert market.walk("BTC", 7, 500) == market.walk("BTC", 7, 500)
    assert market.walk("BTC", 7, 500) != market.walk("BTC", 8, 500)
    assert all(price % Decimal("0.01") == 0 for price in market.walk("ETH", 7, 500))
