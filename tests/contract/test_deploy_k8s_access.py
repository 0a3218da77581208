"""Who reaches whom on Kubernetes: the network policies and the token of the services."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.access.callers import access_of
from services.common.settings import SharedSettings
from tests.contract.test_deploy_k8s import (
    Manifest,
    allowed,
    build,
    container,
    may_go,
    of_kind,
    one,
    pod,
    selected,
    settings_class,
    workload,
    workloads,
)
from tools.system import SERVICES

__all__ = ["build"]  # a fixture


def to_others(manifests: list[Manifest], source: str) -> set[tuple[str, int]]:
    """Where else a service may go: (name or range, port)."""
    labels = {w["metadata"]["name"]: w["spec"]["template"]["metadata"]["labels"] for w in workloads(manifests)}
    out = set()
    for policy in of_kind(manifests, "NetworkPolicy"):
        if selected(policy["spec"]["podSelector"], labels[source]):
            for rule in policy["spec"].get("egress", []):
                for peer in rule.get("to", [{"ipBlock": {"cidr": "*"}}]):
                    if "namespaceSelector" in peer:
                        out |= {(peer["podSelector"]["matchLabels"]["k8s-app"], p["port"]) for p in rule["ports"]}
                    elif "ipBlock" in peer:
                        out |= {(peer["ipBlock"]["cidr"], p["port"]) for p in rule["ports"]}
    return out


@pytest.mark.parametrize(
    ("folder", "components"), [("base", ("monitoring",)), ("overlays/dev", ("monitoring",)), ("overlays/prod", ())]
)
def test_network_policies_let_in_exactly_the_gateway_and_prometheus(
    build, folder: str, components: tuple[str, ...]
) -> None:
    manifests = build(folder, components)
    deny = one(manifests, "NetworkPolicy", "deny-all")["spec"]
    assert set(deny["policyTypes"]) == {"Ingress", "Egress"} and "ingress" not in deny and "egress" not in deny
    for w in workloads(manifests):
        assert selected(deny["podSelector"], w["spec"]["template"]["metadata"]["labels"])
    calls, scrapes = set(), {("gateway", 9105)}
    for service in set(SERVICES) - {"gateway"}:
        fields = settings_class(service).model_fields
        grpc, metrics = fields["port"].default, fields["metrics_port"].default
        assert allowed(manifests, service) == {("gateway", grpc), ("prometheus", metrics)}
        assert not may_go(manifests, service)
        calls.add((service, grpc))
        scrapes.add((service, metrics))
    assert allowed(manifests, "gateway") == {("*", 5001), ("prometheus", 9105)}
    assert allowed(manifests, "prometheus") == set()
    assert may_go(manifests, "gateway") == calls
    assert may_go(manifests, "prometheus") >= scrapes
    for name in (*SERVICES, "prometheus"):
        assert to_others(manifests, name) >= {("kube-dns", 53)}
    beyond = {n: to_others(manifests, n) - {("kube-dns", 53), ("169.254.20.10/32", 53)} for n in SERVICES}
    database = {("*", 5432)} if folder == "overlays/prod" else set()
    assert beyond == {"asr": set(), "llm": {("0.0.0.0/0", 443)}, "tts": set(), "render": set(), "gateway": database}


@pytest.mark.parametrize("folder", ["base", "overlays/dev", "overlays/prod"])
def test_every_service_gets_the_token_as_a_file_from_the_secret(
    build, folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    manifests = build(folder)
    (config,) = [m["data"] for m in of_kind(manifests, "ConfigMap") if "HUASHENG_STORAGE_URL" in m["data"]]
    file = Path(config["HUASHENG_SERVICE_TOKEN_FILE"])
    for service in SERVICES:
        w = workload(manifests, service)
        (mount,) = [m for m in container(w)["volumeMounts"] if m["mountPath"] == str(file.parent)]
        (volume,) = [v for v in pod(w)["volumes"] if v["name"] == mount["name"]]
        secret = volume["secret"]
        assert mount["readOnly"] and "subPath" not in mount, "a file mounted by itself is never renewed"
        assert secret["secretName"] == "huasheng-secrets" and not secret.get("optional"), "without it nothing starts"
        assert secret["items"] == [{"key": "service-token", "path": file.name}]
        assert secret["defaultMode"] & 0o007 == 0
    (tmp_path / "token").write_text("a" * 64)
    monkeypatch.setenv("HUASHENG_SERVICE_TOKEN_FILE", str(tmp_path / "token"))
    for host in ("0.0.0.0", "127.0.0.1"):
        access_of(SharedSettings()).require("tts", host)


@pytest.mark.parametrize("service", SERVICES)
def test_the_tls_component_gives_certificates_and_probes_that_show_them(build, service: str) -> None:
    manifests = build("overlays/dev", ("tls",))
    c, spec = container(workload(manifests, service)), pod(workload(manifests, service))
    (config,) = [m["data"] for m in of_kind(manifests, "ConfigMap") if "HUASHENG_STORAGE_URL" in m["data"]]
    settings = SharedSettings(**{k.removeprefix("HUASHENG_").lower(): v for k, v in config.items()})
    (mount,) = [m for m in c["volumeMounts"] if m["name"] == "tls"]
    (volume,) = [v for v in spec["volumes"] if v["name"] == "tls"]
    assert volume["secret"]["secretName"] == "service-tls" and volume["secret"]["defaultMode"] & 0o007 == 0
    assert mount["readOnly"] and "subPath" not in mount
    files = {settings.tls_cert: "tls.crt", settings.tls_key: "tls.key", settings.tls_ca: "ca.crt"}
    assert {str(f) for f in files} == {f"{mount['mountPath']}/{name}" for name in files.values()}
    assert settings.service_token_file, "beside the token"
    probes = ["startupProbe", "readinessProbe", "livenessProbe"]
    if service == "gateway":  # asked on the page's port, which has no TLS
        assert (c["readinessProbe"]["httpGet"]["path"], c["livenessProbe"]["httpGet"]["path"]) == (
            "/readyz",
            "/healthz",
        )
        assert "grpc" not in c["livenessProbe"]
        probes = ["startupProbe"]
    for probe in probes:
        assert c[probe]["exec"] == {"command": ["python", "-m", "services.common.healthcheck", service]}
        assert "grpc" not in c[probe]
