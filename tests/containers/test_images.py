"""What is in the images, and what is not."""

import json

import pytest

from tests.containers.stack import run
from tools.system import SERVICES

EVERY = pytest.mark.parametrize("service", SERVICES)


def inside(service: str, script: str) -> list[str]:
    return run("docker", "run", "--rm", "--network=none", f"huasheng-test/{service}", "sh", "-c", script).split()


@EVERY
def test_runs_as_a_fixed_ordinary_user(images: None, service: str) -> None:
    config = json.loads(run("docker", "image", "inspect", f"huasheng-test/{service}"))[0]["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][-1] == service
    assert config["Labels"]["org.opencontainers.image.title"] == f"huasheng-{service}"
    assert inside(service, "id -u; id -g") == ["10001", "10001"]


@EVERY
def test_holds_its_own_code_and_nobody_elses(images: None, service: str) -> None:
    assert set(inside(service, "ls /app/services")) == {"__init__.py", "common", service}
    assert set(inside(service, "ls /app")) == {"services", "protos"}


@EVERY
def test_holds_no_build_tools_and_no_leftovers(images: None, service: str) -> None:
    for script in (
        "command -v gcc cc make npm node",
        "find /root/.cache /tmp /build -mindepth 1 2>/dev/null",
        "find /opt/venv -maxdepth 5 -name pip",
        "find / -xdev -name '*.part' 2>/dev/null",
    ):
        assert inside(service, f"{script}; true") == []


@EVERY
def test_its_user_can_change_nothing_but_the_data_folders(images: None, service: str) -> None:
    writable = inside(service, "find /app /opt /var/lib/huasheng /etc /usr -writable -not -type l 2>/dev/null; true")
    assert {w for w in writable if not w.startswith("/var/lib/huasheng/")} == set()


@pytest.mark.parametrize("service", ["asr", "tts", "render"])
def test_brings_its_weights_checked_and_marked(images: None, service: str) -> None:
    # marks that did not survive the image would mean hashing hundreds of megabytes at every start
    script = (
        "import os, pathlib;from services.common.weights import manifest;root=pathlib.Path('/opt/weights');"
        f"files=[(root/g.name/f.name,f) for g in manifest().values() if {service!r} in g.services for f in g.files];"
        "assert files;"
        "print(all((p.with_name(p.name+'.ok')).read_text()==f'{f.sha256} {p.stat().st_mtime_ns}' for p,f in files),"
        "len(files)==sum(1 for p in root.rglob('*') if p.is_file() and p.suffix!='.ok'))"
    )
    assert run(
        "docker", "run", "--rm", "--network=none", f"huasheng-test/{service}", "python", "-c", script
    ).split() == [
        "True",
        "True",
    ]


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"gateway"}))
def test_a_wrong_setting_is_refused_at_start(images: None, service: str) -> None:
    name = f"{service.upper()}_PORT"
    command = f"{name}=nonsense python -m services.{service} 2>&1; echo $?"
    answer = inside(service, command)
    assert answer[-1] == "2" and name in " ".join(answer)


IMPORTS = """
import ast, importlib.util, pathlib
for path in pathlib.Path("/app/services").rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            if importlib.util.find_spec(name.split(".")[0]) is None:
                print(name.split(".")[0])
"""


NOT_NEEDED = {
    "asr": {"PIL", "pi_heif"},  # services/common/media/pictures.py: only the gateway and render open pictures
    "llm": {"PIL", "pi_heif"},
    "tts": {"PIL", "pi_heif"},
    "render": {"torch", "safetensors"},  # engines that draw with torch are in the image for the GPU
}


@EVERY
def test_has_every_package_that_its_code_imports(images: None, service: str) -> None:
    # weights.py asks the hub only when no package source works, and only while an image is built
    script = ("docker", "run", "--rm", "--network=none", f"huasheng-test/{service}", "python", "-c", IMPORTS)
    assert set(run(*script).split()) <= {"huggingface_hub"} | NOT_NEEDED.get(service, set())
