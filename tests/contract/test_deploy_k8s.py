"""The Kubernetes manifests build in every combination, pass the published schemas, and agree with the code."""

import importlib
import itertools
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from services.common.settings import ServiceSettings, SharedSettings
from services.gateway.readiness import PROBE_S
from services.gateway.settings import GatewaySettings
from tools import kubectl
from tools.settings_docs import engine_settings
from tools.system import SERVICES

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "deploy" / "k8s"
COMPONENTS = ("gpu", "monitoring", "autoscaling", "tls")
OVERLAYS = ("dev", "prod")
KUBERNETES = "1.37"
NAME = "app.kubernetes.io/name"
Manifest = dict[str, Any]


def combinations() -> list[tuple[str, tuple[str, ...]]]:
    subsets = [c for n in range(len(COMPONENTS) + 1) for c in itertools.combinations(COMPONENTS, n)]
    # the production overlay has its components already; only the GPU is left to choose
    return [(b, s) for b in ("base", "overlays/dev") for s in subsets] + [
        ("overlays/prod", ()),
        ("overlays/prod", ("gpu",)),
    ]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory):
    @cache
    def built(folder: str, components: tuple[str, ...] = ()) -> list[Manifest]:
        here = tmp_path_factory.mktemp("kustomization")
        relative = os.path.relpath(K8S, here)
        (here / "kustomization.yaml").write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "kustomize.config.k8s.io/v1beta1",
                    "kind": "Kustomization",
                    "resources": [f"{relative}/{folder}"],
                    "components": [f"{relative}/components/{c}" for c in components],
                }
            )
        )
        return [m for m in yaml.load_all(kubectl.kustomize(here), yaml.CSafeLoader) if m]

    return built


@pytest.fixture(scope="session")
def prod(build) -> list[Manifest]:
    return build("overlays/prod", ("gpu",))


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [m for m in manifests if m["kind"] in kinds]


def workloads(manifests: list[Manifest]) -> list[Manifest]:
    return of_kind(manifests, "Deployment", "StatefulSet")


def one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = [m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name]
    return found


def workload(manifests: list[Manifest], name: str) -> Manifest:
    return one(manifests, "StatefulSet" if name == "gateway" else "Deployment", name)


def pod(manifest: Manifest) -> Manifest:
    return manifest["spec"]["template"]["spec"]


def container(manifest: Manifest) -> Manifest:
    (only,) = pod(manifest)["containers"]
    return only


def selected(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    for e in selector.get("matchExpressions", []):
        assert e["operator"] == "In"
        if labels.get(e["key"]) not in e["values"]:
            return False
    return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items())


def settings_class(service: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"services.{service}.settings")
    (found,) = [
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, ServiceSettings) and c.__module__ == module.__name__
    ]
    return found


def known_variables(service: str) -> set[str]:
    classes = (SharedSettings, settings_class(service), *engine_settings(service).values())
    return {str(c.model_config["env_prefix"]) + f.upper() for c in classes for f in c.model_fields}


@cache
def validated(manifest: str) -> None:
    """Most manifests are alike in most combinations; each is held against its schema once."""
    kubernetes_validate.validate(json.loads(manifest), KUBERNETES, strict=True)


@pytest.mark.parametrize(
    ("folder", "components"), combinations(), ids=lambda v: v if isinstance(v, str) else "+".join(v)
)
def test_every_combination_passes_the_published_schemas(build, folder: str, components: tuple[str, ...]) -> None:
    manifests = build(folder, components)
    assert len(workloads(manifests)) >= len(SERVICES)
    for m in manifests:
        validated(json.dumps(m))
    names = [(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests]
    assert len(names) == len(set(names))


def test_a_wrong_manifest_does_not_pass(build) -> None:
    broken = dict(workload(build("base"), "asr"))
    broken["spec"] = {**broken["spec"], "replica": 2}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)


def test_each_overlay_is_tested() -> None:
    assert {p.name for p in (K8S / "overlays").iterdir()} == set(OVERLAYS)
    # test_deploy_k8s_gpt_sovits.py and test_deploy_k8s_s3.py test the last two
    assert {p.name for p in (K8S / "components").iterdir()} == {*COMPONENTS, "gpt-sovits", "s3"}


def test_no_image_names_a_registry_and_none_floats(prod: list[Manifest]) -> None:
    for w in workloads(prod):
        image = container(w)["image"]
        assert re.fullmatch(r"(huasheng/[a-z-]+|prom/prometheus):v?\d+\.\d+\.\d+", image), image


@pytest.mark.parametrize("components", [(), COMPONENTS], ids=["plain", "all"])
def test_every_container_is_hardened_probed_and_bounded(build, components: tuple[str, ...]) -> None:
    for w in workloads(build("base", components)):
        name, spec, c = w["metadata"]["name"], pod(w), container(w)
        security = spec["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] > 1000, name
        assert security["fsGroup"] == security["runAsUser"], name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert c["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert spec["automountServiceAccountToken"] is False and spec["serviceAccountName"] == name
        assert spec["enableServiceLinks"] is False, f"{name}: ASR_PORT=tcp://… would be taken for a setting"
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(c), name
        assert set(c["resources"]) == {"requests", "limits"}, name
        for limits in c["resources"].values():
            assert {"cpu", "memory"} <= set(limits), name


@pytest.mark.parametrize("service", SERVICES)
def test_ports_and_health_names_are_those_of_the_code(build, service: str) -> None:
    c = container(workload(build("base", ("gpu",)), service))
    settings = settings_class(service)
    ports = {p["name"]: p["containerPort"] for p in c["ports"]}
    expected = {"grpc": settings.model_fields["port"].default}
    if service == "gateway":
        expected["http"] = settings.model_fields["http_port"].default
    expected["metrics"] = settings.model_fields["metrics_port"].default
    assert ports == expected
    proto = (ROOT / f"protos/huasheng/{service}/v1/{service}.proto").read_text(encoding="utf-8")
    assert f"service {SERVICES[service].rsplit('.', 1)[1]} {{" in proto
    probes = {"startupProbe": SERVICES[service], "readinessProbe": SERVICES[service], "livenessProbe": ""}
    if service == "gateway":  # the database too
        assert c["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
        assert c["readinessProbe"]["timeoutSeconds"] > PROBE_S
        del probes["readinessProbe"]
    for probe, health in probes.items():
        assert c[probe]["grpc"] == {"port": expected["grpc"], "service": health}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("folder", ["base", "overlays/dev", "overlays/prod"])
def test_every_variable_is_a_setting_and_every_value_is_accepted(
    build, monkeypatch: pytest.MonkeyPatch, folder: str, service: str
) -> None:
    manifests = build(folder)
    c = container(workload(manifests, service))
    given: dict[str, str] = {}
    for source in c["envFrom"]:
        given |= one(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    names = {*given, *(e["name"] for e in c.get("env", []))}
    assert names <= known_variables(service), names - known_variables(service)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    SharedSettings()
    settings_class(service)()
    for own in engine_settings(service).values():
        own()


def test_configuration_changes_reach_the_pods(build) -> None:
    dev, base = build("overlays/dev"), build("base")
    refs = [container(workload(m, "asr"))["envFrom"][0]["configMapRef"]["name"] for m in (dev, base)]
    assert refs[0] != refs[1]
    assert "LOG_FORMAT" in str(one(dev, "ConfigMap", refs[0])["data"])
    assert one(dev, "ConfigMap", refs[0])["data"]["HUASHENG_STORAGE_URL"]  # merged, not replaced


def test_the_gateway_finds_every_service_at_every_replica(build) -> None:
    manifests = build("base")
    (ref,) = [
        e["configMapRef"]["name"]
        for e in container(workload(manifests, "gateway"))["envFrom"]
        if "gateway" in e["configMapRef"]["name"]
    ]
    config = dict(one(manifests, "ConfigMap", ref)["data"])
    hosts = GatewaySettings(host="0.0.0.0", allowed_hosts=config.pop("GATEWAY_ALLOWED_HOSTS")).hosts()
    assert {"127.0.0.1", "localhost", "huasheng"} <= hosts, "a port-forward and the cluster, and no other name"
    assert config.pop("GATEWAY_AUTH") == "accounts"
    for variable, address in config.items():
        service = re.fullmatch(r"GATEWAY_(\w+)_ADDRESS", variable)[1].lower()
        name, port = re.fullmatch(r"dns:///(\w+):(\d+)", address).groups()
        found = one(manifests, "Service", name)
        assert found["spec"]["clusterIP"] == "None"
        assert int(port) in [p["port"] for p in found["spec"]["ports"]]
        assert found["spec"]["selector"] == {NAME: service}


@pytest.mark.parametrize("folder", ["base", "overlays/prod"])
def test_selectors_find_the_pods_they_are_meant_for(build, folder: str) -> None:
    manifests = build(folder)
    labels = {w["metadata"]["name"]: w["spec"]["template"]["metadata"]["labels"] for w in workloads(manifests)}
    for w in workloads(manifests):
        name = w["metadata"]["name"]
        assert [n for n, have in labels.items() if selected(w["spec"]["selector"], have)] == [name]
        assert labels[name]["app.kubernetes.io/part-of"] == "huasheng"
    for s in of_kind(manifests, "Service"):
        (target,) = [n for n, have in labels.items() if selected({"matchLabels": s["spec"]["selector"]}, have)]
        declared = {p["name"] for p in container(workload(manifests, target))["ports"]}
        assert {p["targetPort"] for p in s["spec"]["ports"]} <= declared
    budgets = of_kind(manifests, "PodDisruptionBudget")
    assert {b["metadata"]["name"] for b in budgets} == set(SERVICES)
    for b in budgets:
        assert selected(b["spec"]["selector"], labels[b["metadata"]["name"]])
        assert b["spec"]["maxUnavailable"] == 1  # minAvailable: 1 would block every drain of a single replica


def test_mounts_claims_and_config_exist(prod: list[Manifest]) -> None:
    claims = {m["metadata"]["name"] for m in of_kind(prod, "PersistentVolumeClaim")}
    configs = {m["metadata"]["name"] for m in of_kind(prod, "ConfigMap")}
    used: set[str] = set()
    for w in workloads(prod):
        volumes = {v["name"]: v for v in pod(w)["volumes"]}
        volumes |= {v["metadata"]["name"]: v for v in w["spec"].get("volumeClaimTemplates", [])}
        assert {m["name"] for m in container(w)["volumeMounts"]} == set(volumes)
        used |= {v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v}
        assert {v["configMap"]["name"] for v in volumes.values() if "configMap" in v} <= configs
    assert used == claims


def test_the_writable_places_are_where_the_code_writes(build) -> None:
    manifests = build("base")
    (config,) = [m for m in of_kind(manifests, "ConfigMap") if "HUASHENG_STORAGE_URL" in m["data"]]
    folder = config["data"]["HUASHENG_STORAGE_URL"].removeprefix("file://")
    for service in ("asr", "tts", "render", "gateway"):
        mounts = {m["mountPath"]: m for m in container(workload(manifests, service))["volumeMounts"]}
        assert folder in mounts and "/tmp" in mounts
        assert mounts[folder].get("readOnly", False) == (service == "asr")


def test_secrets_are_references_only(prod: list[Manifest]) -> None:
    assert not of_kind(prod, "Secret")
    for w in workloads(prod):
        for e in container(w).get("env", []):
            if re.search(r"SECRET|KEY|DATABASE_URL|PASSWORD|TOKEN", e["name"]):
                if e["name"].endswith("_FILE"):
                    assert e["value"].startswith("/run/keys/"), e["name"]
                else:
                    assert e["valueFrom"]["secretKeyRef"]["name"] == "huasheng-secrets", e["name"]


def test_gateways_that_share_a_database_share_their_key_and_keep_their_names(build, prod: list[Manifest]) -> None:
    single = workload(build("base"), "gateway")
    assert single["spec"]["replicas"] == 1  # the embedded database is one file of one replica
    several = workload(prod, "gateway")
    assert several["spec"]["replicas"] >= 2
    env = {e["name"]: e["valueFrom"] for e in container(several)["env"]}
    for name in ("GATEWAY_DATABASE_URL", "GATEWAY_SECRET"):
        assert not env[name]["secretKeyRef"].get("optional", False)
    assert env["GATEWAY_EXECUTOR_ID"] == {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
    assert not [h for h in of_kind(prod, "HorizontalPodAutoscaler") if h["metadata"]["name"] == "gateway"]


@pytest.mark.parametrize("components", [("autoscaling",), ("gpu", "autoscaling")], ids="+".join)
def test_the_autoscaler_owns_the_number_of_replicas(build, components: tuple[str, ...]) -> None:
    manifests = build("base", components)
    scaled = of_kind(manifests, "HorizontalPodAutoscaler")
    assert {h["metadata"]["name"] for h in scaled} == set(SERVICES) - {"gateway"}
    for h in scaled:
        target = h["spec"]["scaleTargetRef"]
        assert "replicas" not in one(manifests, target["kind"], target["name"])["spec"]
        assert h["spec"]["minReplicas"] <= h["spec"]["maxReplicas"]


def test_the_gpu_component_reserves_one_gpu_and_waits_for_the_weights(build) -> None:
    render = workload(build("base", ("gpu",)), "render")
    c = container(render)
    assert c["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert c["image"].startswith("huasheng/render-gpu:")
    assert "joygen" in next(e["value"] for e in c["env"] if e["name"] == "RENDER_ENGINES")
    assert pod(render)["nodeSelector"] and pod(render)["tolerations"]
    assert render["spec"]["strategy"] == {"type": "Recreate"}  # a second pod would wait for the first one's GPU
    assert c["startupProbe"]["periodSeconds"] * c["startupProbe"]["failureThreshold"] >= 600
    for other in set(SERVICES) - {"render"}:
        assert "gpu" not in str(workload(build("base", ("gpu",)), other))


def allowed(manifests: list[Manifest], target: str) -> set[tuple[str, int]]:
    """Who may reach a service, and where: (name or ``*``, port)."""
    labels = {w["metadata"]["name"]: w["spec"]["template"]["metadata"]["labels"] for w in workloads(manifests)}
    out = set()
    for policy in of_kind(manifests, "NetworkPolicy"):
        if not selected(policy["spec"]["podSelector"], labels[target]):
            continue
        for rule in policy["spec"].get("ingress", []):
            peers = [p["podSelector"] for p in rule.get("from", [])]
            who = {n for n, have in labels.items() if any(selected(p, have) for p in peers)} if peers else {"*"}
            out |= {(n, p["port"]) for n in who for p in rule["ports"]}
    return out


def may_go(manifests: list[Manifest], source: str) -> set[tuple[str, int]]:
    """Whom of ours a service may call: (name, port)."""
    labels = {w["metadata"]["name"]: w["spec"]["template"]["metadata"]["labels"] for w in workloads(manifests)}
    out = set()
    for policy in of_kind(manifests, "NetworkPolicy"):
        if selected(policy["spec"]["podSelector"], labels[source]):
            for rule in policy["spec"].get("egress", []):
                peers = [p["podSelector"] for p in rule.get("to", []) if "podSelector" in p and len(p) == 1]
                who = {n for n, have in labels.items() if any(selected(p, have) for p in peers)}
                out |= {(n, p["port"]) for n in who for p in rule["ports"]}
    return out


def test_pods_of_a_namespace_that_asks_for_the_strictest_standard(build) -> None:
    for overlay in OVERLAYS:
        manifests = build(f"overlays/{overlay}")
        (namespace,) = of_kind(manifests, "Namespace")
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        name = namespace["metadata"]["name"]
        assert {m["metadata"].get("namespace") for m in manifests if m["kind"] != "Namespace"} == {name}
