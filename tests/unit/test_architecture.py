"""The rules of the house, held by reading the code: who may import what, and how big things may be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("asr", "llm", "tts", "render", "gateway")
HEAVY = {"torch", "onnxruntime", "ctranslate2", "faster_whisper", "ai_edge_litert", "mediapipe"}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return names


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_only_itself_and_common(service: str) -> None:
    assert sources(f"services/{service}")
    for path in sources(f"services/{service}"):
        for name in imported(path):
            if name.startswith("services."):
                assert name.split(".")[1] in (service, "common"), f"{path} imports {name}"


def test_common_imports_no_service_and_no_engine_runtime() -> None:
    for path in sources("services/common"):
        for name in imported(path):
            assert not (name.startswith("services.") and name.split(".")[1] != "common"), f"{path} imports {name}"
            assert name.split(".")[0] not in HEAVY, f"{path} imports {name}"


@pytest.mark.parametrize("service", SERVICES)
def test_engines_know_nothing_of_grpc(service: str) -> None:
    for path in sources(f"services/{service}/engines"):
        assert not {n for n in imported(path) if n.split(".")[0] in ("grpc", "huasheng")}, path


@pytest.mark.parametrize("service", SERVICES)
def test_starting_a_server_loads_no_engine_runtime(service: str) -> None:
    module = "app" if service == "gateway" else "server"
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'protos/gen')!r}]; import services.{service}.{module};"
        f"print([m for m in {sorted(HEAVY)!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_files_stay_small() -> None:
    files = [
        p
        for d in ("services", "tools", "benchmarks", "clients", "tests")
        for p in (ROOT / d).rglob("*")
        if p.suffix in (".py", ".js", ".css")
    ]
    long = {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long


def test_common_stays_within_its_budget() -> None:
    assert sum(len(p.read_text(encoding="utf-8").splitlines()) for p in sources("services/common")) <= 1600


def test_no_fakes_outside_tests_and_no_machine_paths() -> None:
    for path in sources("services") + sources("tools") + sources("clients"):
        assert "tests.fakes" not in path.read_text(encoding="utf-8"), path
        assert not [n for n in ("/work/", "/root/") if n in path.read_text(encoding="utf-8")], path
