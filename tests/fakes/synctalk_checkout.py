"""A folder that looks like a SyncTalk checkout with an environment of its own; its programs are the fake ones."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path

from services.render.synctalk.setup import FILES, PACKAGES, SyncTalk

ROOT = Path(__file__).resolve().parents[2]
TORCH = """
__version__ = "1.12.1+cu113"

class cuda:
    @staticmethod
    def is_available():
        return {gpu}

    @staticmethod
    def get_device_properties(number):
        class Properties:
            name, total_memory = "Fake GPU", 24 * 2**30
        return Properties
"""
SCRIPT = "import sys\nfrom tests.fakes.synctalk_programs import {name}\nsys.exit({name}())\n"


def checkout(folder: Path, gpu: bool = True, **settings: float) -> SyncTalk:
    """Make it; it works until ``fault`` is told otherwise."""
    root, env = folder / "SyncTalk", folder / "env"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"weights")
    (root / "main.py").write_text(SCRIPT.format(name="main"))
    (root / "data_utils" / "process.py").write_text(SCRIPT.format(name="process"))
    (env / "bin").mkdir(parents=True)
    (env / "site").mkdir()
    (env / "site" / "torch.py").write_text(TORCH.format(gpu=gpu))
    for name in PACKAGES:
        if name != "torch" and importlib.util.find_spec(name) is None:
            (env / "site" / f"{name}.py").write_text("")
    path = shlex.quote(f"{env / 'site'}:{ROOT}")
    program(env / "bin" / "python", f'PYTHONPATH={path} exec {shlex.quote(sys.executable)} "$@"')
    program(env / "bin" / "ffmpeg", "exit 0")
    return SyncTalk(root, str(env / "bin" / "python"), **{"segment_s": 20.0, "quiet_s": 60.0, **settings})  # type: ignore[arg-type]


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def fault(setup: SyncTalk, **kinds: str) -> None:
    """What goes wrong from now on, by work: ``draw``, ``train``, or ``task6`` of the preparation.

    ``crash``, ``memory``, ``hang``, ``nothing`` (no result, exit 0), ``killed``, ``random`` (no model found, goes on),
    ``unfit`` (missing keys), ``short``, ``garbage``, ``small`` (of the video), ``nan``, ``some`` (of the files).
    With ``once:`` before it, the fault happens a single time.
    """
    (setup.checkout / "faults.json").write_text(json.dumps(kinds))


def calls(setup: SyncTalk) -> list[list[str]]:
    """Command lines of its programs so far."""
    log = setup.checkout / "calls.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
