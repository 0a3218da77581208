"""Skipped tests fail in CI, unless they are listed with the message of the skip."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import allowed

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest

@pytest.mark.skip(reason="needs HUASHENG_GPT_SOVITS_CHECKOUT and _PYTHON")
def test_listed(): ...

def test_other_message():
    pytest.skip("no weights")

@pytest.mark.xfail(strict=True)
def test_expected_failure():
    assert False
"""


@pytest.mark.parametrize(("ci", "passed"), [("", True), ("true", False)])
def test_a_skip_that_is_not_listed_fails_in_ci(ci: str, passed: bool, tmp_path: Path) -> None:
    folder = tmp_path / "tests/contract"
    folder.mkdir(parents=True)
    (folder / "test_gpt_sovits_wire.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text(
        "from tests.skips import pytest_addoption, pytest_make_collect_report, pytest_runtest_makereport\n"
    )
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": ci, "PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, "-rfE", folder],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == passed, done.stdout + done.stderr
    failures = [line.split("::")[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    assert [f.split(" ")[0] for f in failures] == ([] if passed else ["test_other_message"])
    assert ("1 xfailed" in done.stdout) and (("2 skipped" if passed else "1 skipped") in done.stdout), done.stdout


def test_the_list_names_files_that_exist_and_gives_reasons() -> None:
    for entry in allowed():
        assert len(entry.why) > 20 and re.compile(entry.message)
        for pattern in entry.tests:
            assert list(ROOT.glob(pattern.split("::")[0])), pattern
