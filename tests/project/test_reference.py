"""The reference pages leave nothing out: no call, no error, no command, no option, no setting."""

import inspect
from typing import Any

import pytest
import typer

import cryptoorders_redis
from cryptoorders_redis import (
    AsyncCryptoOrderSystem,
    AsyncIntake,
    AsyncWorker,
    CryptoOrderSystem,
    Intake,
    UserOrders,
    Worker,
    errors,
)
from cryptoorders_redis.cli.app import app
from tests.project.pages import REPOSITORY

REFERENCE = REPOSITORY / "docs" / "reference"

PROGRAM: Any = typer.main.get_command(app)  # its class is a different one in each release of typer


def commands(group, *before):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *before, name)
        else:
            yield " ".join((*before, name)), command


COMMANDS = dict(commands(PROGRAM))

ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and value.__module__ == errors.__name__
}


def page(name):
    return (REFERENCE / name).read_text(encoding="utf-8")


def calls(cls):
    return {name for name in vars(cls) if not name.startswith("_") and callable(getattr(cls, name))}


def options(command):
    found = {
        name
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in parameter.opts
    }
    return {name for name in found if name.startswith("--")}


@pytest.mark.parametrize("cls", [CryptoOrderSystem, AsyncCryptoOrderSystem])
def test_every_call_of_a_system_is_in_the_api(cls):
    assert not {name for name in calls(cls) if f"`{name}(" not in page("api.md")}


@pytest.mark.parametrize("cls", [Intake, AsyncIntake])
def test_every_call_of_the_intake_is_in_the_api(cls):
    assert not {name for name in calls(cls) if f"`intake.{name}(" not in page("api.md")}


@pytest.mark.parametrize("cls", [Worker, AsyncWorker])
def test_every_call_of_a_worker_is_in_the_api(cls):
    assert not {name for name in calls(cls) if f"`worker.{name}(" not in page("api.md")}


def test_every_call_of_a_user_is_in_the_api():
    _, _, section = page("api.md").partition("## UserOrders")
    assert not {name for name in calls(UserOrders) if f"`{name}`" not in section}


@pytest.mark.parametrize(
    "call", ["place", "amend", "reduce", "live_orders", "count", "summary", "submit", "outcome"]
)
def test_every_parameter_of_a_call_is_in_the_api(call):
    (row,) = (line for line in page("api.md").splitlines() if line.startswith(f"| `{call}("))
    signature = inspect.signature(getattr(CryptoOrderSystem, call))
    assert not {name for name in signature.parameters if name not in row} - {"self"}


def test_every_parameter_of_the_system_is_in_the_api():
    row = next(line for line in page("api.md").splitlines() if line.startswith("| `CryptoOrderSystem("))
    assert not {name for name in inspect.signature(CryptoOrderSystem).parameters if name not in row}


def test_every_name_of_the_package_is_in_the_api():
    assert not {name for name in cryptoorders_redis.__all__ if name not in page("api.md")}


def test_every_error_is_in_the_errors_and_in_the_guide():
    guide = (REPOSITORY / "docs" / "guides" / "errors.md").read_text(encoding="utf-8")
    assert not {name for name in ERRORS if f"| `{name}` |" not in page("errors.md")}
    assert not {name for name in ERRORS if f"`{name}`" not in guide}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_command_line(name):
    text = page("command-line.md")
    assert f"| `{name}" in text
    assert not {option for option in options(COMMANDS[name]) if option not in text} - {"--help"}


def test_every_setting_is_in_the_key_schema(open_system, raw, namespace):
    system = open_system(3)
    system.intake.configure(window=1, quiet=1, late="apply", ahead=1, limit=1, remember=1)
    settings = raw.hkeys(f"{{{namespace}}}:config")
    assert settings
    assert not {name for name in settings if f"`{name.decode()}`" not in page("key-schema.md")}
