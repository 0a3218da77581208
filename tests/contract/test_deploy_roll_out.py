"""Pods that come and go: ends without a gap, a development cluster with room for all, applies without conflicts."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from tests.contract.test_deploy_compose import environment_of
from tests.contract.test_deploy_k8s import (
    COMPONENTS,
    OVERLAYS,
    Manifest,
    build,
    combinations,
    container,
    of_kind,
    pod,
    settings_class,
    workload,
    workloads,
)
from tools.system import SERVICES

__all__ = ["build"]  # a fixture
UNITS = {"": 1.0, "m": 1e-3, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}
CLUSTER_CPUS = 0.95
"""What Kubernetes' own pods ask for on a node made by kubeadm or kind."""


def amount(quantity: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([a-zA-Z]*)", quantity).groups()
    return float(number) * UNITS[unit]


def total(manifests: list[Manifest], kind: str, resource: str) -> float:
    """Over all pods."""
    each = ((w["spec"].get("replicas", 1), container(w)["resources"][kind][resource]) for w in workloads(manifests))
    return sum(replicas * amount(quantity) for replicas, quantity in each)


def surge(manifests: list[Manifest], resource: str) -> float:
    """Of the largest pod that is started beside the one it replaces."""
    beside = [w for w in workloads(manifests) if w["spec"].get("strategy", {}).get("type") == "RollingUpdate"]
    return max(amount(container(w)["resources"]["requests"][resource]) for w in beside)


def test_a_node_of_two_cpus_and_six_gigabytes_has_room_for_the_dev_overlay(build) -> None:
    manifests = build("overlays/dev")
    cpus, memory = total(manifests, "requests", "cpu"), total(manifests, "requests", "memory")
    with_surge = cpus + surge(manifests, "cpu")
    assert (round(cpus, 2), round(with_surge, 2)) == (0.65, 0.85), "as the overlay's comment says"
    assert with_surge + CLUSTER_CPUS < 2
    assert (round(memory / 2**30, 1), round((memory + surge(manifests, "memory")) / 2**30, 1)) == (2.0, 2.9)
    assert total(manifests, "limits", "memory") < 6e9, "nor do they use more"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("folder", ["base", "overlays/dev", "overlays/prod"])
def test_a_pod_is_withdrawn_before_it_ends_and_has_time_to_end(build, folder: str, service: str) -> None:
    w = workload(build(folder), service)
    pause = container(w)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause >= 5
    drain = float(environment_of("gateway")["GATEWAY_DRAIN_S"]) if service == "gateway" else 0.0
    grace = settings_class(service).model_fields["grace_s"].default
    assert pod(w)["terminationGracePeriodSeconds"] >= pause + drain + grace + 10
    if w["kind"] == "Deployment" and service != "render":
        assert w["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


@pytest.mark.parametrize("service", SERVICES)
def test_replicas_are_spread_over_nodes(build, service: str) -> None:
    w = workload(build("overlays/prod"), service)
    (spread,) = pod(w)["topologySpreadConstraints"]
    labels = w["spec"]["template"]["metadata"]["labels"].items()
    assert spread["labelSelector"]["matchLabels"].items() <= labels and spread["topologyKey"]
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway", "one node is enough"


def parts(value: Any) -> list[dict[str, Any]]:
    """Every mapping in a manifest."""
    if isinstance(value, list):
        return [found for v in value for found in parts(v)]
    return [value, *parts(list(value.values()))] if isinstance(value, dict) else []


@pytest.mark.parametrize(
    ("folder", "components"), combinations(), ids=lambda v: v if isinstance(v, str) else "+".join(v)
)
def test_what_the_server_compares_as_a_whole_is_written_as_the_server_keeps_it(
    build, folder: str, components: tuple[str, ...]
) -> None:
    """Else the first server-side apply after a client-side one finds a value that differs, and reports a conflict."""
    manifests = build(folder, components)
    for part in parts(manifests):
        if "fieldRef" in part:
            assert part["fieldRef"]["apiVersion"] == "v1"
        for claim in part.get("volumeClaimTemplates", []):
            assert (claim["apiVersion"], claim["kind"]) == ("v1", "PersistentVolumeClaim")
            assert claim["spec"]["volumeMode"] == "Filesystem" and claim["status"] == {"phase": "Pending"}
    for policy in of_kind(manifests, "NetworkPolicy"):
        rules = [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
        assert all("protocol" in port for rule in rules for port in rule["ports"])
    for w in workloads(manifests):
        c, spec = container(w), pod(w)
        keys = [e["name"] for e in c.get("env", [])], [m["mountPath"] for m in c["volumeMounts"]]
        for names in (*keys, [p["containerPort"] for p in c["ports"]], [v["name"] for v in spec["volumes"]]):
            assert max(Counter(names).values(), default=1) == 1, "an entry that is there twice cannot be merged"


def test_every_overlay_and_component_is_looked_at() -> None:
    assert {f for f, _ in combinations()} == {"base", *(f"overlays/{o}" for o in OVERLAYS)}
    assert {c for _, cs in combinations() for c in cs} == set(COMPONENTS)
