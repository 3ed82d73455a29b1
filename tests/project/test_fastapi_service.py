"""The example of an HTTP service: two real worker processes, real HTTP, a real server that also fails."""

import json
import subprocess
import sys
from urllib.parse import quote

import httpx
import pytest

from tests.support.examples import EXAMPLES, environment
from tests.support.servers import RedisServer, free_port
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def store():
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def http(store, tmp_path_factory):
    """A client of the service."""
    port = str(free_port())
    command = [sys.executable, "-m", "uvicorn", "--app-dir", EXAMPLES, "--workers", "2", "--port", port]
    command += ["--timeout-graceful-shutdown", "1", "fastapi_service:app"]
    log = tmp_path_factory.mktemp("service") / "log"
    variables = environment(CRYPTOORDERS_URL=f"{store.url}?socket_timeout=0.3")
    with (
        log.open("wb") as written,
        subprocess.Popen(command, env=variables, stdout=written, stderr=written) as service,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client,
    ):
        try:
            # Of both workers: one that starts while the store is away fails, and uvicorn then ends.
            wait_until(lambda: log.read_text().count("Application startup complete") == 2, seconds=60)
            yield client
        finally:
            service.terminate()
            service.wait(timeout=20)


def order(order_id="o1", **more):
    return {
        "order_id": order_id,
        "user_id": "alice",
        "currency": "BTC",
        "amount": "0.50",
        "price": "1",
        **more,
    }


def test_an_order_is_placed_once_however_often_it_is_sent(http):
    new = order("once", amount="0.123456789012345678901234567890", metadata={"side": "buy"})
    placed = http.post("/orders", json=new)
    assert placed.status_code == 201
    assert placed.json().items() >= new.items()
    again = http.post("/orders", json=new)
    assert (again.status_code, again.json()) == (200, placed.json())
    assert http.post("/orders", json=new | {"price": "2"}).status_code == 409


@pytest.mark.parametrize("order_id", ["a/b", "/a//pause", "é \U0001f600?#%", "x/pause", "%2F"])
def test_an_id_may_have_slashes_and_any_letters(http, order_id):
    where = "/orders/" + quote(order_id, safe="")
    user = quote(order_id + "/orders", safe="")
    placed = http.post("/orders", json=order(order_id, user_id=order_id + "/orders"))
    assert placed.status_code == 201
    assert http.get(where).json() == placed.json()
    assert http.post(where + "/pause").json()["status"] == "PAUSED"
    assert http.post(where + "/resume").json()["status"] == "ACTIVE"
    assert http.get(f"/users/{user}/orders").json() == [placed.json()]
    assert http.delete(f"/users/{user}/orders").json() == {"cancelled": 1}
    assert http.get(where).status_code == 404


def test_what_is_not_live_is_not_found(http):
    assert http.get("/orders/nothing").status_code == 404
    assert http.delete("/orders/nothing").status_code == 404
    assert http.post("/orders/nothing/pause").status_code == 404
    assert http.patch("/orders/nothing", json={"price": "1"}).status_code == 404


def test_illegal_input_is_refused_with_its_reason(http):
    for illegal in (
        order(amount="0"),
        order(amount=0.5),
        order(order_id=""),
        order(more=1),
        order(price="x"),
    ):
        refused = http.post("/orders", json=illegal)
        assert refused.status_code == 422
        assert refused.json()["detail"]
    assert http.get("/changes", headers={"Last-Event-ID": "nonsense"}).status_code == 422
    assert http.patch("/orders/x", json={}).status_code == 422


def test_an_order_is_amended_if_it_is_as_expected(http):
    http.post("/orders", json=order("amended"))
    done = http.patch("/orders/amended", json={"price": "2.50", "expected_price": "1.0"})
    assert (done.status_code, done.json()["price"]) == (200, "2.50")
    refused = http.patch("/orders/amended", json={"price": "3", "expected_price": "1.0"})
    assert refused.status_code == 409
    assert http.delete("/orders/amended").status_code == 204


def next_event(lines):
    """Return the fields of the next event."""
    fields = {}
    for line in lines:
        if not line:
            return fields
        name, _, fields[name] = line.partition(": ")
    raise EOFError


def test_changes_continue_where_a_client_has_stopped(http):
    with http.stream("GET", "/changes") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        first = next_event(stream.iter_lines())
    http.post("/orders", json=order("followed"))
    with http.stream("GET", "/changes", headers={"Last-Event-ID": first["id"]}) as stream:
        lines = stream.iter_lines()
        next_event(lines)
        place = next_event(lines)
        assert (place["event"], json.loads(place["data"])["order_id"]) == ("place", "followed")
        http.delete("/orders/followed")
        assert next_event(lines)["event"] == "cancel"
    with http.stream("GET", "/changes", headers={"Last-Event-ID": place["id"]}) as stream:
        lines = stream.iter_lines()
        next_event(lines)
        assert next_event(lines)["event"] == "cancel"


def test_a_lost_reply_is_504_and_the_request_may_be_repeated(http, store):
    for number in range(20):  # both workers have connections then
        http.post("/orders", json=order(f"warm{number}"))
    store.stop_answering()
    try:
        unknown = http.post("/orders", json=order("doubtful"))
        reading = http.get("/orders/doubtful")
    finally:
        store.go_on()
    assert unknown.status_code == 504
    assert "GET the order" in unknown.json()["advice"]
    assert reading.status_code == 503
    assert http.post("/orders", json=order("doubtful")).status_code in {200, 201}
    assert http.get("/orders/doubtful").json()["amount"] == "0.50"


def test_a_store_that_is_away_is_503_until_it_is_back(http, store):
    store.kill()
    try:
        refused = http.post("/orders", json=order("later"))
    finally:
        store.start()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert http.post("/orders", json=order("later")).status_code == 201
