"""The Helm chart: lints, makes what kustomize makes, refuses mistakes, and every option passes the schemas."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml

from tests.contract.test_deploy_k8s import (
    Manifest,
    build,
    container,
    known_variables,
    of_kind,
    one,
    pod,
    validated,
    workload,
    workloads,
)
from tools import helm, k8s_base
from tools.system import ROOT, SERVICES

__all__ = ["build"]  # a fixture
EXAMPLES = ROOT / "deploy" / "examples"
VALUES = sorted(EXAMPLES.glob("values-*.yaml"))
DIGEST = "sha256:" + "a" * 64
CUSTOM = ("PodMonitor", "PrometheusRule", "ScaledObject", "HTTPRoute", "Gateway")
"""Kinds that are not Kubernetes' own, and so have no published schema here."""
OPTIONS = {
    "nothing": (),
    "ingress": ("ingress.enabled=true", "ingress.host=a.example.org", "publicUrl=https://a.example.org"),
    "route": ("httpRoute.enabled=true", "httpRoute.host=a.example.org", "httpRoute.parentRefs[0].name=front"),
    "gateway": (
        "httpRoute.enabled=true",
        "httpRoute.host=a.example.org",
        "httpRoute.gateway.create=true",
        "httpRoute.gateway.className=envoy",
        "httpRoute.gateway.tlsSecret=page",
    ),
    "monitoring": ("podMonitor.enabled=true", "prometheusRule.enabled=true"),
    "cpu": ("autoscaling.enabled=true",),
    "queue": ("autoscaling.enabled=true", "autoscaling.renderBy=queue"),
    "keda": ("autoscaling.enabled=true", "autoscaling.renderBy=keda"),
    "tls": ("tls.enabled=true",),
    "open": ("networkPolicy.enabled=false",),
    "registry": (
        "image.registry=registry.example.org/team",
        "image.tag=1.2.3",
        f"asr.image.digest={DIGEST}",
        "tts.image.tag=9.9",
        "image.pullSecrets[0].name=pull",
    ),
}


@cache
def made(*options: str, values: str = "") -> list[Manifest]:
    """What the chart makes with ``--set`` options, or with an example's values."""
    sets = [part for option in options for part in ("--set", option)]
    given = ["-f", str(EXAMPLES / f"values-{values}.yaml")] if values else []
    text = helm.template("--namespace", "huasheng", *sets, *given)
    return [m for m in yaml.load_all(text, yaml.CSafeLoader) if m]


def test_the_kustomize_base_is_made_from_the_chart() -> None:
    for path, text in k8s_base.files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run python -m tools.k8s_base"
    files = {p.name for p in (k8s_base.K8S / "base").iterdir()}
    assert files == {p.name for p in k8s_base.files() if p.parent.name == "base"} | {"kustomization.yaml"}


@pytest.mark.parametrize("values", [None, *VALUES], ids=lambda p: p.stem if p else "defaults")
def test_it_lints(values: Any) -> None:
    helm.run("lint", "--strict", str(helm.CHART), *(["-f", str(values)] if values else []))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_passes_the_published_schemas(name: str) -> None:
    manifests = made(*OPTIONS[name])
    assert len(workloads(manifests)) == len(SERVICES)
    for m in manifests:
        if m["kind"] in CUSTOM:
            assert set(m) == {"apiVersion", "kind", "metadata", "spec"} and m["metadata"]["name"]
        else:
            validated(json.dumps(m))
        assert m["metadata"]["labels"]["app.kubernetes.io/part-of"] == "huasheng"
    names = [(m["kind"], m["metadata"]["name"]) for m in manifests]
    assert len(names) == len(set(names))


def in_order(value: Any) -> Any:
    """With lists of named things ordered by name: how Kubernetes takes them."""
    if isinstance(value, dict):
        return {k: in_order(v) for k, v in value.items()}
    if isinstance(value, list):
        is_named = all(isinstance(v, dict) and "name" in v for v in value)
        return sorted(map(in_order, value), key=lambda v: v["name"]) if is_named else [in_order(v) for v in value]
    return value


def comparable(manifests: list[Manifest]) -> dict[tuple[str, str], Any]:
    """Specs by kind and name, without what the two ways write differently by nature: hashes in names of settings."""
    text = re.sub(r'(huasheng-config|gateway-config)-[0-9a-z]{10}"', r'\1"', json.dumps(manifests))
    kinds = ("Deployment", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler")
    found = {(m["kind"], m["metadata"]["name"]): m["spec"] for m in of_kind(json.loads(text), *kinds)}
    for spec in found.values():
        spec.get("template", {}).get("metadata", {}).pop("annotations", None)
    return {key: in_order(spec) for key, spec in found.items()}


@pytest.mark.parametrize(
    ("values", "folder", "components"),
    [
        ("", "base", ()),
        ("small", "overlays/dev", ()),
        ("production", "overlays/prod", ()),
        ("gpu", "base", ("gpu",)),
        ("bucket", "base", ("s3",)),
    ],
)
def test_chart_and_kustomize_make_the_same(build, values: str, folder: str, components: tuple[str, ...]) -> None:
    by_helm, by_kustomize = comparable(made(values=values)), comparable(build(folder, components))
    own = {key for key in by_kustomize if "prometheus" in key[1]}  # the chart brings no Prometheus
    assert set(by_helm) == set(by_kustomize) - own
    for key, spec in by_helm.items():
        assert spec == by_kustomize[key], key


def test_mutual_tls_is_the_same_in_both(build) -> None:
    assert comparable(made("tls.enabled=true")) == comparable(build("base", ("tls",)))


def settings(manifests: list[Manifest]) -> dict[str, str]:
    return {k: v for m in of_kind(manifests, "ConfigMap") for k, v in m["data"].items()}


def test_settings_are_the_same_in_both(build) -> None:
    for values, folder, components in (("", "base", ()), ("small", "overlays/dev", ()), ("bucket", "base", ("s3",))):
        assert settings(made(values=values)) == settings(build(folder, components))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_variable_is_a_setting(name: str) -> None:
    manifests = made(*OPTIONS[name])
    for service in SERVICES:
        c = container(workload(manifests, service))
        maps = [
            one(manifests, "ConfigMap", s["configMapRef"]["name"])["data"] for s in c["envFrom"] if "configMapRef" in s
        ]
        given = {*(k for m in maps for k in m), *(e["name"] for e in c.get("env", []))}
        assert given <= known_variables(service)


def test_images_by_registry_tag_and_digest() -> None:
    for service in SERVICES:
        assert container(workload(made(), service))["image"] == f"huasheng/{service}:0.1.0", "no registry by default"
    manifests = made(*OPTIONS["registry"])
    images = {s: container(workload(manifests, s))["image"] for s in SERVICES}
    assert images["asr"] == f"registry.example.org/team/huasheng/asr@{DIGEST}"
    assert images["tts"] == "registry.example.org/team/huasheng/tts:9.9"
    assert images["gateway"] == "registry.example.org/team/huasheng/gateway:1.2.3"
    assert all(pod(w)["imagePullSecrets"] == [{"name": "pull"}] for w in workloads(manifests))


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("gateway.replicas=2", "the key database-url"),
        ("asr.replica=2", "replica"),
        ("storage.url=/data", "storage/url"),
        ("asr.image.digest=abc", "digest"),
        ("config.LOG_LEVEL=INFO", "LOG_LEVEL"),
        ("autoscaling.renderBy=memory", "renderBy"),
        ("ingress.enabled=true", "ingress.host"),
        ("httpRoute.enabled=true", "httpRoute.parentRefs"),
        ("httpRoute.gateway.size=1", "httpRoute/gateway"),
    ],
)
def test_a_mistake_is_refused_in_words(option: str, says: str) -> None:
    with pytest.raises(helm.HelmError, match=re.escape(says)):
        made(option)


def test_a_bucket_needs_no_volume() -> None:
    manifests = made(values="bucket")
    assert not of_kind(manifests, "PersistentVolumeClaim")
    assert settings(manifests)["HUASHENG_STORAGE_URL"] == "s3://huasheng"
    assert (
        settings(made("storage.endpoint=http://minio:9000", values="bucket"))["HUASHENG_S3_ENDPOINT"]
        == "http://minio:9000"
    )
    for service in SERVICES:
        w = workload(manifests, service)
        assert "storage" not in {v["name"] for v in pod(w)["volumes"]}
        sources = [s["secretRef"]["name"] for s in container(w)["envFrom"] if "secretRef" in s]
        assert sources == ([] if service == "llm" else ["huasheng-s3"])
    policy = one(manifests, "NetworkPolicy", "to-bucket")["spec"]
    assert set(policy["podSelector"]["matchExpressions"][0]["values"]) == set(SERVICES) - {"llm"}


def test_a_changed_setting_replaces_the_pods() -> None:
    sums = [
        workload(made(*o), "asr")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for o in ((), ("config.HUASHENG_LOG_LEVEL=DEBUG",))
    ]
    assert sums[0] != sums[1]


def test_ingress_lets_pass_what_the_gateway_takes() -> None:
    manifests = made(*OPTIONS["ingress"])
    ingress = one(manifests, "Ingress", "huasheng")
    (rule,) = ingress["spec"]["rules"]
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "huasheng", "port": {"name": "http"}}
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    notes = {k.rsplit("/", 1)[1]: v for k, v in ingress["metadata"]["annotations"].items()}
    assert notes["proxy-body-size"] == "512m" and notes["proxy-request-buffering"] == "off"
    assert int(notes["proxy-read-timeout"]) > 60, "silence of a stream is 15 s at most"
    given = settings(manifests)
    assert given["GATEWAY_PUBLIC_URL"] == "https://a.example.org"
    assert "a.example.org" in given["GATEWAY_ALLOWED_HOSTS"].split(",")


def test_the_route_of_the_gateway_api_has_no_limit_of_time() -> None:
    for name in ("route", "gateway"):
        route = one(made(*OPTIONS[name]), "HTTPRoute", "huasheng")["spec"]
        (rule,) = route["rules"]
        assert rule["timeouts"] == {"request": "0s", "backendRequest": "0s"}
        assert rule["backendRefs"] == [{"name": "huasheng", "port": 80}]
    door = one(made(*OPTIONS["gateway"]), "Gateway", "huasheng")["spec"]
    assert door["listeners"][0]["protocol"] == "HTTPS" and route["parentRefs"][0]["sectionName"] == "https"


def test_the_operators_prometheus_sees_what_ours_sees() -> None:
    manifests = made(*OPTIONS["monitoring"])
    monitor = one(manifests, "PodMonitor", "huasheng")["spec"]
    assert monitor["jobLabel"] == "app.kubernetes.io/name", "alerts and dashboard know services by it"
    (endpoint,) = monitor["podMetricsEndpoints"]
    for w in workloads(manifests):
        assert endpoint["port"] in {p["name"] for p in container(w)["ports"]}
        assert monitor["selector"]["matchLabels"].items() <= w["spec"]["template"]["metadata"]["labels"].items()
    alerts = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
    assert one(manifests, "PrometheusRule", "huasheng")["spec"] == alerts


def test_the_examples_of_secrets_give_what_the_pods_ask_for() -> None:
    secret = yaml.safe_load((EXAMPLES / "external-secret.yaml").read_text(encoding="utf-8"))
    assert secret["spec"]["target"]["name"] == "huasheng-secrets"
    given = {d["secretKey"] for d in secret["spec"]["data"]}
    wanted = set(re.findall(r"'key': '([a-z-]+)', 'name': 'huasheng-secrets'(?:, 'optional': False)?}", str(made())))
    for w in workloads(made(values="production")):
        for e in container(w).get("env", []):
            ref = e.get("valueFrom", {}).get("secretKeyRef")
            if ref and not ref.get("optional"):
                wanted.add(ref["key"])
        wanted |= {
            i["key"]
            for v in pod(w)["volumes"]
            if not v.get("secret", {"optional": True}).get("optional")
            for i in v["secret"]["items"]
        }
    assert given == wanted == {"service-token", "gateway-secret", "database-url"}
    database = yaml.safe_load((EXAMPLES / "cloudnative-pg.yaml").read_text(encoding="utf-8"))
    assert (database["kind"], database["spec"]["instances"]) == ("Cluster", 3)
