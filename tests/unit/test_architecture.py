"""The rules of the house, held by reading the code: who may import what, and how big things may be."""

import ast
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("asr", "llm", "tts", "render", "gateway")
WITH_ENGINES = ("asr", "llm", "tts", "render")
OWN_LOOP = {"gpt_sovits": "drives its processes in an event loop of its own, in a thread of its own"}
HEAVY = {"torch", "onnxruntime", "ctranslate2", "faster_whisper", "ai_edge_litert", "mediapipe"}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return names


def engines(service: str) -> list[str]:
    """Names of the folders of a service's engines."""
    return sorted(p.parent.name for p in (ROOT / "services" / service / "engines").glob("*/__init__.py"))


def engine_of(path: Path) -> str:
    """The engine in whose folder a module is; empty for none."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_engine = len(parts) > 3 and parts[2] == "engines" and (ROOT.joinpath(*parts[:4])).is_dir()
    return parts[3] if is_engine else ""


def engine_code(service: str) -> set[Path]:
    """The modules of a service's engines, and those of the service that they use, directly or not."""
    found, left = set[Path](), sources(f"services/{service}/engines")
    while left:
        path = left.pop()
        if path in found:
            continue
        found.add(path)
        for name in imported(path):
            used = (ROOT / name.replace(".", "/")).with_suffix(".py")
            if name.startswith(f"services.{service}.") and used.exists():
                left.append(used)
    return found


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


@pytest.mark.parametrize("service", WITH_ENGINES)
def test_engines_know_nothing_of_grpc_or_asyncio(service: str) -> None:
    """All code of engines, and all modules of their service that it uses."""
    for path in sorted(engine_code(service)):
        if path.name == "registry.py":
            continue
        forbidden = {"grpc", "huasheng"} | (set() if engine_of(path) in OWN_LOOP else {"asyncio"})
        assert not {n for n in imported(path) if n.split(".")[0] in forbidden}, path


@pytest.mark.parametrize("service", WITH_ENGINES)
def test_only_the_registry_knows_an_engine(service: str) -> None:
    """No engine uses another one, and nothing outside its folder imports it: the registry names it in a string."""
    wrong = []
    for path in sources(f"services/{service}"):
        for name in imported(path):
            used = ROOT / name.replace(".", "/")
            if (engine := engine_of(used)) and engine != engine_of(path):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("service", WITH_ENGINES)
def test_an_engine_is_one_folder_and_one_line_of_the_registry(service: str) -> None:
    registry: dict[str, str] = importlib.import_module(f"services.{service}.engines.registry").REGISTRY
    places = {name: ROOT / path.partition(":")[0].replace(".", "/") for name, path in registry.items()}
    assert {engine_of(place) for place in places.values()} == set(engines(service))
    for name, path in registry.items():
        module, _, cls = path.partition(":")
        tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))
        (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls]
        assert f"name = {name!r}" in [ast.unparse(s).replace(": ClassVar[str]", "") for s in body]
        lines = [
            f"{p.relative_to(ROOT)}: {line.strip()}"
            for p in sources(f"services/{service}")
            for line in p.read_text(encoding="utf-8").splitlines()
            if module in line and engine_of(p) != engine_of(places[name])
        ]
        assert len(lines) == 1 and lines[0].startswith(f"services/{service}/engines/registry.py"), lines


def test_starting_a_server_loads_no_engine_runtime() -> None:
    """One process imports all five, one after the other, and tells after each what it has loaded by then."""
    modules = [f"services.{s}.{'app' if s == 'gateway' else 'server'}" for s in SERVICES]
    code = (
        f"import importlib, sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'protos/gen')!r}]\n"
        f"for name in {modules!r}:\n"
        f"    importlib.import_module(name); print(name, [m for m in {sorted(HEAVY)!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} []" for name in modules]


def test_a_cancellation_is_never_lost() -> None:
    """``asyncio.wait_for`` of Python 3.11 forgets one that comes together with its result; ``timeout`` does not."""
    code = [p for folder in ("services", "clients/python/src", "tools") for p in sources(folder)]
    assert not [str(p) for p in code if "asyncio.wait_for(" in p.read_text(encoding="utf-8")]


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
    """What all services share stays small; a helper of one service belongs there.

    Reading media counts by itself, and so do letting callers in, the traces, and the storage, which is one thing to use
    and two to keep files in.
    """
    lines = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in sources("services/common")}
    media = sum(n for p, n in lines.items() if "media" in p.relative_to(ROOT).parts)
    access = sum(n for p, n in lines.items() if "access" in p.relative_to(ROOT).parts)
    storage = sum(n for p, n in lines.items() if p.name == "storage.py" or p.parent.name == "bucket")
    tracing = sum(n for p, n in lines.items() if "tracing" in p.relative_to(ROOT).parts)
    assert media <= 1000 and access <= 350 and storage <= 900
    # all that knows OpenTelemetry: five programs send traces
    assert tracing <= 600
    # 30 of these lines are where serving, interceptor, fallback and logs speak to the traces
    assert sum(lines.values()) - media - access - storage - tracing <= 2330


def test_no_fakes_outside_tests_and_no_machine_paths() -> None:
    for path in sources("services") + sources("tools") + sources("clients"):
        assert "tests.fakes" not in path.read_text(encoding="utf-8"), path
        assert not [n for n in ("/work/", "/root/") if n in path.read_text(encoding="utf-8")], path


def test_only_the_traces_know_their_libraries() -> None:
    """They are imported where a collector is set, which a module that imported them by itself would undo."""
    for path in sources("services"):
        if "tracing" not in path.parts:
            assert not [n for n in imported(path) if n.split(".")[0] == "opentelemetry"], path
