"""What the server of the page answers, and how it ends."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import quote, urlsplit

import pytest

from tests.project.pages import blocks
from tests.support.copies import read_keys
from tests.support.nasty import NASTY_IDS
from tests.support.pages_served import Page, served_page
from tests.support.program import Program
from tests.support.servers import REPOSITORY, free_port
from tests.support.waiting import wait_until

PATHS = ["", "page.css", "page.js", "plot.js", "search.js", "tables.js", "text.js", "icon.svg", "looks"]
KINDS = ("order", "user")
SEARCHES = ["order?id=order1", "user?id=alice"]


GUIDE = REPOSITORY / "docs" / "guides" / "web-page.md"


def is_taken(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def watch(page, number=1):
    """Open the looks of a page, read so many of them, and return the connection."""
    viewer = http.client.HTTPConnection(urlsplit(page.url).netloc, timeout=20)
    viewer.request("GET", urlsplit(page.url).path + "looks")
    answer = viewer.getresponse()
    while number:
        number -= answer.readline() == b"event: look\n"
    return viewer


def test_every_answer_has_the_headers_that_protect(page):
    for path in [*PATHS, *SEARCHES, "nowhere", "user"]:
        code, headers, content = page.request(path, "HEAD")
        assert (code, content) == ({"nowhere": 404, "user": 400}.get(path, 200), b""), path
        policy = headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")


def test_no_method_but_get_and_head_is_taken(page):
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        assert {page.request(path, method)[0] for path in [*PATHS, *SEARCHES]} == {405}, method


def test_only_the_names_of_this_machine_are_answered(page, server, namespace):
    port = urlsplit(page.url).port
    for name in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert page.request(Host=name)[0] == 200
    for name in ("evil.example", f"127.0.0.1.evil.example:{port}", "", "10.0.0.1"):
        assert page.request(Host=name)[0] == 400
    with served_page(server.url, namespace, "--host", "orders.example") as named:
        assert [named.request(Host=name)[0] for name in ("orders.example", "evil.example")] == [200, 400]


def test_an_order_is_found_by_its_id(page, system):
    system.place("order1", "alice", "BTC", "0.50", 60_000, metadata={"big": 2**60, "desk": "x", "on": True})
    found = json.loads(page.request("order?id=order1")[2])["order"]
    assert found["metadata"] == [["big", str(2**60)], ["desk", "x"], ["on", "true"]]
    order = system.get("order1")
    assert order
    assert {**found, "metadata": order.metadata} == order.to_dict()
    assert json.loads(page.request("order?id=order2")[2])["order"] is None


def test_every_legal_id_is_found(page, system):
    for each in NASTY_IDS:
        assert system.place(each, each, "BTC", 1, 2)
        order, user = (json.loads(page.request(f"{kind}?id={quote(each, safe='')}")[2]) for kind in KINDS)
        assert order["order"]["order_id"] == each
        assert [order["user_id"] for order in user["orders"]] == [each]


def test_a_user_is_shown_the_first_orders_and_a_count(page, system):
    system.place_many([(f"order{n}", "alice", "BTC", 1, 2) for n in range(120)])
    found = json.loads(page.request("user?id=alice")[2])
    assert found["count"] == 120
    assert [order["order_id"] for order in found["orders"]] == [f"order{n}" for n in range(100)]


@pytest.mark.parametrize("query", ["", "?id=", "?id=a&id=b", "?name=a", f"?id={'x' * 257}"])
@pytest.mark.parametrize("path", KINDS)
def test_an_illegal_search_is_an_error_in_json(page, path, query):
    code, headers, content = page.request(path + query)
    assert (code, headers["content-type"]) == (400, "application/json")
    assert json.loads(content)["error"]


def test_nothing_is_changed_by_the_page(page, system, raw, namespace):
    system.place("order1", "alice", "BTC", 1, 2)
    before = read_keys(raw, namespace)
    watch(page, 2).close()
    for path in [*PATHS[:-1], *SEARCHES]:
        page.request(path)
    assert read_keys(raw, namespace) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_with_viewers(own_page, number):
    viewers = [watch(own_page) for _ in range(3)]
    assert own_page.end(number) == (0, "")
    for viewer in viewers:
        viewer.close()


def test_mounted_it_ends_at_once_with_viewers_too(mounted):
    without_slash = Page(mounted.url.removesuffix("/"), mounted.process)
    assert (mounted.request()[0], without_slash.request()[0]) == (200, 200)
    viewer = watch(mounted, 2)
    code, said = mounted.end()
    assert (code, said) == (-signal.SIGTERM, "")
    viewer.close()


def test_the_login_of_the_guide_asks_for_a_password(server, namespace, system, tmp_path):
    (example,) = (block.text for block in blocks(GUIDE) if block.kind == "python")
    (tmp_path / "page.py").write_text(
        example.replace("create=False", f"create=False, namespace={namespace!r}")
    )
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "CRYPTOORDERS_URL": server.url,
        "PAGE_PASSWORD": "secret",
    }
    command = [sys.executable, "-m", "uvicorn", "page:app", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as process:
        wait_until(lambda: is_taken(port))
        page = Page(f"http://127.0.0.1:{port}/orders/", process)
        assert [page.request(path)[0] for path in ("", "looks", *SEARCHES)] == [401] * 4
        login = base64.b64encode(b"desk:secret").decode()
        assert page.request(SEARCHES[0], Authorization=f"Basic {login}")[0] == 200
        assert page.end() == (-signal.SIGTERM, "")


def test_a_port_that_is_taken_is_one_line(page, server, namespace, system):
    taken = urlsplit(page.url).netloc
    done = Program(server.url, namespace).run("web", "--listen", taken)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"cryptoorders: cannot listen at {taken}: Address already in use\n"


def test_elsewhere_it_listens_with_a_warning(server, namespace, system):
    process = Program(server.url, namespace).start("web", "--listen", "0.0.0.0:0", "--json")
    with process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
        page = Page(said["url"], process)
        assert page.request(Host="any.example")[0] == 200
        assert page.end(signal.SIGINT) == (
            0, "there is no login: everybody who can reach this address sees all orders\n",
        )  # fmt: skip


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_it_says_what_to_install(server, namespace, system, missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from cryptoorders_redis.__main__ import main; main()"
    )
    done = Program(server.url, namespace).run("-c", code, "web", program=(sys.executable,))
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "cryptoorders: the page is not installed: run pip install 'cryptoorders-redis[web]'\n"
    )
