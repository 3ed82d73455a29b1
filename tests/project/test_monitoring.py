"""The files in deploy/ that watch a store: every metric, label and command in them is real."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry

from cryptoorders_redis import CryptoOrderSystem
from cryptoorders_redis.cli.app import app
from cryptoorders_redis.metrics import ANSWERS, CallMetrics, StoreCollector
from tests.support.servers import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
GUIDE = (REPOSITORY / "docs" / "guides" / "metrics.md").read_text(encoding="utf-8")

ADDED_BY_PROMETHEUS = {"instance", "job"}


@pytest.fixture(scope="module")
def labels_of():
    """The names of the labels of each metric that is really given, by the name of the sample."""
    registry = CollectorRegistry()
    with CryptoOrderSystem(2, url="memory://monitoring", observer=CallMetrics(registry)) as system:
        registry.register(StoreCollector(system))
        system.configure(feed=10)
        system.place("o", "alice", "BTC", 1, 1, expires_at=timedelta(hours=1))
        return {
            sample.name: set(sample.labels)
            for metric in registry.collect()
            for sample in metric.samples
            if not sample.name.endswith("_created")
        }


RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(
        pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
        for panel in PANELS
        for target in panel["targets"]
    ),
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_is_given(labels_of, expression):
    names = re.findall(r"\bcryptoorders_\w+", expression)
    assert names
    assert set(names) <= labels_of.keys()
    there = ADDED_BY_PROMETHEUS.union(*(labels_of[name] for name in names))
    for name, given in re.findall(r"\b(cryptoorders_\w+)\{([^}]*)\}", expression):
        matchers = re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', given)
        assert {label for label, _ in matchers} <= labels_of[name] | ADDED_BY_PROMETHEUS
        for label, value in matchers:
            assert label != "answer" or set(value.split("|")) <= ANSWERS
    for given in re.findall(r"\b(?:by|without) \(([^)]*)\)", expression):
        assert set(given.split(", ")) <= there


def test_each_legend_names_a_label_that_the_panel_has():
    for panel in PANELS:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert re.search(rf"\bby \([^)]*\b{label}\b[^)]*\)", target["expr"]), panel["title"]


def test_each_number_of_the_store_is_in_the_dashboard(labels_of):
    shown = json.dumps(DASHBOARD)
    assert not {name for name in labels_of if not name.endswith("_sum") and name not in shown}


def test_the_guide_has_each_metric_with_its_labels(labels_of):
    rows = dict(re.findall(r"^\| `(cryptoorders_\w+)` \| ([^|]*) \|", GUIDE, re.MULTILINE))
    real = {re.sub(r"_(bucket|sum|count)$", "", name): labels for name, labels in labels_of.items()}
    assert rows.keys() == real.keys()
    for name, row in rows.items():
        assert set(re.findall(r"`(\w+)`(?! =)", row.partition("=")[0])) <= real[name] | {"status", "outcome"}
        assert not {label for label in real[name] - {"le"} if f"`{label}`" not in row}


def test_the_alerts_are_those_that_were_asked_for():
    assert {rule["alert"] for rule in RULES} == {
        "CryptoOrdersDown", "CryptoOrdersMetricsMissing", "CryptoOrdersEventsOld", "CryptoOrdersNoWorker",
        "CryptoOrdersDeadlinesLate", "CryptoOrdersOutcomeUnknown", "CryptoOrdersStoreFull",
    }  # fmt: skip
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
    panels = {panel["id"] for panel in DASHBOARD["panels"]}
    assert len(panels) == len(DASHBOARD["panels"])


def parse_command(words):
    """Parse the words of a command as the program does, and do nothing. Return its name and options."""
    program, name, *arguments = words
    assert Path(program).name == "cryptoorders"
    commands: Any = typer.main.get_command(app)
    with commands.commands[name].make_context(name, arguments) as context:
        return name, context.params


def read_unit(path):
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.read(path)
    return unit


@pytest.mark.parametrize("path", UNITS, ids=[path.name for path in UNITS])
def test_a_unit_runs_a_command_that_is_there(path):
    name, params = parse_command(shlex.split(read_unit(path)["Service"]["execstart"]))
    assert name in path.name
    assert params.get("listen", "127.0.0.1:9464") == "127.0.0.1:9464"


@pytest.mark.parametrize("path", UNITS, ids=[path.name for path in UNITS])
def test_systemd_takes_each_unit(path, tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze")
    there = tmp_path / path.name
    start = f"ExecStart={sys.executable}"
    there.write_text(re.sub(r"ExecStart=\S+", start, path.read_text(encoding="utf-8")), encoding="utf-8")
    done = subprocess.run([program, "verify", there], check=False, capture_output=True, text=True)
    assert (done.returncode, path.name in done.stderr) == (0, False), done.stderr


def test_compose_serves_what_prometheus_scrapes():
    service = COMPOSE["services"]["exporter"]
    name, params = parse_command(service["command"])
    assert name == "metrics"
    prometheus = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = prometheus["scrape_configs"]
    ((target,),) = (each["targets"] for each in job["static_configs"])
    assert target == f"exporter:{params['listen'].rpartition(':')[2]}"
    assert "ports" not in service
    assert service["environment"].keys() == {"CRYPTOORDERS_URL", "CRYPTOORDERS_NAMESPACE"}
    for path in re.findall(r"COPY (.+) /source", service["build"]["dockerfile_inline"]):
        assert all((REPOSITORY / each).exists() for each in path.split())


def test_compose_mounts_files_that_are_there():
    for name in ("prometheus", "grafana"):
        service = COMPOSE["services"][name]
        assert service["profiles"] == ["metrics"]
        mounted = [volume.split(":")[0] for volume in service["volumes"] if volume.startswith("./")]
        assert len(mounted) >= 2
        assert all((REPOSITORY / path).is_file() for path in mounted)
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    (rules,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))["rule_files"]
    assert any(volume.endswith(f"/{rules}:ro") for volume in COMPOSE["services"]["prometheus"]["volumes"])
    (provider,) = yaml.safe_load((DEPLOY / "grafana-dashboards.yml").read_text(encoding="utf-8"))["providers"]
    folder = provider["options"]["path"]
    assert any(f":{folder}/" in volume for volume in COMPOSE["services"]["grafana"]["volumes"])
    (source,) = yaml.safe_load((DEPLOY / "grafana-datasource.yml").read_text(encoding="utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
