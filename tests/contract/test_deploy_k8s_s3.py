"""Files in a bucket on Kubernetes: no shared volume, keys from a secret or from the pods' own identity, a way out."""

import itertools

import kubernetes_validate
import pytest
import yaml

from services.common.settings import SharedSettings
from tests.contract.test_deploy_k8s import (
    KUBERNETES,
    ROOT,
    Manifest,
    build,
    container,
    of_kind,
    one,
    pod,
    workload,
)

__all__ = ["build"]  # a fixture
WITH_FILES = ("asr", "tts", "render", "gateway")
OTHERS = ("gpu", "tls", "autoscaling")


@pytest.mark.parametrize(
    ("folder", "components"),
    [
        *(("base", ("s3", *c)) for n in range(len(OTHERS) + 1) for c in itertools.combinations(OTHERS, n)),
        ("overlays/dev", ("s3",)),
        ("overlays/prod", ("s3",)),
        ("overlays/prod", ("gpu", "s3")),
    ],
)
def test_it_passes_the_published_schemas_and_shares_no_volume(build, folder: str, components: tuple[str, ...]) -> None:
    built = build(folder, components)
    for m in built:
        kubernetes_validate.validate(m, KUBERNETES, strict=True)
    assert "huasheng-storage" not in [c["metadata"]["name"] for c in of_kind(built, "PersistentVolumeClaim")]
    assert "ReadWriteMany" not in str(built)
    assert "huasheng-storage" not in str([workload(built, name) for name in WITH_FILES])


@pytest.fixture(scope="module")
def manifests(build) -> list[Manifest]:
    return build("base", ("s3",))


@pytest.mark.parametrize("name", WITH_FILES)
def test_every_service_with_files_has_the_bucket(manifests: list[Manifest], name: str) -> None:
    w = workload(manifests, name)
    mounts = {m["mountPath"]: m["name"] for m in container(w)["volumeMounts"]}
    assert "/var/lib/huasheng/storage" not in mounts
    (config,) = [c for c in of_kind(manifests, "ConfigMap") if c["metadata"]["name"].startswith("huasheng-config")]
    settings = SharedSettings(**{k.removeprefix("HUASHENG_").lower(): v for k, v in config["data"].items()})
    assert settings.storage_url.startswith("s3://")
    volumes = {v["name"]: v for v in pod(w)["volumes"]}
    room = volumes[mounts[str(settings.storage_cache_dir)]]["emptyDir"]["sizeLimit"]
    assert int(room.removesuffix("Gi")) * 1024 > 2 * settings.storage_cache_mb
    sources = container(w)["envFrom"]
    assert {"secretRef": {"name": "huasheng-s3", "optional": True}} in sources
    assert any("configMapRef" in s and s["configMapRef"]["name"] == config["metadata"]["name"] for s in sources)


def test_those_who_have_files_reach_the_bucket_and_nobody_else(manifests: list[Manifest]) -> None:
    policy = one(manifests, "NetworkPolicy", "to-bucket")["spec"]
    (rule,) = policy["podSelector"]["matchExpressions"]
    assert sorted(rule["values"]) == sorted(WITH_FILES)
    assert policy["policyTypes"] == ["Egress"]
    assert {p["port"] for e in policy["egress"] for p in e["ports"]} == {443, 80}
    assert not container(workload(manifests, "llm"))["envFrom"][1:]


def test_compose_has_the_same_in_its_override() -> None:
    override = yaml.safe_load((ROOT / "docker-compose.s3.yml").read_text(encoding="utf-8"))
    assert sorted(override["services"]) == sorted(WITH_FILES)
    for name, service in override["services"].items():
        names = set(service["environment"])
        assert {"HUASHENG_STORAGE_URL", "HUASHENG_S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= names
        fields = {f"HUASHENG_{f.upper()}" for f in SharedSettings.model_fields}
        assert {n for n in names if n.startswith("HUASHENG_")} <= fields
        assert service["volumes"] == ["cache:/var/lib/huasheng/cache"]
        dockerfile = (ROOT / "services" / name / "Dockerfile").read_text(encoding="utf-8")
        assert "HUASHENG_STORAGE_CACHE_DIR=/var/lib/huasheng/cache" in dockerfile
        assert " /var/lib/huasheng/cache" in dockerfile.split("install -d")[1].splitlines()[0], "it belongs to the user"
