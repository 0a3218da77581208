"""``tools/check_js`` finds wrong types, broken size limits and wrong formatting, and says when it cannot check."""

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


@pytest.fixture(scope="module")
def typescript() -> Path:
    """The folder of the compiler that ``tools/check_js`` has fetched."""
    found = sorted(ROOT.glob(".data/typescript-*/node_modules/typescript"))
    if not found or not shutil.which("node"):
        pytest.skip("the TypeScript compiler is not here yet; run tools/check_js once")
    return found[-1]


def limits(typescript: Path, path: Path) -> list[str]:
    """What ``tools/web_limits.mjs`` finds; its exit code says whether it found anything."""
    command = ["node", str(ROOT / "tools/web_limits.mjs"), str(typescript), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    found = done.stderr.splitlines()
    assert done.returncode == bool(found), done
    return found


@pytest.mark.usefixtures("typescript")
def test_a_wrong_type_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.js"
    wrong.write_text('/** @type {number} */\nexport const wrong = "text";\n')
    code, said = run(str(wrong))
    assert code != 0
    assert said.count("error TS") == 1, said
    assert "wrong.js" in said


def test_the_page_keeps_its_limits(typescript: Path) -> None:
    assert limits(typescript, ROOT / "services/gateway/web") == []


def function(lines: int) -> str:
    return "function long() {\n" + "  call();\n" * (lines - 2) + "}\n"


@pytest.mark.parametrize(
    ("within", "beyond", "message"),
    [
        (function(60), function(61), "a function of 61 lines (most 60)"),
        (
            f"const f = async () => {function(58)[16:]}",
            f"x.y(async () => {function(61)[16:-1]});\n",
            "a function of 61 lines",
        ),
        ("x" * 120 + "\n", "x" * 121 + "\n", "a line of 121 characters (most 120)"),
        ("画" * 120 + "\n", "画" * 121 + "\n", "a line of 121 characters (most 120)"),
        ("x;\n" * 300, "x;\n" * 301, "301 lines (most 300)"),
    ],
)
def test_a_broken_limit_is_found(typescript: Path, tmp_path: Path, within: str, beyond: str, message: str) -> None:
    script = tmp_path / "page.js"
    script.write_text(within, encoding="utf-8")
    assert limits(typescript, script) == []
    script.write_text(beyond, encoding="utf-8")
    (found,) = limits(typescript, script)
    assert message in found
    assert "page.js" in found


def test_wrong_formatting_is_found(tmp_path: Path) -> None:
    if not list(ROOT.glob(".data/prettier-*/node_modules/prettier")):
        pytest.skip("prettier is not here yet; run tools/format_web --check once")
    script = tmp_path / "page.js"
    script.write_text("f( 1 )\n")
    command = [str(ROOT / "tools/format_web"), "--check", str(script)]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 1
    script.write_text("f(1);\n")
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def test_without_npm_it_says_that_it_was_skipped(tmp_path: Path) -> None:
    for tool in ("bash", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    code, said = run(env={"PATH": str(tmp_path)})
    assert (code, "skipped" in said) == (0, True)
    assert "npm" in said


def test_it_is_part_of_the_checks() -> None:
    assert "tools/check_js" in (ROOT / "Makefile").read_text()
