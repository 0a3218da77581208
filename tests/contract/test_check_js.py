"""``tools/check_js`` finds a wrong type in the page's JavaScript, and says so when it cannot look."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "check_js"


def run(*args: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    done = subprocess.run([SCRIPT, *args], capture_output=True, text=True, timeout=300, env=env)
    return done.returncode, done.stdout + done.stderr


def test_a_wrong_type_is_found(tmp_path: Path) -> None:
    if not list(ROOT.glob(".data/tsc-*/node_modules/.bin/tsc")):
        pytest.skip("the TypeScript compiler is not here yet; run tools/check_js once")
    wrong = tmp_path / "wrong.js"
    wrong.write_text('/** @type {number} */\nexport const wrong = "text";\n')
    code, said = run(str(wrong))
    assert code != 0
    assert said.count("error TS") == 1, said
    assert "wrong.js" in said


def test_without_npm_it_says_that_it_was_skipped(tmp_path: Path) -> None:
    for tool in ("bash", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    code, said = run(env={"PATH": str(tmp_path)})
    assert (code, "skipped" in said) == (0, True)
    assert "npm" in said


def test_it_is_part_of_the_checks() -> None:
    assert "tools/check_js" in (ROOT / "Makefile").read_text()
