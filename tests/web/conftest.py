"""Fixtures: a store, its page as the program serves it, and a browser."""

import subprocess
import sys
import uuid

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.browser import open_browser
from tests.support.pages_served import Page, served_page

MOUNTED = """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from cryptoorders_redis import AsyncCryptoOrderSystem
from cryptoorders_redis.web import application

system = AsyncCryptoOrderSystem(url=sys.argv[1], namespace=sys.argv[2], create=False)
app = Starlette(routes=[Mount("/deep/orders", application(system))])
listener = socket.create_server(("127.0.0.1", 0))
print(f"serving http://127.0.0.1:{listener.getsockname()[1]}/deep/orders/", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
"""


@pytest.fixture(scope="module")
def shared(server):
    """A store and its page for all tests of a file: to start a process takes longer than most of them."""
    namespace = f"test-{uuid.uuid4().hex[:12]}"
    with CryptoOrderSystem(3, url=server.url, namespace=namespace) as system:
        with served_page(server.url, namespace) as page:
            yield system, page
        system.drop()


@pytest.fixture
def system(shared):
    """The store, in which no order is live."""
    system, _ = shared
    yield system
    system.cancel_many([order.order_id for order in system.live_orders()])


@pytest.fixture
def namespace(system):
    return system._store.keys.namespace


@pytest.fixture
def page(shared):
    """The page of the store. The test does not end it."""
    return shared[1]


@pytest.fixture
def own_page(server, namespace):
    """A page that the test may end."""
    with served_page(server.url, namespace) as page:
        yield page


@pytest.fixture
def mounted(server, namespace, system):
    command = [sys.executable, "-W", "error", "-c", MOUNTED, server.url, namespace]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        yield Page(process.stdout.readline().decode().split()[1], process)
        process.kill()


@pytest.fixture(scope="session")
def one_browser():
    """One browser for all tests: to start it takes longer than most of them."""
    with open_browser() as browser:
        yield browser


@pytest.fixture
def browser(one_browser):
    """The browser. Whatever a test does in it, its console must have nothing to say against it."""
    one_browser.get("about:blank")
    one_browser.get_log("browser")
    yield one_browser
    said = [entry for entry in one_browser.get_log("browser") if "net::ERR_" not in entry["message"]]
    one_browser.get("about:blank")
    assert said == []
