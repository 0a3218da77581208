"""axe-core for tests of the page."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "4.14.1"
# WCAG 2.2 AA and axe's own best practices; nothing is switched off
RUN = """() => axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations.map((v) =>
  `${v.id} (${v.impact}): ${v.help}: ` + v.nodes.map((n) => `${n.target} ${n.any[0]?.message ?? ""}`).join(" | ")))"""


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, fetched once by npm; for tests only, the product has nothing of it."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm to fetch axe-core with")
    command = [str(ROOT / "tools/npm_package"), "axe-core", VERSION]
    place = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.strip()
    return (Path(place) / "axe.min.js").read_text(encoding="utf-8")


def violations(web: Any, axe: str) -> list[str]:
    """What axe-core finds on the page as it is now, open dialogs included."""
    web.until("!document.querySelector('[aria-busy]')")
    web.page.evaluate(axe)  # through the debugger: the page's policy stays as it is
    found: list[str] = web.page.evaluate(RUN)
    return found
