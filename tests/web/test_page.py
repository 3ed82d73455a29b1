"""The page in a real browser: hostile text, live updates, the keyboard, a phone, outages."""

import contextlib
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from cryptoorders_redis import CryptoOrderSystem
from tests.support.browser import resize
from tests.support.nasty import NASTY_IDS
from tests.support.pages_served import served_page
from tests.support.servers import REPOSITORY
from tests.support.waiting import wait_until

STATIC = REPOSITORY / "cryptoorders_redis" / "web" / "static"
WRITES_MARKUP = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|setHTML|eval\("
)

HOSTILE = [
    *NASTY_IDS,
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "</script></title></bdi><svg onload=window.hacked=1>",
    "\"' onmouseover=window.hacked=1 x='",
    "javascript:window.hacked=1",
    "&lt;b&gt;&amp;",
    "data: x\n\nevent: look\ndata: {}",
    "abc\u202edcba\u2066x",
    "\u05d0\u05d1\u05d2 1 2 3",
    "__proto__",
    "a" + "\u0301" * 100,
]

CELLS = """
return [...document.querySelectorAll(arguments[0] + " tbody tr")].map(
    (row) => [...row.cells].slice(0, 4).map((cell) => cell.textContent))
"""
PLACE_MANY = """
import sys
from cryptoorders_redis import CryptoOrderSystem
system = CryptoOrderSystem(url=sys.argv[1], namespace=sys.argv[2])
system.place_many([(f"o{n}", "alice", "BTC", 1, 2) for n in range(1234)])
"""
DETAILS = """
return [...document.querySelectorAll("#found-order dd, #found-order dt")].map((e) => e.textContent)
"""
MARKS = """
return [...document.querySelectorAll("#newest .mark")].map((m) => {
    const { content, unicodeBidi, direction } = getComputedStyle(m, "::after");
    return [content, unicodeBidi, direction];
})
"""


def text(browser, selector):
    return browser.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def rows(browser, table="#newest"):
    return browser.execute_script(CELLS, table)


def wait_for_text(browser, selector, wanted):
    try:
        wait_until(lambda: text(browser, selector) == wanted, seconds=15)
    except AssertionError:
        raise AssertionError(f"{selector} is {text(browser, selector)!r}, not {wanted!r}") from None


def type_keys(browser, *keys):
    """Type on the keyboard, wherever the focus is."""
    ActionChains(browser).send_keys(*keys).perform()


def searched(browser):
    """Wait for the answer to a search that was just begun, and return how many there were."""
    return int(browser.execute_script("return document.getElementById('found').dataset.shown ?? 0"))


@contextlib.contextmanager
def a_search(browser):
    before = searched(browser)
    yield
    wait_until(lambda: searched(browser) > before)


def has_sideways_scroll(browser):
    return browser.execute_script(
        "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )


def test_no_script_writes_markup():
    scripts = list(STATIC.glob("*.js"))
    assert len(scripts) >= 5
    for path in [*scripts, STATIC / "index.html"]:
        assert not re.search(WRITES_MARKUP, path.read_text()), path
    assert not re.search(
        r"\son\w+=|style=|https?://(?!www\.w3\.org/2000/svg)", (STATIC / "index.html").read_text()
    )
    for path in STATIC.iterdir():
        assert "url(" not in path.read_text()


def test_hostile_text_is_shown_as_it_is(browser, page, system):
    browser.get(page.url)
    for begin in range(0, len(HOSTILE), 20):
        some = HOSTILE[begin : begin + 20]
        for each in some:
            assert system.place(each, each, each, "1234567.5", 2, metadata={each: each})
        system.pause(some[0])
        wait_until(lambda: [row[0] for row in rows(browser)][: len(some)] == some[::-1])  # noqa: B023
        assert rows(browser)[: len(some)] == [[e, e, "1,234,567.5", e] for e in reversed(some)]
        assert not has_sideways_scroll(browser)
    for each in HOSTILE:
        with a_search(browser):
            browser.execute_script("location.hash = '#order=' + encodeURIComponent(arguments[0])", each)
        shown = browser.execute_script(DETAILS)
        assert shown.count(each) == 5, each
        assert text(browser, "#found-title") == f"Order {each}"
    assert browser.execute_script("return window.hacked") is None
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 1


def test_text_cannot_reorder_what_stands_next_to_it(browser, page, system):
    system.place("ab\u202ecd\nef", "alice", "BTC", 1, 2)
    browser.get(page.url)
    wait_for_text(browser, "#live", "1")
    marks = browser.execute_script(MARKS)
    assert marks == [[name, "isolate", "ltr"] for name in ('"U+202E"', '"\\\\n"')]
    lefts = browser.execute_script("""
        const shown = document.querySelector('#newest td.id bdi');
        return [...shown.childNodes].map((node) => {
            const range = document.createRange();
            range.selectNode(node);
            return range.getBoundingClientRect().left;
        })""")
    assert lefts == sorted(lefts), "from left to right"


def test_what_another_process_places_appears_by_itself(browser, page, server, namespace, system):
    browser.get(page.url)
    wait_for_text(browser, "#state-text", "Live")
    assert text(browser, "#live") == "0"
    assert browser.find_element(By.ID, "no-orders").is_displayed()
    subprocess.run([sys.executable, "-c", PLACE_MANY, server.url, namespace], check=True)
    wait_for_text(browser, "#live", "1,234")
    assert [row[0] for row in rows(browser)] == [f"o{n}" for n in range(1233, 1213, -1)]
    wait_until(
        lambda: browser.execute_script("return document.querySelector('#plot .placed').getAttribute('d')")
    )
    system.pause("o1")
    wait_for_text(browser, "#paused", "1")


def test_the_keyboard_alone_finds_orders_and_users(browser, page, system):
    for number in range(3):
        system.place(f"order{number}", "alice", "BTC", 1, 2, metadata={"desk": "x"})
    browser.get(page.url)
    type_keys(browser, Keys.TAB, Keys.TAB, "order1")
    with a_search(browser):
        type_keys(browser, Keys.ENTER)
    assert text(browser, "#found-note").startswith("This order is live")
    assert "alice" in text(browser, "#found-order")
    type_keys(browser, Keys.TAB, Keys.TAB)  # the button Search, then Close
    assert browser.switch_to.active_element.get_attribute("id") == "close"
    with a_search(browser):
        type_keys(browser, Keys.TAB, Keys.ENTER)  # the user of the order
    assert text(browser, "#found-note").startswith("3 live orders")
    assert [row[0] for row in rows(browser, "#found-orders")] == ["order0", "order1", "order2"]
    type_keys(browser, Keys.SHIFT, Keys.TAB, Keys.NULL, Keys.ESCAPE)
    assert not browser.find_element(By.ID, "found").is_displayed()
    assert browser.switch_to.active_element.get_attribute("id") == "wanted"
    with a_search(browser):
        type_keys(browser, Keys.CONTROL, "a", Keys.NULL, "nobody", Keys.ENTER)
    assert text(browser, "#found-note").startswith("This user has no live order")
    with a_search(browser):
        type_keys(browser, Keys.CONTROL, "a", Keys.NULL, "x" * 257, Keys.ENTER)
    assert "at most 256 bytes" in text(browser, "#found-note")
    browser.get_log("browser")  # which has the answer 400


def test_a_phone_needs_no_sideways_scroll(browser, page, system):
    for number, name in enumerate(["x" * 256, "é" * 128, "📈" * 64, "short"]):
        system.place(name, name, name, "1" * 60, "2" * 60, metadata={name: "y" * 500})
        system.place(f"order{number}", "alice", "BTC", "1", "2")
    try:
        resize(browser, 360, 740)
        browser.get(page.url)
        wait_for_text(browser, "#live", "8")
        assert not has_sideways_scroll(browser)
        for search in (f"#order={'x' * 256}", f"#user={'x' * 256}"):
            with a_search(browser):
                browser.execute_script("location.hash = arguments[0]", search)
            assert not has_sideways_scroll(browser)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_an_outage_is_shown_and_ends_by_itself(browser, own_server):
    server = own_server()
    with CryptoOrderSystem(url=server.url) as system:
        system.place("order1", "alice", "BTC", 1, 2)
    with served_page(server.url, "cryptoorders") as page:
        browser.get(page.url)
        wait_for_text(browser, "#state-text", "Live")
        server.kill()
        wait_for_text(browser, "#state-text", "The store is away")
        assert "The store does not answer" in browser.find_element(By.ID, "trouble").text
        assert rows(browser)[0][0] == "order1", "the last look stays"
        server.start()
        wait_for_text(browser, "#state-text", "Live")
        assert not browser.find_element(By.ID, "trouble").is_displayed()
        port = urlsplit(page.url).port
        page.end()
        wait_for_text(browser, "#state-text", "No connection")
    with served_page(server.url, "cryptoorders", "--listen", f"127.0.0.1:{port}"):
        wait_for_text(browser, "#state-text", "Live")


def test_under_a_path_of_another_application_it_works_too(browser, mounted, system):
    system.place("order1", "alice", "BTC", 1, 2)
    browser.get(mounted.url.removesuffix("/"))
    wait_for_text(browser, "#live", "1")
    with a_search(browser):
        browser.execute_script("location.hash = '#order=order1'")
    assert text(browser, "#found-note").startswith("This order is live")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(scheme):
    style = (STATIC / "page.css").read_text()
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", style.partition("@media")[0]))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([\w-]+): (#\w{6})", style.partition("@media")[2].partition("}")[0]))
    for ground in ("ground", "card", "soft", "new"):
        for name in ("text", "muted"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name, ground in (
        ("accent-text", "accent"),
        ("bad", "bad-ground"),
        ("bad", "card"),
        ("cancelled", "soft"),
    ):
        assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name in ("active", "placed", "cancelled", "changes", "good"):
        assert contrast(colours[name], colours["card"]) >= 3, name


def contrast(one, other):
    """The contrast of two colours, by WCAG."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
