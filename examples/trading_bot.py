"""A market maker for several users, which is killed twice, and whose books balance in the end.

python examples/trading_bot.py [URL] [--steps N] [--seed N] [--namespace NAME]

Three processes share the orders: this one, one of the bots, and one of the market, which fills orders.
Without a URL they use a private server.
"""

import argparse
import multiprocessing
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from decimal import Decimal
from itertools import pairwise
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from simulated_market import SYMBOLS, Books, Market, walk

from cryptoorders_redis import CryptoOrderSystem, Order, OrderStatus, UserOrders, errors

USERS = ("alice", "bob", "carol")
STEP_SECONDS = 0.02
DEADLINE_SECONDS = 0.5
"""How long a call may try. A quote that comes ten seconds late is worth nothing."""

SWITCH_SECONDS = 2
"""If the bots die, their orders do not outlive them for longer."""

LEVELS = (Decimal("0.0005"), Decimal("0.0015"))
"""How far from the price the orders are, on both sides."""

TOLERANCE = Decimal("0.0002")
"""An order that is off by less stays as it is."""

FAST = Decimal("0.003")
"""In a market where one step is larger than this, nobody should fill our orders."""


class Run(NamedTuple):
    """What all processes know. `clock` is the step in which the market is."""

    url: str
    namespace: str
    seed: int
    steps: int
    clock: Any

    def connect(self, deadline_seconds: float = DEADLINE_SECONDS) -> CryptoOrderSystem:
        """Open the system."""
        return CryptoOrderSystem(4, url=self.url, namespace=self.namespace, deadline_seconds=deadline_seconds)

    def prices(self) -> dict[str, list[Decimal]]:
        """Return the prices of all steps, by symbol."""
        return {name: walk(name, self.seed, self.steps) for name in SYMBOLS}


class Bot:
    """Keeps orders of one user on both sides of the price.

    It remembers nothing. Each step reads the live orders, and makes of them what they should be. So it needs
    no other code for a start after a crash, for orders that were filled, and for unknown outcomes.
    """

    def __init__(self, user: UserOrders, counts: Counter[str]) -> None:
        self._user = user
        self._counts = counts
        self._beat_at = 0.0

    def start(self) -> None:
        """Say which orders an earlier process has left. The steps take care of them."""
        print(f"bot of {self._user.user_id}: takes over {self._user.count()} live orders", flush=True)

    def step(self, symbol: str, prices: Sequence[Decimal]) -> None:
        """Do what the newest price asks for.

        Raises:
            OutcomeUnknown, BulkInterrupted, StoreUnavailable: it may be half done. The next step corrects it.
        """
        if time.monotonic() >= self._beat_at:  # the first time before any order is placed
            self._user.cancel_all_after(SWITCH_SECONDS)
            self._beat_at = time.monotonic() + SWITCH_SECONDS / 4
        live: dict[Any, list[Order]] = defaultdict(list)
        paused: list[str] = []
        active: list[str] = []
        for order in self._user.live_orders(currency=symbol):
            live[(order.metadata or {}).get("slot")].append(order)
            (active if order.status is OrderStatus.ACTIVE else paused).append(order.order_id)
        if is_fast(prices):
            self._counts["paused"] += sum(self._user.pause_many(active))
            return
        for slot, side, price in wanted(symbol, prices[-1]):
            self._quote(symbol, slot, side, price, live.pop(slot, []))
        for surplus in live.values():
            self._cancel(surplus)
        self._counts["resumed"] += sum(self._user.resume_many(paused))  # with their new prices

    def _quote(self, symbol: str, slot: str, side: str, price: Decimal, live: Sequence[Order]) -> None:
        """Have one order in a slot, at about this price."""
        self._cancel(live[1:])  # where a request came late, after a step that did not know of it
        if not live:
            # Each id is used once. So no order is taken for another one, whatever the fate of a request was.
            order_id = f"{self._user.user_id}-{uuid.uuid4().hex[:12]}"
            metadata = {"slot": slot, "side": side}
            self._user.place(order_id, symbol, SYMBOLS[symbol].amount, price, metadata=metadata)
            self._counts["placed"] += 1
        elif abs(live[0].price - price) > price * TOLERANCE:
            # Of two processes that amend it, the one that has not seen the other's price changes nothing.
            seen = live[0]
            done = self._user.amend(seen.order_id, price=price, expected_price=seen.price)
            self._counts["amended" if done else "filled or amended before we could"] += 1

    def _cancel(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self._counts["cancelled"] += self._user.cancel(order.order_id)

    def stop(self) -> None:
        """Cancel all orders. The switch stays armed, for an order whose request comes late."""
        while True:
            try:
                self._user.cancel_all_after(SWITCH_SECONDS)
                self._counts["cancelled"] += self._user.cancel_all()
            except ConnectionError:  # OutcomeUnknown or StoreUnavailable: cancelling again does no harm
                time.sleep(0.1)
            else:
                return


def is_fast(prices: Sequence[Decimal]) -> bool:
    """Return whether one of the last steps was large."""
    last = prices[-6:]
    return any(abs(now - before) > before * FAST for before, now in pairwise(last))


def wanted(symbol: str, price: Decimal) -> Iterator[tuple[str, str, Decimal]]:
    """Yield the orders that there should be: the slot, the side and the price of each."""
    tick = SYMBOLS[symbol].tick
    for level in LEVELS:
        for side, sign in (("buy", -1), ("sell", 1)):
            ticks = (price * (1 + sign * level) / tick).quantize(Decimal(1))
            yield f"{side} {level}", side, ticks * tick


def run_bots(run: Run, started: Connection) -> None:
    """Trade for all users until the market closes. Tell when the first step is done."""
    prices, counts = run.prices(), Counter[str]()
    with run.connect() as system:
        bots = [Bot(system.user(user), counts) for user in USERS]
        for bot in bots:
            bot.start()
        while (step := run.clock.value) < run.steps:
            for bot in bots:
                try:
                    for symbol in SYMBOLS:
                        bot.step(symbol, prices[symbol][: step + 1])
                except (errors.OutcomeUnknown, errors.BulkInterrupted):
                    # It may have happened, or happen yet. To place the same order again could double it: the
                    # first one may be filled by now. So the next step looks what is live.
                    counts["outcomes unknown"] += 1
                except errors.StoreUnavailable:  # nothing was changed; the switch protects us meanwhile
                    counts["calls without a store"] += 1
            if not started.closed:
                started.close()  # which tells that the first step is done
            time.sleep(STEP_SECONDS / 2)
        for bot in bots:
            bot.stop()
    print(f"bots since their last start: {in_words(counts)}", flush=True)


def run_market(run: Run, results: Connection) -> None:
    """Move the prices, and fill orders, until all steps are done. Send what was filled."""
    prices = run.prices()
    with run.connect() as system:
        market = Market(system, run.seed)
        for step in range(run.steps):
            run.clock.value = step
            try:
                market.trade({name: prices[name][step] for name in SYMBOLS})
            except errors.StoreUnavailable:
                market.counts["steps without a store"] += 1
            time.sleep(STEP_SECONDS)
        market.close()
        run.clock.value = run.steps
    results.send((dict(market.filled), market.counts))


def in_words(counts: Counter[str]) -> str:
    """Return what happened how often."""
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()) if number) or "nothing"


def main() -> None:
    """Run the market and the bots, kill the bots twice, and check the books."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url", nargs="?")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--namespace", default="trading-bot")
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        url = options.url or f"file:{stack.enter_context(tempfile.TemporaryDirectory(prefix='cor-'))}"
        run = Run(url, options.namespace, options.seed, options.steps, spawn.RawValue("i", 0))
        system = stack.enter_context(run.connect(deadline_seconds=10))
        system.configure(feed=100_000)
        begin = system.position()
        bots = start_bots(spawn, run)
        receiver, sender = spawn.Pipe(duplex=False)
        market = spawn.Process(target=run_market, args=(run, sender), daemon=True)
        market.start()
        trade_and_kill(spawn, run, system, bots)
        filled, counts = receiver.recv()
        market.join()
        print(f"market: {in_words(counts)}")
        books = Books()
        for change in system.changes(begin, wait=False):
            books.apply(change)
        report(books, filled, system)


def trade_and_kill(spawn: SpawnContext, run: Run, system: CryptoOrderSystem, bots: BaseProcess) -> None:
    """Kill the bots in a third of the time, and in half of it. Return when those started last have ended."""
    wait_for(run, run.steps // 3)
    bots.kill()
    print("the bots were killed, and are started again", flush=True)
    bots = start_bots(spawn, run)
    wait_for(run, run.steps // 2)
    bots.kill()
    bots.join()
    left = system.count()
    while system.count():
        time.sleep(0.05)
    print(f"the bots were killed; their dead man's switches have cancelled {left} orders", flush=True)
    start_bots(spawn, run).join()


def start_bots(spawn: SpawnContext, run: Run) -> BaseProcess:
    """Start the process of the bots, and wait until it has done its first step."""
    receiver, started = spawn.Pipe(duplex=False)
    bots = spawn.Process(target=run_bots, args=(run, started), daemon=True)
    bots.start()
    started.close()
    with suppress(EOFError):
        receiver.recv()
    receiver.close()
    return bots


def wait_for(run: Run, step: int) -> None:
    """Wait until the market is in a step."""
    while run.clock.value < step:
        time.sleep(STEP_SECONDS)


def report(books: Books, filled: dict[str, Decimal], system: CryptoOrderSystem) -> None:
    """Print the accounts, and whether they balance."""
    print(f"{'user':8}{'':5}{'placed':>10}{'filled':>10}{'cancelled':>11}{'position':>11}{'cash':>16}")
    for (user, currency), account in sorted(books.accounts.items()):
        amounts = f"{account.placed:10}{account.filled:10}{account.cancelled:11}{account.position:11}"
        print(f"{user:8}{currency:5}{amounts}{account.cash:16,.2f}")
    accounts = books.accounts.values()
    checks = {
        "filled and cancelled make what was placed": not books.live
        and all(account.placed == account.filled + account.cancelled for account in accounts),
        "the market has filled what the feed says": books.filled == filled,
        "no order is left": system.count() == 0,
        "all keys are consistent": system.verify() == [],
    }
    for name, holds in checks.items():
        print(f"{'yes' if holds else 'NO'}: {name}")
    if not all(checks.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
