"""The alerts hold under promtool, and alerts and dashboard speak only of metrics, labels and jobs that the code has."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from services.common.tracing import export
from services.gateway import app
from services.gateway.live import turn_record
from tools.system import METRICS_PORTS, SERVICES

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
PROMTOOL = shutil.which("promtool")
STAGES = ("asr_final", "llm_first_token", "tts_first_audio", "render_first_frame", "turn")

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing (Debian: apt-get install prometheus)")


def promtool(*args: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL
    return subprocess.run([PROMTOOL, *args], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [r for g in load(PROMETHEUS / "alerts.yml")["groups"] for r in g["rules"]]


def dashboard() -> dict[str, Any]:
    return json.loads((GRAFANA / "huasheng.json").read_text(encoding="utf-8"))


def expressions() -> list[str]:
    from_alerts = [r["expr"] for r in rules()]
    from_panels = [t["expr"] for p in dashboard()["panels"] for t in p.get("targets", [])]
    assert len(from_alerts) > 30 and len(from_panels) > 35
    return from_alerts + from_panels


def exported() -> dict[str, set[str]]:
    """Every series name the services expose, with its labels."""
    out: dict[str, set[str]] = {"up": set(), "process_start_time_seconds": set(), "ALERTS": {"alertstate"}}
    out |= {"process_resident_memory_bytes": set(), "process_cpu_seconds_total": set()}
    assert app and export  # with all that they import: what the gateway exports, and what all services do
    for metric in set(REGISTRY._collector_to_names):
        if not isinstance(metric, Counter | Gauge | Histogram):
            continue
        (family,) = metric.describe()
        labels = set(metric._labelnames)
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}[family.type]
        for suffix in suffixes:
            out[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    for rule in rules():
        if "record" in rule:
            out[rule["record"]] = {"stage", "service"}
    return out


@needs_promtool
def test_config_and_rules_are_valid() -> None:
    for args in (("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml")):
        done = promtool(*args)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_every_alert_fires_when_it_should_and_not_else() -> None:
    done = promtool("test", "rules", "alerts_test.yml", "alerts_days_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested() -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in PROMETHEUS.glob("*_test.yml"))
    for rule in rules():
        if "alert" in rule:
            assert rule["alert"] in text, f"{rule['alert']} has no test"


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert set(rule["annotations"]) == {"summary", "description"}


def test_alerts_and_dashboard_name_only_metrics_that_exist() -> None:
    known = exported()
    for expression in expressions():
        bare = re.sub(r'"[^"]*"', '""', expression)
        for name in re.findall(r"\b(?:huasheng|process)[a-z_:0-9]*\b", bare):
            assert name in known, f"{name} in {expression}"


def test_alerts_and_dashboard_name_only_labels_that_exist() -> None:
    known = exported()
    for expression in expressions():
        for name, matchers in re.findall(r"([a-zA-Z_:]+)\{([^}]*)\}", expression):
            used = set(re.findall(r"(\w+)\s*[=!]~?", matchers))
            assert used <= known[name] | {"job", "instance"}, f"{used} in {expression}"


def test_alerts_and_dashboard_name_only_stages_that_are_timed() -> None:
    timed = set(re.findall(r'"([a-z_]+)"', (ROOT / "services/gateway/turn/timings.py").read_text(encoding="utf-8")))
    named = {s for e in expressions() for s in re.findall(r'stage="([a-z_]+)"', e)}
    assert named == set(STAGES)
    assert named <= timed


def test_every_stage_has_a_budget() -> None:
    budgeted = {s for r in rules() if "alert" in r for s in re.findall(r'stage="([a-z_]+)"\} > ', r["expr"])}
    assert budgeted == set(STAGES)


def test_every_service_is_scraped_where_it_exports_and_watched() -> None:
    jobs = {j["job_name"]: j["dns_sd_configs"][0] for j in load(PROMETHEUS / "prometheus.yml")["scrape_configs"]}
    assert {name: config["port"] for name, config in jobs.items()} == METRICS_PORTS
    for name, config in jobs.items():
        assert config["names"] == [name] and config["type"] == "A"
    watched = {r["labels"]["service"] for r in rules() if r.get("alert") == "HuashengServiceDown"}
    assert watched == set(SERVICES)


def test_dashboard_is_whole_and_is_found_by_its_provisioning() -> None:
    board = dashboard()
    ids = [p["id"] for p in board["panels"]]
    assert len(ids) == len(set(ids))
    cells: set[tuple[int, int]] = set()
    for p in board["panels"]:
        at = p["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & mine, f"{p['title']} lies on another panel"
        cells |= mine
    (source,) = load(GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    assert source["type"] == "prometheus"
    variable = board["templating"]["list"][0]
    assert variable["name"] == "datasource" and variable["query"] == source["type"]
    (provider,) = load(GRAFANA / "provisioning/dashboards/huasheng.yml")["providers"]
    assert provider["type"] == "file"


def test_panels_of_latency_show_exemplars_and_prometheus_keeps_them() -> None:
    """Only the buckets themselves have exemplars: a recorded percentile leads to no trace."""
    shown = [t for p in dashboard()["panels"] for t in p.get("targets", []) if "histogram_quantile" in t["expr"]]
    assert len(shown) >= 8 and all(t.get("exemplar") and "_bucket" in t["expr"] for t in shown)
    for quantile in ("0.5", "0.95", "0.99"):
        assert any(f"histogram_quantile({quantile}, sum by (stage" in t["expr"] for t in shown)
    compose = load(ROOT / "docker-compose.yml")["services"]
    assert "--enable-feature=exemplar-storage" in compose["prometheus"]["command"]
    deployment = (ROOT / "deploy/k8s/components/monitoring/prometheus.yaml").read_text(encoding="utf-8")
    assert "--enable-feature=exemplar-storage" in deployment
    (source,) = load(GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    (link,) = source["jsonData"]["exemplarTraceIdDestinations"]
    assert link["name"] == "trace_id" and "TRACES_PAGE" in link["url"]
    assert "TRACES_PAGE" in compose["grafana"]["environment"]


def test_the_bound_of_the_first_clause_is_a_bucket() -> None:
    (bound,) = {b for e in expressions() for b in re.findall(r'first_clause_seconds_bucket\{le="([\d.]+)"', e)}
    assert float(bound) in turn_record.FIRST_CLAUSE_SECONDS._upper_bounds
