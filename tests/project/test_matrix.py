"""The matrix covers what is supported, and CI runs all of it."""

import re
import tomllib

import pytest

from tests.support.matrix import LEGS, REDIS_PY, SERVERS
from tests.support.servers import REPOSITORY

CI = REPOSITORY / ".github" / "workflows" / "ci.yml"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def test_each_server_meets_each_redis_py():
    assert sorted((leg.server, leg.redis_py) for leg in LEGS) == sorted(
        (server, redis_py) for server in SERVERS for redis_py in REDIS_PY
    )
    assert len({leg.name for leg in LEGS}) == len(LEGS)


@pytest.mark.parametrize("what", [*SERVERS, *REDIS_PY])
def test_all_are_tested_with_and_without_hiredis(what):
    assert {leg.hiredis for leg in LEGS if what in leg} == {True, False}


def test_ci_runs_every_python_that_is_supported():
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    (tested,) = re.findall(r"python: \[(.*)\]", CI.read_text())
    assert re.findall(r'"(3\.\d+)"', tested) == classified
    assert PROJECT["requires-python"] == f">={classified[0]}"
