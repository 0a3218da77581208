"""GPT-SoVITS on Kubernetes: the API is really started, tts finds it and its references, nobody else reaches it."""

import json
import os
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from services.common.settings import SharedSettings
from services.tts.engines.gpt_sovits.settings import Settings
from services.tts.settings import TtsSettings
from tests.contract.test_deploy_k8s import (
    COMPONENTS,
    KUBERNETES,
    ROOT,
    Manifest,
    allowed,
    build,
    container,
    may_go,
    of_kind,
    one,
    pod,
    selected,
    workload,
    workloads,
)
from tests.fakes.gpt_sovits_server import FakeSovits

__all__ = ["build"]  # a fixture
NAME = "gpt-sovits"
WHOLE = (*COMPONENTS, NAME)


@pytest.fixture(scope="module")
def manifests(build) -> list[Manifest]:
    return build("base", WHOLE)


@pytest.mark.parametrize(
    ("folder", "components"),
    [
        ("base", (NAME,)),
        ("base", WHOLE),
        ("overlays/dev", (NAME,)),
        ("overlays/dev", WHOLE),
        ("overlays/prod", (NAME,)),
        ("overlays/prod", ("gpu", NAME)),
    ],
)
def test_it_passes_the_published_schemas_with_everything_else(build, folder: str, components: tuple[str, ...]) -> None:
    built = build(folder, components)
    for m in built:
        kubernetes_validate.validate(m, KUBERNETES, strict=True)
    names = [(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in built]
    assert len(names) == len(set(names)) and workload(built, NAME)
    for namespace in of_kind(built, "Namespace"):
        # its image needs root, which the strictest standard refuses; ours stay as they were
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    for w in workloads(built):
        if w["metadata"]["name"] != NAME:
            assert pod(w)["securityContext"]["runAsNonRoot"], w["metadata"]["name"]


def test_the_pod_is_bounded_and_holds_a_gpu(manifests: list[Manifest]) -> None:
    w = workload(manifests, NAME)
    c, spec = container(w), pod(w)
    assert c["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
    assert one(manifests, "ServiceAccount", spec["serviceAccountName"])
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(c)
    for limits in c["resources"].values():
        assert {"cpu", "memory"} <= set(limits) and limits["nvidia.com/gpu"] == "1"
    assert w["spec"]["strategy"] == {"type": "Recreate"} and w["spec"]["replicas"] == 1
    assert spec["nodeSelector"] and spec["tolerations"]
    assert c["startupProbe"]["periodSeconds"] * c["startupProbe"]["failureThreshold"] >= 600
    volumes = {v["name"]: v for v in spec["volumes"]}
    assert {m["name"] for m in c["volumeMounts"]} == set(volumes)
    claims = {m["metadata"]["name"] for m in of_kind(manifests, "PersistentVolumeClaim")}
    assert {v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v} <= claims
    assert selected(w["spec"]["selector"], w["spec"]["template"]["metadata"]["labels"])


def test_tts_finds_it_and_both_see_the_references(manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    tts, sovits = container(workload(manifests, "tts")), container(workload(manifests, NAME))
    for e in tts["env"]:
        monkeypatch.setenv(e["name"], e["value"])
    SharedSettings()
    settings = Settings()
    assert TtsSettings().engine_names() == ["kokoro", "gpt_sovits"]
    service = one(manifests, "Service", NAME)
    (port,) = service["spec"]["ports"]
    assert settings.addresses() == [f"http://{NAME}:{port['port']}"]
    (declared,) = sovits["ports"]
    assert port["targetPort"] == declared["name"] and declared["containerPort"] == port["port"]
    assert service["spec"]["selector"].items() <= (
        workload(manifests, NAME)["spec"]["template"]["metadata"]["labels"].items()
    )
    folder = str(settings.voices_dir)
    for c, may_write in ((tts, True), (sovits, False)):
        (mount,) = [m for m in c["volumeMounts"] if folder.startswith(m["mountPath"] + "/")]
        assert mount["mountPath"] == "/var/lib/huasheng/storage" and mount.get("readOnly", False) != may_write


def test_the_network_lets_in_tts_and_nobody_else(manifests: list[Manifest]) -> None:
    assert allowed(manifests, NAME) == {("tts", 9880)}
    assert may_go(manifests, "tts") == {(NAME, 9880)} and may_go(manifests, NAME) == set()
    deny = one(manifests, "NetworkPolicy", "deny-all")["spec"]["podSelector"]
    assert selected(deny, workload(manifests, NAME)["spec"]["template"]["metadata"]["labels"])


@pytest.mark.parametrize("own", [False, True])
def test_the_command_makes_the_links_and_starts_the_api(manifests: list[Manifest], tmp_path: Path, own: bool) -> None:
    c = container(workload(manifests, NAME))
    assert c["command"] == ["/bin/bash", "-ic"]  # interactive: .bashrc sets its Python up
    image, models, volume = tmp_path / "checkout", tmp_path / "models", tmp_path / "volume"
    for folder in ("GPT_SoVITS/pretrained_models", "GPT_SoVITS/text"):
        (image / folder).mkdir(parents=True)
    for place in (models, *([volume] if own else [])):
        for name in ("pretrained_models", "G2PWModel"):
            (place / name).mkdir(parents=True)
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "python").write_text('#!/bin/bash\nprintf "%s\\n" "$@" > ran\n')
    (bin_ / "python").chmod(0o755)
    script = c["args"][0].replace("/workspace/models", str(models)).replace("/var/lib/gpt-sovits", str(volume))
    env = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", script], cwd=image, env=env, check=True, timeout=30)
    ran = (image / "ran").read_text().split()
    assert ran == ["api_v2.py", "-a", "0.0.0.0", "-p", "9880", "-c", "GPT_SoVITS/configs/tts_infer.yaml"]
    links = {n: str((image / "GPT_SoVITS" / n).readlink()) for n in ("pretrained_models", "text/G2PWModel")}
    place = volume if own else models
    assert links == {"pretrained_models": f"{place}/pretrained_models", "text/G2PWModel": f"{place}/G2PWModel"}


def test_the_probe_tells_the_api_from_others(manifests: list[Manifest]) -> None:
    (*shell, script) = container(workload(manifests, NAME))["livenessProbe"]["exec"]["command"]

    def probe(port: int) -> int:
        return subprocess.run([*shell, script.replace("9880", str(port))], timeout=90, capture_output=True).returncode

    with FakeSovits() as fake:
        assert probe(fake.server_port) == 0
    assert probe(fake.server_port) != 0


def test_compose_starts_it_the_same_way(manifests: list[Manifest]) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.gpt-sovits.yml").read_text(encoding="utf-8"))
    there = compose["services"]["gpt-sovits"]
    start = container(workload(manifests, NAME))["args"][0].strip().splitlines()[-1].strip()
    assert start in json.dumps(there["command"]) and container(workload(manifests, NAME))["image"] in there["image"]
