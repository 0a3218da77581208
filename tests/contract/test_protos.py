"""The contracts are well formed, compatible with the released ones, and the generated code is theirs."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sys.executable).with_name("buf")


def buf(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BUF, *args], cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_lint_standard_and_comments() -> None:
    done = buf("lint", cwd=ROOT / "protos")
    assert done.returncode == 0, done.stdout


def test_nothing_breaks_the_baseline() -> None:
    done = buf("breaking", "--against", "baseline.binpb", cwd=ROOT / "protos")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  string text = 1;", "  int32 text = 1;"),
        ("  string language = 2;\n", ""),
        ("rpc Transcribe(", "rpc Transcribed("),
    ],
)
def test_the_breaking_check_finds_a_break(tmp_path: Path, old: str, new: str) -> None:
    copy = tmp_path / "protos"
    shutil.copytree(ROOT / "protos", copy, ignore=shutil.ignore_patterns("gen"))
    proto = copy / "huasheng" / "asr" / "v1" / "asr.proto"
    text = proto.read_text(encoding="utf-8")
    assert old in text
    proto.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert buf("breaking", "--against", "baseline.binpb", cwd=copy).returncode != 0


def test_generated_code_is_up_to_date(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([ROOT / "tools" / "protos", tmp_path], env=env, check=True, timeout=120)
    made = {p.relative_to(tmp_path) for p in tmp_path.rglob("*.py*")}
    kept = {p.relative_to(ROOT / "protos" / "gen") for p in (ROOT / "protos" / "gen").rglob("*_pb2*.py*")}
    kept = {p for p in kept if "__pycache__" not in p.parts}
    assert made == kept, "run: make proto"
    _, differ, _ = filecmp.cmpfiles(tmp_path, ROOT / "protos" / "gen", [str(p) for p in made], shallow=False)
    assert not differ, "run: make proto"
