"""Takes the pictures of the page that the documentation shows. `make screenshot` runs it.

It takes five minutes, so that the plot is full.
The text looks best where the fonts Inter and JetBrains Mono are installed.
"""

import base64
import io
import random
import sys
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver

from cryptoorders_redis import CryptoOrderSystem, Event
from tests.support.browser import choose_scheme, open_browser, resize
from tests.support.pages_served import served_page
from tests.support.program import Program
from tests.support.servers import REPOSITORY, RedisServer

IMAGES = REPOSITORY / "docs" / "images"
NAMESPACE = "spot"
NUM_STREAMS = 16
SECONDS = 300
MARKETS = {"BTC": (64_180, 2), "ETH": (3_412, 2), "SOL": (148, 3), "XRP": (0.52, 5), "ADA": (0.38, 5)}
DESKS = ("alpine", "borealis", "cobalt", "delta-neutral", "elm", "fjord", "granite", "halcyon", "iris")


class Market:
    """Places and cancels as many orders as a small exchange has."""

    def __init__(self, system: CryptoOrderSystem) -> None:
        self._system = system
        self._chance = random.Random(7)
        self._live: list[str] = []
        self._number = 481_200

    def open(self) -> None:
        for _ in range(60):
            self._place(200)
        self._system.pause_many(self._chance.sample(self._live, 900))
        for desk in DESKS:
            self._system.cancel_all_after(desk, 600)

    def trade(self, seconds: float) -> None:
        """Trade for some time, more and less busily."""
        chance, began = self._chance, time.monotonic()
        pressure, calm, number = 1.0, 1.0, 0
        while (passed := time.monotonic() - began) < seconds:
            pressure = min(1.7, max(0.4, pressure + chance.gauss(0, 0.07)))
            self._place(round(9 * pressure))
            calm = min(1.7, max(0.4, calm + chance.gauss(0, 0.07)))
            for _ in range(round(8 * calm + chance.random())):
                self._system.cancel(self._live.pop(chance.randrange(max(1, len(self._live) - 400))))
            if chance.random() < 0.6:
                self._system.pause(chance.choice(self._live[-300:]))
            if int(passed * 4) > number:
                number += 1
                self._submit(number)
            time.sleep(0.08)

    def _place(self, count: int) -> None:
        chance, orders = self._chance, []
        for _ in range(count):
            self._number += 1
            currency = chance.choices(list(MARKETS), (9, 7, 4, 2, 1))[0]
            middle, digits = MARKETS[currency]
            price = f"{middle * chance.gauss(1, 0.004):.{digits}f}"
            amount = f"{chance.lognormvariate(0, 1.1) * 20_000 / middle:.4f}"
            user = chance.choice(DESKS) if chance.random() < 0.3 else f"user-{chance.randrange(1, 2_400):04}"
            orders.append((f"{currency.lower()}-{self._number}", user, currency, amount, price))
        self._system.place_many(orders)
        self._live += [order[0] for order in orders]

    def _submit(self, number: int) -> None:
        at = time.time_ns() // 1_000_000
        self._system.submit(Event("pause", "iris", at, f"sol-{number}", event_id=f"event-{number}"))


def take(browser: webdriver.Chrome, path: Path) -> None:
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": False})
    picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    picture.quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer()
    try:
        with CryptoOrderSystem(NUM_STREAMS, url=server.url, namespace=NAMESPACE) as system:
            system.configure(feed=10_000)
            market = Market(system)
            market.open()
            with (
                Program(server.url, NAMESPACE).start("worker") as worker,
                served_page(server.url, NAMESPACE) as page,
                open_browser("--hide-scrollbars") as browser,
            ):
                browser.get(page.url)
                market.trade(SECONDS)
                for name, width, height in (("web-page", 1280, 970), ("web-page-phone", 390, 844)):
                    for scheme in ("light", "dark") if width > 600 else ("light",):
                        resize(browser, width, height)
                        choose_scheme(browser, scheme)
                        market.trade(2)
                        take(browser, folder / f"{name}{'' if scheme == 'light' else '-dark'}.png")
                worker.terminate()
    finally:
        server.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
