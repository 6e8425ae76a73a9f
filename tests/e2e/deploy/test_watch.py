"""What operators watch: dashboard and alerts name what a running server tells, and the guide says what each alert means."""

import json
import re
import subprocess

import pytest
import yaml
from lenticular.deploy import DEPLOY, ROOT

METRIC = re.compile(r"\b(?:lenticular|process)_[a-z_]+\b")
# told only while something does not work
SOMETIMES = {"lenticular_failing"}


@pytest.fixture(scope="module")
def told(nobody) -> set:
    """Every metric of a running server, by its TYPE line, with a value of its own."""
    text = nobody.get("/metrics").expect(200).body.decode()
    typed = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    valued = {re.match(r"[a-z_]+", line)[0] for line in text.splitlines() if line and not line.startswith("#")}
    assert typed - valued <= SOMETIMES and valued <= typed
    return typed


def named(expression: str) -> set:
    return set(METRIC.findall(re.sub(r"\{[^}]*\}", "", expression)))


def test_the_dashboard_shows_what_there_is_and_nothing_else(told):
    dashboard = json.loads((DEPLOY / "grafana/lenticular.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    shown = set().union(*(named(target["expr"]) for panel in panels for target in panel["targets"]))
    assert shown == told
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places), "two panels stand in one place"


def alerts() -> dict:
    groups = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_alerts_ask_for_what_there_is(told):
    for name, rule in alerts().items():
        assert named(rule["expr"]) <= told, f"{name} asks for {named(rule['expr']) - told}"


@pytest.mark.parametrize("page", ["operating.md", "operating.de.md", "operating.zh.md"])
def test_the_guide_has_every_alert(page):
    text = (ROOT / "docs/guide" / page).read_text()
    headings = set(re.findall(r"^#+ (Lenticular\w+)$", text, re.M))
    assert headings == set(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"].endswith(f"#{name.lower()}")


@pytest.mark.parametrize("args", [("check", "rules", "alerts.yml"), ("check", "config", "scrape.yml"), ("test", "rules", "alerts_test.yml")])
def test_prometheus_agrees(args):
    done = subprocess.run(["promtool", *args], capture_output=True, text=True, timeout=120, cwd=DEPLOY / "prometheus")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboards_and_alerts_expressions_read(tmp_path):
    """Each expression of the dashboard, as a rule that promtool parses."""
    dashboard = json.loads((DEPLOY / "grafana/lenticular.json").read_text())
    rules = []
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "1m").replace("$job", ".*").replace("$instance", ".*")
            rules.append({"record": f"panel:p{panel['id']}:{target['refId'].lower()}", "expr": expression})
    assert len(rules) > 15
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "panels.yml"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_patronis_example_waits_no_longer_than_it_may():
    patroni = yaml.safe_load((DEPLOY / "patroni/patroni.yml").read_text())
    dcs = patroni["bootstrap"]["dcs"]
    # Patroni's own rule: loop_wait + 2 * retry_timeout <= ttl
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"] <= 30
    assert dcs["synchronous_mode_strict"], "an acknowledged commit could be on one server alone"
    # what an old leader needs to come back by itself; tests/e2e/cluster shows that it does, with less log
    shared = dcs["postgresql"]["parameters"]
    kept, most = (int(shared[name].removesuffix("GB")) for name in ("wal_keep_size", "max_wal_size"))
    assert kept >= most, "pg_rewind may not find the last common checkpoint"
    assert "password" not in json.dumps(patroni).lower()
