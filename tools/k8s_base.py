"""Writes ``deploy/k8s/base`` from the Helm chart, and the chart's copy of the alerts, so that each has one source.

python -m tools.k8s_base [--check]
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tools import helm
from tools.system import ROOT

K8S = ROOT / "deploy" / "k8s"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
HEAD = "# Made from deploy/helm/huasheng by `python -m tools.k8s_base`: change it there.\n"
_OF_HELM = re.compile(
    r"^ *(# Source: .*|helm\.sh/chart: .*|app\.kubernetes\.io/(version|managed-by|instance): .*|checksum/config: .*"
    r"|helm\.sh/resource-policy: .*|# `helm .*)\n",
    re.MULTILINE,
)
_EMPTY = re.compile(r"^( *)annotations:\n(?!\1 )", re.MULTILINE)


def documents(text: str) -> list[str]:
    """The manifests in what helm printed, without what is of use to helm alone."""
    plain = [
        _EMPTY.sub("", _OF_HELM.sub("", part)).strip("\n") for part in re.split(r"^---$", text, flags=re.MULTILINE)
    ]
    return [part for part in plain if re.search(r"^kind: ", part, re.MULTILINE)]


def _file_of(document: str) -> str:
    def first(pattern: str) -> str:
        found = re.search(pattern, document, re.MULTILINE)
        return found[1] if found else ""

    kind, name = first(r"^kind: (\w+)$"), first(r"^metadata:\n  name: ([\w-]+)$")
    match kind:
        case "NetworkPolicy":
            return "policies.yaml"
        case "PersistentVolumeClaim":
            return "storage.yaml"
        case "ConfigMap":
            return f"{name}.env"
        case _:
            return f"{first(r'^    app.kubernetes.io/name: ([a-z]+)$') or name}.yaml"


def _environment(document: str) -> str:
    """A ConfigMap's entries with their comments, as kustomize reads them: it gives each version a name of its own."""
    _, _, data = document.partition("\ndata:\n")
    lines = []
    for line in map(str.strip, data.splitlines()):
        key, _, value = line.partition(": ")
        plain = json.loads(value) if value.startswith('"') else value
        lines.append(line if line.startswith("#") else f"{key}={plain}")
    return "\n".join(lines) + "\n"


def files() -> dict[Path, str]:
    """Every generated file and its text."""
    # a copy, since helm reads nothing outside the chart, and links do not outlive every way of copying a checkout
    made = {helm.CHART / "files" / ALERTS.name: ALERTS.read_text(encoding="utf-8")}
    for document in documents(helm.template()):
        path = K8S / "base" / _file_of(document)
        if path.suffix == ".env":
            made[path] = HEAD + _environment(document)
        else:
            made[path] = (made[path] + "---\n" if path in made else HEAD) + document + "\n"
    scaled = documents(helm.template("--set", "autoscaling.enabled=true", "--show-only", "templates/autoscaling.yaml"))
    made[K8S / "components" / "autoscaling" / "hpa.yaml"] = HEAD + "\n---\n".join(scaled) + "\n"
    return made


def main() -> None:
    """Write the files; with ``--check`` only tell, by the exit status, whether they are as they should be."""
    wrong = [p for p, text in files().items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        sys.exit(f"not in step with the chart, run python -m tools.k8s_base: {wrong}" if wrong else 0)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
