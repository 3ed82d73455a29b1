"""What goes wrong is one line on stderr, and an exit code."""

import re
import subprocess
import sys

import pytest

from tests.support.consistency import keys_of
from tests.support.every_command import COMMANDS, example_of
from tests.support.program import MODULE, SCRIPT, Program, answered


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("place", "", "alice", "BTC", "1", "2"), "order_id must not be empty"),
        (("place", "order1", "alice", "BTC", "nan", "2"), "amount must be finite"),
        (("place", "order1", "alice", "BTC", "1", "cheap"), "price must be a decimal number"),
        (("cancel", "x" * 257), "order_id must be at most 256 bytes"),
        (("count", "--url", "http://localhost"), "the url must begin with"),
        (("count", "--namespace", "a b"), "namespace must be"),
        (("count", "--streams", "0"), "num_streams must be 1 to"),
        (("count", "--streams", "many"), "--streams"),
        (("live", "--status", "gone"), "--status"),
        (("live", "--limit", "0"), "limit must be 1 or more"),
        (("live", "--after", "-1"), "after must be 0 to"),
        (("live", "--placed-after", "2026-11-23T09:30"), "has no offset"),
        (("live", "--placed-before", "tomorrow"), "'tomorrow' is not a time"),
        (("count", "--user", ""), "user_id must not be empty"),
        (("watch", "--interval", "0"), "--interval"),
        (("watch", "--interval", "inf"), "--interval"),
        (("watch", "--count", "0"), "--count"),
        (("replay", "no/such/file"), "no/such/file"),
        (("submit", "no/such/file"), "no/such/file"),
        (("worker", "--streams", "1"), "--streams has no stream '1': the numbers are 0 to 0"),
        (("worker", "--streams", "0,"), "--streams has no stream ''"),
        (("worker", "--max-lag", "1"), "--max-lag is for --status"),
        (("intake", "configure"), "give at least one setting"),
        (("intake", "configure", "--quiet", "soon"), "'soon' is neither a number of seconds nor 'never'"),
        (("intake", "configure", "--late", "drop"), "--late"),
        (("intake", "configure", "--window", "-1"), "window must be 0 to"),
        (("intake", "dead", "--limit", "0"), "limit must be 1 to"),
        (("intake", "resubmit"), "give the ids of events, or --all"),
        (("intake", "resubmit", "e", "--all"), "give the ids of events, or --all"),
        (("web", "--listen", "8080"), "--listen must be HOST:PORT"),
        (("web", "--listen", "no-such-host.invalid:80"), "cannot listen at no-such-host.invalid:80: "),
        (("pause",), "order_id"),
        (("fly",), "fly"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_was_wrong(run, system, arguments, says):
    result = run(*arguments)
    assert answered(result, 2, "")
    assert says in result.stderr


def test_an_argument_that_is_not_utf8_is_refused(program, system):
    result = program.run("cancel", b"\xff")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("cryptoorders: order_id cannot be written as UTF-8")


def test_another_number_of_streams_exits_with_2(run):
    assert run("place", "order1", "alice", "BTC", "1", "2", "--streams", "3").exit_code == 0
    result = run("count", env={"CRYPTOORDERS_STREAMS": "4"})
    assert result.exit_code == 2
    assert "num_streams=3, not 4" in result.stderr
    assert run("count", env={"CRYPTOORDERS_STREAMS": "3"}).stdout == "1\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unreachable_store_is_one_line_and_exit_code_2(run, command):
    result = run(*example_of(command), env={"CRYPTOORDERS_URL": "unix:///no/such/socket"})
    assert answered(result, 2, "")
    assert re.fullmatch(r"cryptoorders: .*/no/such/socket.*\n", result.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_url_and_a_server_it_says_what_to_do(run, monkeypatch, command):
    monkeypatch.setattr("cryptoorders_redis.transport.endpoint.DEFAULT_URL", "redis://localhost:1/0")
    what_to_do = "start a Redis server, or use --url file:./orders for a private one"
    for nowhere in (None, ""):
        result = run(*example_of(command), env={"CRYPTOORDERS_URL": nowhere})
        assert answered(result, 2, "")
        assert re.fullmatch(rf"cryptoorders: .*localhost:1.*; {what_to_do}\n", result.stderr)
    named = run(*example_of(command), "--url", "redis://localhost:1/0")
    assert named.exit_code == 2
    assert "start a Redis server" not in named.stderr


@pytest.mark.parametrize("started_by", [MODULE, SCRIPT], ids=["module", "script"])
@pytest.mark.parametrize("url", ["unix:///no/such/socket", "redis://localhost:1/0"])
def test_an_unreachable_store_shows_no_traceback(namespace, started_by, url):
    result = Program(url, namespace).run("count", program=started_by)
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(r"cryptoorders: .+\n", result.stderr)


def test_what_goes_wrong_later_is_one_line_too(own_server, namespace):
    server = own_server("--maxmemory", "1")
    result = Program(server.url, namespace).run("place", "order1", "alice", "BTC", "1", "2")
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(r"cryptoorders: .*memory.*\n", result.stderr)


def without_module(name):
    code = f"import sys; sys.modules[{name!r}] = None; from cryptoorders_redis.__main__ import main; main()"
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_what_to_install(missing):
    result = without_module(missing)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "the command line is not installed: run pip install 'cryptoorders-redis[cli]'\n"


def test_another_missing_module_is_not_taken_for_the_extra():
    result = without_module("cryptoorders_redis.cli.demo")
    assert result.returncode == 1
    assert "cryptoorders_redis.cli.demo" in result.stderr.splitlines()[-1]


CREATING = {"place", "replay", "submit", "import"}


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - CREATING))
@pytest.mark.parametrize("streams", [(), ("--streams", "3")], ids=["", "streams"])
def test_a_missing_namespace_is_named_and_not_created(run, server, namespace, command, streams):
    result = run(*example_of(command), *streams)
    assert result.exit_code == 2
    assert result.stderr == (
        f"cryptoorders: there is no namespace '{namespace}' in this store; "
        "`cryptoorders place`, `replay` and `submit` create one\n"
    )
    with server.client() as raw:
        assert keys_of(raw, namespace) == []
