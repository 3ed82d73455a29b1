"""A real Chromium without a window, driven as a person drives it."""

import contextlib
import shutil
import tempfile
from collections.abc import Generator

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-proxy-server", "--window-size=1280,900",
)  # fmt: skip


def _program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise RuntimeError(f"no {names[0]} on PATH: apt-get install chromium chromium-driver")
    return found


@contextlib.contextmanager
def open_browser(*flags: str) -> Generator[webdriver.Chrome]:
    """Start a browser that knows nothing of an earlier one. What its console says is kept for the test."""
    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium", "google-chrome")
    with tempfile.TemporaryDirectory(prefix="cor-", ignore_cleanup_errors=True) as folder:
        for flag in (*FLAGS, f"--user-data-dir={folder}", *flags):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = webdriver.Chrome(options, Service(_program("chromedriver")))
        try:
            yield browser
        finally:
            browser.quit()


def resize(browser: webdriver.Chrome, width: int, height: int, *, scale: float = 1) -> None:
    """Give the page exactly this size, which a window can be too wide for."""
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def choose_scheme(browser: webdriver.Chrome, scheme: str) -> None:
    """Prefer light or dark pages."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
