"""Options, help, and the two ways to start the program."""

import re
import tomllib

import pytest

from cryptoorders_redis import __version__
from tests.support.every_command import COMMANDS
from tests.support.program import answered
from tests.support.servers import REPOSITORY


@pytest.mark.parametrize("command", [*COMMANDS, "demo"])
def test_every_command_has_the_options_of_the_store(run, command):
    shown = run(*command.split(), "--help").stdout
    assert {"--url", "--namespace", "--streams", "--json"} <= set(re.findall(r"--\w+", shown))
    if command != "demo":
        variables = {"CRYPTOORDERS_URL", "CRYPTOORDERS_NAMESPACE", "CRYPTOORDERS_STREAMS"}
        if command == "worker":
            variables.remove("CRYPTOORDERS_STREAMS")  # its streams are numbers of streams
        assert variables <= set(re.findall(r"CRYPTOORDERS_\w+", shown))


def test_options_go_before_the_environment(run, server, system):
    system.place("order1", "alice", "BTC", 1, 2)
    elsewhere = {"CRYPTOORDERS_URL": "unix:///no/such/socket", "CRYPTOORDERS_NAMESPACE": "elsewhere"}
    options = ("--url", server.url, "--namespace", system._store.keys.namespace)
    assert run("count", *options, env=elsewhere).stdout == "1\n"


def test_the_version_is_printed(run):
    assert answered(run("--version"), 0, f"cryptoorders {__version__}\n")


@pytest.mark.parametrize("command", [(), *(tuple(command.split()) for command in (*COMMANDS, "demo"))])
def test_h_is_help_for_every_command(run, command):
    help_of = run(*command, "--help")
    assert "Usage: " in help_of.stdout
    assert answered(run(*command, "-h"), 0, help_of.stdout)


def test_a_shell_completes_commands_and_options(program):
    assert "--install-completion" in program.run("--help").stdout
    program.environment |= {"_CRYPTOORDERS_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    for typed, completed in (
        ("pla", {"place"}),
        ("can", {"cancel", "cancel-all", "cancel-all-after"}),
        ("--vers", {"--version"}),
    ):
        program.environment["COMP_WORDS"] = f"cryptoorders {typed}"
        assert set(program.run().stdout.split()) == completed


def test_the_help_says_the_exit_codes(run):
    assert "Exit codes: 0 done" in run("--help").stdout


def test_the_script_is_the_one_that_the_package_declares():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"cryptoorders": "cryptoorders_redis.__main__:main"}
    assert {"typer", "rich"} == {need.split(">")[0] for need in project["optional-dependencies"]["cli"]}
