"""Every command of docs/operations.md: those on our own programs and files are run or parsed, those on a cluster or on
containers are held against what is there. A command that no check here knows fails."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from services.gateway import admin
from services.gateway.backup.__main__ import _parser as backup_parser
from tests.contract.test_deploy_helm import made
from tests.contract.test_deploy_k8s import build, container, workloads
from tools import helm
from tools.system import ROOT, SERVICES

__all__ = ["build"]  # a fixture
TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
ELSEWHERE = ("mkdir", "openssl", "printf", "sudo", "cd", "mv")
"""Of the certificates; test_deploy_compose.py runs that block."""


def commands() -> list[list[str]]:
    """Each simple command in words, without what is piped on and without comments."""
    found = []
    for block in BLOCKS:
        if "x509" in block or "set_token" in block or "LLM_ENGINES=" in block:
            continue  # run by test_deploy_compose.py and test_access.py; settings, not commands
        joined = re.sub(r"\\\n\s*", " ", block)
        for line in joined.splitlines():
            for part in re.split(r" && | \| ", line):
                if words := shlex.split(part.replace("…", "x"), comments=True):
                    found.append(words)
    inline = re.findall(r"`((?:[A-Z_]+=\S+ )?(?:docker compose|helm|kubectl) [^`]*)`", TEXT)
    found += [shlex.split(c.replace("\\|", "|").split(" | ")[0]) for c in inline if "…" not in c]
    return [[w for i, w in enumerate(words) if i or not re.match(r"[A-Z_]+=", w)] for words in found]


def without_redirections(words: list[str]) -> list[str]:
    return words[: next((i for i, w in enumerate(words) if w in ("<", ">")), len(words))]


def compose_services() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]


def check_python(words: list[str]) -> None:
    """``python -m services.gateway.…``, with its arguments parsed by its own parser."""
    assert words[:2] == ["python", "-m"], words
    parser = {"services.gateway.backup": backup_parser, "services.gateway.admin": admin._parser}[words[2]]
    parser().parse_args(words[3:])


def check_compose(words: list[str]) -> None:
    rest = words[2:]
    while rest and rest[0] in ("-f", "--profile"):
        if rest[0] == "-f":
            assert (ROOT / rest[1]).is_file(), rest[1]
        else:
            assert rest[1] in {p for s in compose_services().values() for p in s.get("profiles", [])}
        rest = rest[2:]
    if not rest:  # the table says what to add
        return
    action, *rest = rest
    flags = {
        "up": {"--build", "--wait", "-d", "--scale"},
        "exec": {"-T"},
        "run": {"--rm", "-T", "--no-deps"},
        "build": {"--pull"},
        "logs": {"-f", "--no-log-prefix"},
        "down": {"-v"},
        "stop": set(),
        "ps": set(),
    }[action]
    named: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--scale":
            assert re.fullmatch(r"\w+=\d", rest[0]) and rest.pop(0).split("=")[0] in compose_services()
        elif word.startswith("-"):
            assert word in flags, f"{action} {word}"
        else:
            named.append(word)
            if action in ("exec", "run"):
                break
    assert set(named) <= {*compose_services(), "NAME"}, named
    if named == ["token"]:
        assert f"{rest[0]})" in str(compose_services()["token"]["entrypoint"]), rest
    elif action in ("exec", "run"):
        check_python(rest)


def check_helm(words: list[str]) -> None:
    """Rendered as it stands, in place of being installed."""
    assert words[1] in ("install", "upgrade") and words[3] == "deploy/helm/huasheng"
    helm.run("template", words[2], *(str(ROOT / w) if w.startswith("deploy/") else w for w in words[3:]))


def check_kubectl(words: list[str], manifests: Callable[[str], Any]) -> None:
    rest = words[1:]
    if rest[0] == "-n":
        assert rest[1] == "huasheng"
        rest = rest[2:]
    action, rest = rest[0], rest[1:]
    if action == "apply" and "-k" in rest:
        folder = rest[rest.index("-k") + 1].removeprefix("deploy/k8s/")
        assert set(rest) - {"-k", f"deploy/k8s/{folder}"} <= {"--server-side"} and manifests(folder)
    elif action == "apply":
        assert rest[0] == "-f" and (ROOT / rest[1]).is_file()
    elif action == "create" and rest[0] == "secret":
        check_secret(rest)
    elif action in ("rollout", "scale", "port-forward", "wait", "delete", "exec", "logs"):
        check_object(action, [w for w in rest if not w.startswith("-")])
        if "--" in rest:
            check_python(rest[rest.index("--") + 1 :])
    else:
        assert (action, rest[0]) == ("create", "namespace") or action == "get" or action == "describe", words


def check_secret(rest: list[str]) -> None:
    assert rest[1:3] == ["generic", "huasheng-secrets"]
    given = {w.split("=")[1] for w in rest if w.startswith("--from-literal")}
    used = set()
    for w in workloads(made(values="production")):
        used |= {e["valueFrom"]["secretKeyRef"]["key"] for e in container(w).get("env", []) if "secretKeyRef" in str(e)}
        used |= {
            i["key"] for v in w["spec"]["template"]["spec"]["volumes"] for i in v.get("secret", {}).get("items", [])
        }
    assert given <= used and {"service-token", "gateway-secret", "database-url"} <= given


def check_object(action: str, named: list[str]) -> None:
    """The object exists: in the manifests, or in the example of the pod that restores."""
    known = {f"{w['kind'].lower()}/{w['metadata']['name']}" for w in workloads(made())}
    known |= {"gateway-0", "restore", "pod/restore", "service/huasheng"}
    thing = named[1] if action == "rollout" else named[0]
    assert thing in known, thing
    if action == "rollout":
        assert named[0] in ("status", "restart", "undo")


def test_every_command_is_known_and_right(build) -> None:
    kinds: dict[str, int] = {}
    for words in commands():
        words = without_redirections(words)
        if words[0] == "docker" and words[1] == "compose":
            check_compose(words)
        elif words[0] == "helm":
            check_helm(words)
        elif words[0] == "kubectl":
            check_kubectl(words, build)
        else:
            assert words[0] in ("grep", *ELSEWHERE), f"no check knows {words}"
        kinds[words[0]] = kinds.get(words[0], 0) + 1
    assert kinds["docker"] >= 15 and kinds["helm"] >= 6 and kinds["kubectl"] >= 12, kinds


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.split("\n", 1)[0][:40])
def test_every_block_is_a_script_that_a_shell_reads(block: str) -> None:
    done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_files_and_services_named_in_the_page_are_there() -> None:
    for name in re.findall(r"`((?:deploy|services|docs)/[\w./-]+)`", TEXT):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"docker-compose[\w.-]*\.yml", TEXT):
        assert (ROOT / name).is_file(), name
    for value in re.findall(
        r"`((?:autoscaling|podMonitor|prometheusRule|ingress|httpRoute|storage)\.[\w.]+|tls\.enabled)", TEXT
    ):
        values: Any = yaml.safe_load((helm.CHART / "values.yaml").read_text(encoding="utf-8"))
        for part in value.split("."):
            values = values[part]
    alerts = (ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8")
    for alert in re.findall(r"\bHuasheng[A-Z]\w+", TEXT):
        assert f"alert: {alert}\n" in alerts, alert
    assert all(f"`{s}`" in TEXT or f"| {s} |" in TEXT for s in SERVICES)


def test_links_within_the_page_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", TEXT, re.M)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= anchors
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("services/*/README.md")]:
        for anchor in re.findall(r"operations\.md#([\w-]+)\)", page.read_text(encoding="utf-8")):
            assert anchor in anchors, f"{page}: {anchor}"
