"""Runs the helm that makes our manifests, taken out of a package and kept in ``.venv``.

python -m tools.helm lint deploy/helm/huasheng
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tools import kubectl
from tools.system import ROOT

CHART = ROOT / "deploy" / "helm" / "huasheng"


class HelmError(Exception):
    """Helm refused; the message has its own words."""


@cache
def find() -> str:
    """Path of helm; always the pinned one, since another would write manifests another way. Raises ``KubectlError``."""
    kept = Path(sys.prefix) / "bin" / "helm-huasheng"
    return str(kept if kept.is_file() else kubectl.unpack(kept, "helm"))


def run(*arguments: str) -> str:
    """What helm prints. Raises ``HelmError``."""
    done = subprocess.run([find(), *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise HelmError(done.stderr.strip())
    return done.stdout


def template(*options: str) -> str:
    """The manifests that the chart makes with these options, as YAML. Raises ``HelmError``."""
    return run("template", "huasheng", str(CHART), *options)


def main() -> None:
    """Pass the command line on to helm."""
    try:
        program = find()
    except kubectl.KubectlError as e:
        sys.exit(f"helm: {e}")
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
