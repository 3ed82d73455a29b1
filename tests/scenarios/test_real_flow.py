"""An exchange's order flow through the program into a real server, and back after a crash.

The sample is made by `sample_flow.py`. $ORDER_FLOW names a recorded flow, as CSV or CSV in xz, to run too.
"""

import csv
import json
import lzma
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import IO

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.model import Model
from tests.support.program import Program
from tests.support.sample_flow import SAMPLE, sample_flow

RECORDED = os.environ.get("ORDER_FLOW", "")

FLOWS = [
    pytest.param(SAMPLE, id="sample"),
    pytest.param(
        Path(RECORDED),
        id="recorded",
        marks=pytest.mark.skipif(not RECORDED, reason="$ORDER_FLOW names no recorded orders"),
    ),
]

STREAMS = 4
USERS = 97


def commands(rows):
    """The rows as commands, numbers as the text that they have in JSON.

    The data knows no users: they are made from the ids. An order that is filled in part is paused,
    and resumed when it is the next time.
    """
    changes = Counter()
    for row in rows:
        order_id = row["id"]
        if row["action"] == "created":
            amount = format(Decimal(row["volume"]).scaleb(-8), "f")
            yield "place", order_id, f"user{int(order_id) % USERS}", "BTC", amount, row["price"]
        elif row["action"] == "changed":
            changes[order_id] += 1
            yield "pause" if changes[order_id] % 2 else "resume", order_id
        else:
            yield "cancel", order_id


def as_json(op, order_id, *placed):
    fields = {"op": op, "order_id": order_id}
    if op != "place":
        return json.dumps(fields)
    user_id, currency, amount, price = placed
    fields |= {"user_id": user_id, "currency": currency}
    return f'{json.dumps(fields)[:-1]}, "amount": {amount}, "price": {price}}}'


def open_rows(flow: Path) -> IO[str]:
    if flow.suffix == ".xz":
        return lzma.open(flow, "rt", newline="")
    return flow.open(newline="")


def test_the_sample_is_what_its_generator_makes():
    assert SAMPLE.read_text() == sample_flow()


def test_the_sample_has_what_a_recorded_flow_has():
    with open_rows(SAMPLE) as rows:
        flow = list(csv.DictReader(rows))
    created, live, seen = Counter(), set(), Counter()
    for row in flow:
        order_id = row["id"]
        seen[row["action"], order_id in live] += 1
        if row["action"] == "created":
            created[order_id] += 1
            live.add(order_id)
        elif row["action"] == "deleted":
            live.discard(order_id)
    at_a_moment = Counter(row["timestamp"] for row in flow)
    assert min(seen["created", False], seen["changed", True], seen["deleted", True]) > 300
    assert min(seen["created", True], seen["deleted", False]) > 10
    assert sum(times > 1 for times in created.values()) > 30, "ids come again"
    assert sum(rows > 10 for rows in at_a_moment.values()) > 10, "bursts"
    assert len(live) > 100


@pytest.mark.parametrize("flow", FLOWS)
def test_an_order_flow_survives_a_crash(own_server, namespace, tmp_path, flow):
    model, expected = Model(), {"applied": Counter(), "ignored": Counter()}
    file = tmp_path / "flow.jsonl"
    with open_rows(flow) as rows, file.open("w") as lines:
        for op, *arguments in commands(csv.DictReader(rows)):
            lines.write(as_json(op, *arguments) + "\n")
            changed = getattr(model, op)(*arguments)
            expected["applied" if changed else "ignored"][op] += 1

    server = own_server("--appendfsync", "always")
    program = Program(server.url, namespace)
    done = program.run("replay", str(file), "--streams", str(STREAMS), "--json", timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert summary["refused"] == 0
    for counted, by_op in expected.items():
        assert +Counter(summary[counted]) == by_op
    server.restart()

    assert program.run("count").stdout == f"{len(model.live)}\n"
    assert program.run("live").stdout.splitlines() == model.display()
    paused = program.run("live", "--status", "paused").stdout.splitlines()
    assert paused == model.display(lambda order: order.paused)
    orders = [json.loads(line) for line in program.run("live", "--json").stdout.splitlines()]
    assert len(orders) == len(model.live) > 100
    for order in orders:
        modelled = model.live[order["order_id"]]
        assert (order["user_id"], order["currency"]) == (modelled.user_id, modelled.currency)
        assert (order["amount"], order["price"]) == (modelled.amount, modelled.price)
        assert (order["status"] == "PAUSED") is modelled.paused
    assert any(order["status"] == "PAUSED" for order in orders)

    with CryptoOrderSystem(STREAMS, url=server.url, namespace=namespace) as system:
        for order in orders:
            order_id = order["order_id"]
            assert system.pause(order_id) is model.pause(order_id)
        assert system.display_all_live_orders() == model.display()
        for number in range(USERS):
            user_id = f"user{number}"
            assert system.cancel_all_by_user(user_id) == model.cancel_all_by_user(user_id)
        assert system.count() == 0
