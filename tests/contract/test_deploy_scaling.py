"""Render is scaled by what waits and by its free slots: HPA with prometheus-adapter, or KEDA, by the same figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from services.common import metrics
from services.gateway.jobs import capacity
from services.gateway.store.jobs import QUEUES
from tests.contract.test_deploy_helm import OPTIONS, made
from tests.contract.test_deploy_k8s import of_kind, one, workload
from tests.contract.test_deploy_prometheus import PROMETHEUS, load, needs_promtool, promtool
from tools.system import SERVICES


def adapted() -> dict[str, str]:
    """Queries of the adapter by the name of their metric, as it asks them for the namespace ``huasheng``."""
    rules = load(PROMETHEUS / "adapter.yml")["externalRules"]
    return {r["name"]["as"]: r["metricsQuery"].replace("<<.LabelMatchers>>", 'namespace="huasheng"') for r in rules}


def test_every_engine_has_one_autoscaler_that_owns_its_replicas() -> None:
    for name in ("cpu", "queue", "keda"):
        manifests = made(*OPTIONS[name])
        scalers = of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject")
        assert sorted(s["metadata"]["name"] for s in scalers) == sorted(set(SERVICES) - {"gateway"})
        for s in scalers:
            assert "replicas" not in workload(manifests, s["spec"]["scaleTargetRef"]["name"])["spec"]


def test_the_autoscaler_asks_for_metrics_that_the_adapter_gives() -> None:
    wanted = one(made(*OPTIONS["queue"]), "HorizontalPodAutoscaler", "render")["spec"]["metrics"]
    assert {m["external"]["metric"]["name"] for m in wanted} == set(adapted())


def test_keda_asks_the_same_as_the_adapter() -> None:
    triggers = one(made(*OPTIONS["keda"]), "ScaledObject", "render")["spec"]["triggers"]
    assert [t["metadata"]["query"] for t in triggers] == list(adapted().values())
    assert [t["metricType"] for t in triggers] == ["AverageValue", "Value"]
    wanted = one(made(*OPTIONS["queue"]), "HorizontalPodAutoscaler", "render")["spec"]["metrics"]
    targets = [m["external"]["target"] for m in wanted]
    assert [t["type"] for t in targets] == ["AverageValue", "Value"]
    assert [t["metadata"]["threshold"] for t in triggers] == [targets[0]["averageValue"], targets[1]["value"]]


def test_the_queues_are_those_of_the_code() -> None:
    (queues,) = set(re.findall(r'queue=~"([^"]+)"', " ".join(adapted().values())))
    known = set(QUEUES.values())
    assert set(queues.split("|")) == known - {"training"}, "trainings wait for each other, not for more renderers"


def test_the_metrics_are_those_of_the_code() -> None:
    named = set(re.findall(r"\bhuasheng_\w+(?=\{)", " ".join(adapted().values())))
    assert named == {metrics.QUEUE_DEPTH._name, capacity.RENDER_SLOTS._name}


@needs_promtool
def test_two_gateways_that_see_the_same_jobs_count_them_once(tmp_path: Path) -> None:
    def series(name: str, labels: str, value: int, namespace: str = "huasheng") -> dict[str, Any]:
        return {"series": f'{name}{{{labels},namespace="{namespace}"}}', "values": f"{value}x5"}

    waiting, slots = "huasheng_queue_depth", "huasheng_render_slots"
    inputs = [
        *(series(waiting, f'pod="{p}",queue="{q}"', n) for p in "ab" for q, n in (("render", 5), ("dialogue", 2))),
        series(waiting, 'pod="a",queue="training"', 9),
        series(waiting, 'pod="x",queue="render"', 50, "another"),
        *(series(slots, f'pod="{p}",state="{s}"', n) for p in "ab" for s, n in (("total", 8), ("used", 6))),
    ]
    wanted = {"huasheng_render_waiting": 7, "huasheng_render_slots_percent": 75}
    tests = [
        {"expr": query, "eval_time": "3m", "exp_samples": [{"labels": "{}", "value": wanted[name]}]}
        for name, query in adapted().items()
    ]
    (tmp_path / "t.yml").write_text(
        yaml.safe_dump(
            {"rule_files": [], "tests": [{"interval": "1m", "input_series": inputs, "promql_expr_test": tests}]}
        )
    )
    done = promtool("test", "rules", str(tmp_path / "t.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
