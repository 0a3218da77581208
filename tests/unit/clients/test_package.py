"""The Python client as a package: its halves, its names, its version."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import huasheng
import pytest

from services.gateway.api.system import VERSION

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "clients" / "python" / "src"
GENERATED = ROOT / "protos" / "gen"


def test_the_synchronous_half_is_generated_from_the_other() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.client_sync", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_version_for_all() -> None:
    product = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert huasheng.__version__ == product == VERSION


def test_no_module_hides_one_of_the_generated_package() -> None:
    ours = {p.stem for p in (SOURCE / "huasheng").iterdir()}
    assert not ours & {p.stem for p in (GENERATED / "huasheng").iterdir()}
    assert not (GENERATED / "huasheng" / "__init__.py").exists(), "one of the two must be a namespace package"


@pytest.mark.parametrize("order", [(SOURCE, GENERATED), (GENERATED, SOURCE)], ids=["client first", "contracts first"])
def test_client_and_contracts_live_in_one_process(order: tuple[Path, ...]) -> None:
    code = (
        "from huasheng.tts.v1 import tts_pb2; import huasheng; print(tts_pb2.Voice().name or huasheng.Huasheng().url)"
    )
    path = f"import sys; sys.path[:0] = {[str(p) for p in order]!r}; "
    done = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "http://127.0.0.1:5001", done.stderr


LIBRARY = {*sys.stdlib_module_names, "huasheng", "httpx", "pydantic", "anyio", "websockets"}
EXTRAS = {"cli": {"typer", "rich"}, "mcp_server": {"mcp", "uvicorn", "starlette"}}
"""What the optional parts import besides."""


def modules_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_the_client_needs_nothing_of_the_services_and_its_parts_only_what_their_extras_bring() -> None:
    source = SOURCE / "huasheng"
    for path in source.rglob("*.py"):
        part = path.relative_to(source).parts[0]
        for name in modules_of(path):
            assert name.split(".")[0] in LIBRARY | EXTRAS.get(part, set()), f"{path}: {name}"
            other = name.split(".")[1] if name.startswith("huasheng.") else ""
            assert other not in EXTRAS or other == part, f"{path} imports {name}, which is optional"


def test_importing_the_library_loads_no_extra() -> None:
    """Rich is left out: httpx imports it where it is."""
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import huasheng;"
        "print({'typer', 'mcp', 'starlette', 'huasheng.cli', 'huasheng.mcp_server'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_extras_are_what_the_tests_install() -> None:
    project = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(
        line.split("==")
        for line in (ROOT / "requirements" / "constraints.txt").read_text().splitlines()
        if "==" in line
    )
    for requirement in [r for extra in project["optional-dependencies"].values() for r in extra]:
        name, _, versions = requirement.partition(">=")
        least, _, limit = versions.partition(",<")
        numbers = [tuple(map(int, v.split("."))) for v in (least, pins[name], limit)]
        assert numbers[0] <= numbers[1] < numbers[2], requirement


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [("huasheng.cli", "typer", "cli"), ("huasheng.cli", "rich", "cli"), ("huasheng.mcp_server", "mcp", "mcp")],
)
def test_a_program_without_its_packages_says_what_to_install(module: str, missing: str, extra: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); sys.modules[{missing!r}] = None; sys.argv = ['x'];"
        f"from {module}.entry import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and f"pip install 'huasheng-client[{extra}]'" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
