"""The examples beside the manifests fit what the manifests make."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.contract.test_deploy_compose import environment_of
from tests.contract.test_deploy_helm import EXAMPLES, made
from tests.contract.test_deploy_k8s import container, known_variables, pod, validated, workload


def example(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def test_the_pod_that_restores_has_what_the_gateway_has() -> None:
    restore = example("restore-pod.yaml")
    validated(json.dumps(restore))
    gateway = workload(made(), "gateway")
    (own,), theirs = restore["spec"]["containers"], container(gateway)
    assert own["image"] == theirs["image"] and own["securityContext"] == theirs["securityContext"]
    assert restore["spec"]["securityContext"] == pod(gateway)["securityContext"]
    assert {e["name"] for e in own["env"]} <= known_variables("gateway")
    mounts = {m["name"]: m["mountPath"] for m in theirs["volumeMounts"]}
    assert {m["name"]: m["mountPath"] for m in own["volumeMounts"]}.items() <= mounts.items()
    assert environment_of("gateway")["GATEWAY_DATA_DIR"] == mounts["data"]
    claims = {v["persistentVolumeClaim"]["claimName"] for v in restore["spec"]["volumes"] if v["name"] != "tmp"}
    assert claims == {"data-gateway-0", "huasheng-storage"}
    labels = restore["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] != "gateway", "the Service must not send people to it"
    assert "app.kubernetes.io/part-of" not in labels, "nor do the network policies shut it off from the database"


def test_every_example_is_readable() -> None:
    for path in EXAMPLES.iterdir():
        assert example(path.name), path
