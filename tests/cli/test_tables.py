"""Tables on terminals of any width: ids fold, columns are left out, numbers stay whole."""

import re

import pytest

from cryptoorders_redis import CryptoOrderSystem
from tests.support.program import Program

LONG_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
LONG_NUMBER = "1" + "234567890" * 11
HEADERS = {
    50: ["order", "amount", "price", "status"],
    80: ["order", "user", "currency", "amount", "price", "status"],
    120: ["order", "user", "currency", "amount", "price", "status", "placed", "(UTC)"],
}


@pytest.fixture
def program(server, namespace):
    return Program(server.url, namespace)


@pytest.fixture
def system(server, namespace):
    with CryptoOrderSystem(2, url=server.url, namespace=namespace) as system:
        yield system


def plain(shown):
    return re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown).replace("\r", "")


def on_a_screen(program, columns, *arguments):
    program.environment["COLUMNS"] = str(columns)
    code, shown = program.on_a_terminal(*arguments)
    assert code == 0, shown
    return plain(shown)


@pytest.mark.parametrize("columns", HEADERS)
def test_numbers_stay_whole_and_ids_fold(program, system, columns):
    for number in range(3):
        system.place(f"{LONG_ID}-{number}", LONG_ID, "BTC-PERPETUAL", "0.08315000", f"60001.0{number}")
    lines = on_a_screen(program, columns, "live").splitlines()
    assert max(map(len, lines)) <= columns
    header = next(line for line in lines if "order" in line)
    assert header.split() == HEADERS[columns]
    rows = [line for line in lines if "ACTIVE" in line]
    prices = [re.findall(r" 0\.08315000 +60001\.0(\d) +ACTIVE", row) for row in rows]
    assert prices == [["0"], ["1"], ["2"]]
    order = header.index("order")
    after = header.index(HEADERS[columns][1], order)
    end = after if HEADERS[columns][1] == "user" else header.index("amount") - 6
    folded = "".join(line[order:end].strip() for line in lines[lines.index(header) + 2 :])
    assert folded == "".join(f"{LONG_ID}-{number}" for number in range(3))


@pytest.mark.parametrize("columns", HEADERS)
def test_short_orders_keep_all_columns_that_fit(program, system, columns):
    system.place("order1", "alice", "BTC", "0.5", "60001.01")
    (row,) = (line for line in on_a_screen(program, columns, "live").splitlines() if "order1" in line)
    shown = {50: 5, 80: 8, 120: 8}[columns]
    assert len(row.split()) == shown
    assert "60001.01" in row.split()


@pytest.mark.parametrize("columns", HEADERS)
def test_a_number_longer_than_the_screen_is_never_cut(program, system, columns):
    system.place("order1", "alice", "BTC", LONG_NUMBER, "60001.01")
    system.place("order2", "alice", "BTC", "0.5", LONG_NUMBER)
    shown = on_a_screen(program, columns, "live")
    assert shown.replace("\n", "").count(LONG_NUMBER) == 2
    assert re.search(r"^ +order +order1$", shown, re.MULTILINE)
    assert re.search(r"^ +price +60001\.01$", shown, re.MULTILINE)
    assert re.search(r"^ +amount +0\.5$", shown, re.MULTILINE)


@pytest.mark.parametrize("columns", HEADERS)
def test_watch_cuts_no_number_of_a_long_order(program, system, columns):
    for number in range(30):
        system.place(f"{LONG_ID}-{number}", "alice", "BTC", LONG_NUMBER, f"60001.{number + 10}")
    shown = on_a_screen(program, columns, "watch", "--count", "1")
    assert LONG_NUMBER in re.sub(r"\s", "", shown)
    amounts, prices = re.findall(r"amount", shown), re.findall(r"price +60001\.\d\d\s", shown)
    assert 1 <= len(amounts) == len(prices) < 30


@pytest.mark.parametrize("columns", HEADERS)
def test_stats_and_a_replay_cut_no_number(program, system, columns, tmp_path):
    for number in range(1200):
        system.place(f"order{number}", LONG_ID * 2, "BTC", 1, 2)
    shown = on_a_screen(program, columns, "stats")
    tables = shown[: shown.index("client")].splitlines()
    assert max(map(len, tables)) <= columns
    (total,) = (line.split() for line in tables if "in all" in line)
    assert total[:4] == ["in", "all", "1,200", "1,200"]
    file = tmp_path / "orders.jsonl"
    file.write_text("".join(f'{{"op":"pause","order_id":"order{number}"}}\n' for number in range(1200)))
    replayed = on_a_screen(program, columns, "replay", str(file))
    assert re.search(r"in all +1200 +0 +0", replayed)


def test_an_ascii_terminal_gets_ascii_boxes_and_bars(program, system, tmp_path):
    program.environment["PYTHONIOENCODING"] = "ascii"
    for number in range(20):
        system.place(f"é{number}" * 20, "alice", "BTC", "0.5", "60001.01")
    file = tmp_path / "orders.jsonl"
    file.write_text('{"op":"cancel","order_id":"order1"}\n' * 300)
    for arguments in (
        ("live",),
        ("stats",),
        ("watch", "--count", "1"),
        ("replay", str(file)),
        ("demo", "--url", "memory://"),
    ):
        shown = on_a_screen(program, 80, *arguments)
        assert "+--" in shown, arguments
        assert shown.isascii(), shown
        assert not re.search(r"\\u2|\\U", shown), shown
        # The screen of a watch and a progress bar are drawn over, and the demo's sentences may be long.
        assert arguments[0] in {"watch", "demo", "replay"} or max(map(len, shown.splitlines())) <= 80
    assert "####" in on_a_screen(program, 120, "stats")
