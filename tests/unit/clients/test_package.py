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


def test_the_client_needs_nothing_of_the_services() -> None:
    for path in (SOURCE / "huasheng").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                root = node.module.split(".")[0]
                assert root in {*sys.stdlib_module_names, "huasheng", "httpx", "pydantic", "anyio", "websockets"}, (
                    f"{path}: {root}"
                )
